//! What was used, and what it cost.

use super::Client;
use super::json::JsonCall;
use super::options::CallOptions;
use super::reply::Reply;
use crate::error::Error;
use crate::types::usage::{BillingReport, UsageReport};

/// Which records to sum up. An end user's token sees that user alone; with
/// [`as_api_key`](CallOptions::as_api_key) the whole project is seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// First instant, RFC 3339, included.
    pub from: Option<String>,
    /// Last instant, RFC 3339, excluded.
    pub to: Option<String>,
    /// `minute`, `hour`, `day` or `total`.
    pub granularity: Option<String>,
    /// One end user's records.
    pub user_id: Option<String>,
    /// One session's records.
    pub session_id: Option<String>,
    /// One thread's records.
    pub thread_id: Option<String>,
    /// One model's records.
    pub model: Option<String>,
    /// One provider's records.
    pub provider: Option<String>,
    /// The records of one tier's users.
    pub tier: Option<String>,
    /// One API key's records, by its id.
    pub api_key_id: Option<String>,
    /// Records that ended like this: `ok`, `cancelled`, `failed`, `timed_out`, `incomplete` or `lost`.
    pub status: Option<String>,
    /// The records of one value of a tag: `NAME:VALUE`.
    pub tag: Option<String>,
    /// Splits every bucket of time by these fields, with commas between.
    pub group_by: Option<String>,
    /// So many rows at once; all of them when absent.
    pub limit: Option<u32>,
    /// Where the page before ended: its `next`.
    pub cursor: Option<String>,
}

/// Reports over the gateway's records.
#[derive(Debug, Clone, Copy)]
pub struct Usage<'c> {
    pub(crate) client: &'c Client,
}

impl Usage<'_> {
    /// What was used, in total and by time.
    ///
    /// # Errors
    /// 403 when an end user asks for another's records.
    pub async fn get(&self, query: &UsageQuery, options: &CallOptions) -> Result<UsageReport, Error> {
        self.client.ask(&JsonCall::Usage(Box::new(query.clone())), options).await.map(Reply::into_data)
    }

    /// What it cost, by who paid the provider and by model.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn billing(
        &self,
        from: Option<&str>,
        to: Option<&str>,
        options: &CallOptions,
    ) -> Result<BillingReport, Error> {
        let call = JsonCall::Billing { from: from.map(str::to_owned), to: to.map(str::to_owned) };
        self.client.ask(&call, options).await.map(Reply::into_data)
    }
}
