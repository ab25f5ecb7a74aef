//! Conversations that the gateway remembers.

use http::Method;

use super::Client;
use super::options::{CallOptions, check_thread};
use super::send::Outgoing;
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
        let limit = query.limit.map(|limit| limit.to_string());
        let query = [("limit", limit.as_deref()), ("before", query.before.as_deref())];
        self.client.get(&["v1", "threads"], &query, options).await
    }

    /// One thread.
    ///
    /// # Errors
    /// 404 when the user has no such thread.
    pub async fn get(&self, id: &str, options: &CallOptions) -> Result<Thread, Error> {
        self.client.get(&["v1", "threads", &check_thread(id)?], &[], options).await
    }

    /// What was said in a thread, oldest first.
    ///
    /// # Errors
    /// 404 when the user has no such thread.
    pub async fn messages(&self, id: &str, options: &CallOptions) -> Result<Vec<ThreadMessage>, Error> {
        self.client.get(&["v1", "threads", &check_thread(id)?, "messages"], &[], options).await
    }

    /// Deletes a thread and all that was said in it.
    ///
    /// # Errors
    /// 404 when the user has no such thread.
    pub async fn delete(&self, id: &str, options: &CallOptions) -> Result<(), Error> {
        let url = self.client.address(&["v1", "threads", &check_thread(id)?], &[])?;
        let outgoing = Outgoing { method: Method::DELETE, ..Outgoing::get(url) };
        self.client.send(&outgoing, options).await.map(drop)
    }
}
