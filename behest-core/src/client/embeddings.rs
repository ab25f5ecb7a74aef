//! Vectors of texts.

use super::Client;
use super::json::JsonCall;
use super::options::CallOptions;
use super::reply::Reply;
use super::send::to_json;
use crate::error::Error;
use crate::types::embeddings::{self, EmbeddingsRequest};

/// Vectors of texts.
#[derive(Debug, Clone, Copy)]
pub struct Embeddings<'c> {
    pub(crate) client: &'c Client,
}

impl Embeddings<'_> {
    /// Asks for the vectors of the request's texts, in their order.
    ///
    /// # Errors
    /// When the gateway or its provider refuses, or when no answer comes in time.
    pub async fn create(
        &self,
        request: &EmbeddingsRequest,
        options: &CallOptions,
    ) -> Result<Reply<embeddings::Embeddings>, Error> {
        self.client.ask(&to_json(request).map(JsonCall::Embeddings)?, options).await
    }
}
