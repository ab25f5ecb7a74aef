//! What all counters must do, wherever they are kept.
//!
//! The checks are written over `dyn Counters`; other counters add one call of [`conforms!`] at the end.

mod leases;
mod loads;
mod takes;

use std::sync::Arc;

use behest_core::gateway::limits::counters::{Counters, Standing};
use behest_core::gateway::limits::memory::MemoryCounters;
use behest_core::gateway::limits::meter::Meter;

use crate::counters_fake::{Ledger, NOW};

/// Fresh counters and the ledger behind them.
struct Subject {
    counters: Arc<dyn Counters>,
    ledger: Arc<Ledger>,
    /// Starts counters over a ledger, at a time.
    start: fn(Arc<Ledger>, i64) -> Arc<dyn Counters>,
}

impl Subject {
    fn memory() -> Self {
        Self::started(|ledger, now| Arc::new(MemoryCounters::new(ledger, now, 1_000)))
    }

    fn started(start: fn(Arc<Ledger>, i64) -> Arc<dyn Counters>) -> Self {
        let ledger = Ledger::new();
        Self { counters: start(Arc::clone(&ledger), NOW - 30_000), ledger, start }
    }

    /// The process dies, and another one starts on its ledger.
    fn restarted(self) -> Self {
        Self { counters: (self.start)(Arc::clone(&self.ledger), NOW + 1), ..self }
    }

    /// What is used and what is reserved of a meter now.
    async fn standing(&self, meter: &Arc<Meter>) -> (u64, u64) {
        let Standing { used, reserved, .. } = self.standing_at(meter, NOW).await;
        (used, reserved)
    }

    async fn standing_at(&self, meter: &Arc<Meter>, now: i64) -> Standing {
        self.counters.standings(vec![Arc::clone(meter)], now).await.expect("a standing")[0]
    }
}

/// Runs every check on the counters that `$open` gives.
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
    memory,
    super::Subject::memory(),
    super::takes::all_or_none => a_take_is_all_or_none,
    super::takes::order => the_first_demand_that_refuses_is_named,
    super::takes::kinds => what_is_spent_stays_and_what_is_held_comes_free,
    super::takes::units => a_grant_leaves_seven_eighths_to_others,
    super::takes::free => what_costs_nothing_and_what_has_no_limit_never_refuse,
    super::takes::twice => a_meter_named_twice_counts_once,
    super::takes::windows => the_time_of_admission_decides_the_window,
    super::takes::parallel => of_many_at_once_no_more_pass_than_fit,
    super::takes::extremes => sums_that_are_too_great_stay_the_greatest,
    super::leases::settled => a_settlement_replaces_what_is_held,
    super::leases::once => an_entry_counts_once,
    super::leases::debt => a_debt_refuses_the_next,
    super::leases::models => a_charge_counts_where_its_payer_and_model_do,
    super::leases::extended => an_extension_is_all_or_none_and_counts_what_was_settled,
    super::leases::expired => a_lease_that_ended_comes_free_and_settles_late,
    super::leases::renewed => a_renewed_lease_lasts,
    super::leases::released => a_release_comes_once,
    super::leases::gauges => gauges_tell_what_is_under_way,
    super::loads::ledger => a_meter_begins_with_what_the_ledger_says,
    super::loads::unrecorded => what_no_record_knows_begins_at_nothing,
    super::loads::minutes => a_minute_that_began_here_is_not_asked_about,
    super::loads::shared => calls_wait_for_one_load,
    super::loads::abandoned => a_caller_that_leaves_stops_no_load,
    super::loads::failed => a_failed_load_refuses_who_waits_and_is_tried_again,
    super::loads::under_way => calls_under_way_are_counted_from_the_middle_of_a_window,
    super::loads::spent => what_calls_under_way_spent_is_counted_once,
    super::loads::unnamed => a_limit_for_some_calls_sums_them_all,
    super::loads::newcomers => a_call_that_comes_while_a_meter_is_loaded_counts_once,
    super::loads::failed_under_way => a_failed_load_loses_nothing_of_calls_under_way,
    super::loads::restart => a_restart_keeps_what_was_settled,
);
