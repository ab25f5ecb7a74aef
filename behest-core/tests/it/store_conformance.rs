//! What every store must do, whichever database is behind it.
//!
//! The checks are written over `dyn Store`; a new store adds one call of [`conforms!`] at the end.

mod events;
mod identity;
mod ledger;
mod memory;
mod policy;
mod truth;

use std::sync::Arc;
use std::time::Duration;

use behest_core::gateway::ledger::journal::Journal;
use behest_core::gateway::ledger::mailbox::Waiting;
use behest_core::gateway::ledger::money::NanoUsd;
use behest_core::gateway::ledger::record::{KeySource, Outcome, Settlement, Tokens, UsageRecord};
use behest_core::gateway::store::rows::NewTurn;
use behest_core::gateway::store::sqlite::{Durability, Sqlite};
use behest_core::gateway::store::{Store, StoreError};
use tokio::sync::oneshot;
use uuid::Uuid;

/// An instant to count from, in Unix milliseconds: 2027-01-15T08:00:00Z.
const NOW: i64 = 1_800_000_000_000;

/// A fresh store, and a journal for the settlements that go into it.
struct Subject {
    store: Arc<dyn Store>,
    journal: Arc<Journal>,
    _folder: tempfile::TempDir,
}

impl Subject {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Sqlite::open(&folder.path().join("behest.db"), Durability::Process).expect("a database");
        let (journal, _) = Journal::open(&folder.path().join("journal"), 64).expect("a journal");
        Self { store: Arc::new(store), journal, _folder: folder }
    }

    /// Settles a record and says how that went.
    async fn settle(&self, record: UsageRecord, turn: Option<NewTurn>) -> Result<(), StoreError> {
        let permit = self.journal.permit(Duration::ZERO).await.expect("a slot");
        let (call, told) = oneshot::channel();
        self.store.settle(Settlement {
            record,
            turn,
            permit,
            waiting: Some(Waiting { call, mailbox: None }),
        });
        told.await.expect("an outcome")
    }
}

/// A record of one call of nobody in particular.
fn record(project_id: Uuid, started_at: i64) -> UsageRecord {
    UsageRecord {
        attempt_id: Uuid::now_v7(),
        operation_id: Uuid::now_v7(),
        tenant_id: Uuid::now_v7(),
        project_id,
        attempt: 1,
        admitted_at: started_at,
        started_at,
        first_byte_at: None,
        ended_at: started_at + 5,
        user_id: None,
        session_id: None,
        thread_id: None,
        tier: None,
        api_key_id: None,
        tags: None,
        requested_model: "default".to_owned(),
        model: "m".to_owned(),
        provider: "p".to_owned(),
        key_source: KeySource::Platform,
        streamed: false,
        dropped: Vec::new(),
        reserved: None,
        tokens: Tokens { input: Some(10), output: Some(5), ..Tokens::default() },
        cost: Some(NanoUsd(7)),
        price_version: None,
        estimated: false,
        outcome: Outcome::Ok,
        finish_reason: None,
    }
}

/// Runs every check on the stores that `$open` gives.
macro_rules! conforms {
    ($name:ident, $open:expr, $($check:path => $title:ident),+ $(,)?) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $title() {
                    $check($open).await;
                }
            )+
        }
    };
}

conforms!(
    sqlite,
    super::Subject::sqlite(),
    super::events::lists => events_are_listed_by_scope_kind_and_time,
    super::events::once => an_event_that_is_to_be_told_once_is_added_once,
    super::events::gone => what_a_gone_address_left_is_not_tried_again,
    super::events::expiry => events_expire_by_their_time,
    super::identity::values => the_first_value_stands,
    super::identity::changed_values => a_value_changes_only_from_what_was_read,
    super::identity::first => the_first_start_is_all_or_nothing,
    super::identity::tenants => tenants_are_listed_oldest_first,
    super::identity::projects => projects_have_slugs_of_their_own,
    super::identity::drafts => a_draft_is_deployed_or_discarded,
    super::identity::api_keys => api_keys_are_found_by_their_digest_and_revoked_once,
    super::identity::signing_keys => signing_keys_are_found_by_their_name_and_revoked_once,
    super::identity::providers => providers_are_replaced_by_owner_and_name,
    super::policy::tiers => tiers_are_kept_by_project_and_name,
    super::policy::budgets => budgets_are_kept_by_project_and_name,
    super::policy::kill_switches => a_kill_switch_is_thrown_once_and_taken_back_once,
    super::memory::turns => turns_are_kept_in_the_order_of_their_commit,
    super::memory::scopes => conversations_are_scoped_by_all_of_their_key,
    super::memory::lists => threads_are_listed_newest_first,
    super::memory::deletion => what_was_deleted_meanwhile_stays_deleted,
    super::memory::sessions => sessions_slide_and_end,
    super::memory::expiry => conversations_expire_by_their_last_use,
    super::ledger::once => an_attempt_is_recorded_once,
    super::ledger::groups => usage_is_summed_by_bucket_and_group,
    super::ledger::filters => usage_is_filtered_and_crosses_no_project,
    super::ledger::billing => a_bill_is_summed_by_model_and_key,
    super::ledger::unknown => unknown_is_not_zero,
    super::truth::subjects => what_was_spent_is_summed_for_every_subject,
    super::truth::measures => what_was_spent_is_summed_in_every_measure,
    super::truth::windows => the_time_of_admission_bounds_what_was_spent,
    super::truth::except => calls_under_way_are_left_out,
    super::truth::commits => what_was_settled_before_is_counted,
    super::truth::random => what_was_spent_is_what_plain_sums_say,
    super::ledger::closing => a_closed_store_says_so,
);
