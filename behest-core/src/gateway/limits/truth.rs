//! The ledger as the truth of the counters.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::counters::{Question, Truth};
use crate::gateway::store::{Store, StoreError};

/// The records that a store has committed.
pub struct LedgerTruth(pub Arc<dyn Store>);

#[async_trait]
impl Truth for LedgerTruth {
    async fn spent(&self, questions: Vec<Question>, except: Vec<Uuid>) -> Result<Vec<u64>, StoreError> {
        self.0.spent(questions, except).await
    }
}
