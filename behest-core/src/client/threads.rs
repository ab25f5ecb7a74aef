//! Conversations that the gateway remembers.

use super::Client;
use super::json::JsonCall;
use super::options::CallOptions;
use super::reply::Reply;
use crate::error::Error;
use crate::types::thread::{Thread, ThreadMessage};

/// Which threads to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThreadQuery {
    /// How many at most.
    pub limit: Option<u32>,
    /// Only those that come after this one in the list, to read it page by page.
    pub before: Option<String>,
}

/// The threads of one end user. A thread is made by its first message: see [`CallOptions::thread_id`].
#[derive(Debug, Clone, Copy)]
pub struct Threads<'c> {
    pub(crate) client: &'c Client,
}

impl Threads<'_> {
    /// The user's threads, newest first.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn list(&self, query: &ThreadQuery, options: &CallOptions) -> Result<Vec<Thread>, Error> {
        self.client.ask(&JsonCall::Threads(query.clone()), options).await.map(Reply::into_data)
    }

    /// One thread.
    ///
    /// # Errors
    /// 404 when the user has no such thread.
    pub async fn get(&self, id: &str, options: &CallOptions) -> Result<Thread, Error> {
        self.client.ask(&JsonCall::Thread(id.to_owned()), options).await.map(Reply::into_data)
    }

    /// What was said in a thread, oldest first.
    ///
    /// # Errors
    /// 404 when the user has no such thread.
    pub async fn messages(&self, id: &str, options: &CallOptions) -> Result<Vec<ThreadMessage>, Error> {
        self.client.ask(&JsonCall::ThreadMessages(id.to_owned()), options).await.map(Reply::into_data)
    }

    /// Deletes a thread and all that was said in it.
    ///
    /// # Errors
    /// 404 when the user has no such thread.
    pub async fn delete(&self, id: &str, options: &CallOptions) -> Result<(), Error> {
        self.client.call_json(&JsonCall::DeleteThread(id.to_owned()), options).await.map(drop)
    }
}
