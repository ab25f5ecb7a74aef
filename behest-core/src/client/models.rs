//! Models that the project may call.

use super::Client;
use super::options::CallOptions;
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
        self.client.get(&["v1", "models"], &[], options).await
    }

    /// One of them. Its name may hold slashes.
    ///
    /// # Errors
    /// 404 when the project may not call it.
    pub async fn get(&self, id: &str, options: &CallOptions) -> Result<Model, Error> {
        // An empty name, or dots, would be read as part of the path and answer with the list.
        if matches!(id, "" | "." | "..") {
            return Err(Error::request("model", "this is no model's name"));
        }
        self.client.get(&["v1", "models", id], &[], options).await
    }
}
