//! Models that the project may call.

use super::Client;
use super::json::JsonCall;
use super::options::CallOptions;
use super::reply::Reply;
use crate::error::Error;
use crate::types::model::{Model, ModelList};

/// Models that the project may call.
#[derive(Debug, Clone, Copy)]
pub struct Models<'c> {
    pub(crate) client: &'c Client,
}

impl Models<'_> {
    /// All of them.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn list(&self, options: &CallOptions) -> Result<ModelList, Error> {
        self.client.ask(&JsonCall::Models, options).await.map(Reply::into_data)
    }

    /// One of them. Its name may hold slashes.
    ///
    /// # Errors
    /// 404 when the project may not call it.
    pub async fn get(&self, id: &str, options: &CallOptions) -> Result<Model, Error> {
        self.client.ask(&JsonCall::Model(id.to_owned()), options).await.map(Reply::into_data)
    }
}
