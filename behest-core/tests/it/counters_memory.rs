//! Counters in memory: how many there are, and what becomes of those that make room.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use behest_core::gateway::limits::counters::{Counters, Denied, Take};
use behest_core::gateway::limits::memory::MemoryCounters;
use behest_core::gateway::limits::meter::{Measure, Subject};
use behest_core::gateway::limits::window::Window;

use crate::counters_fake::{Ledger, NOW, charge, hold, meter, spend, take, user};

const MOST: usize = 64;

fn counters(ledger: &Arc<Ledger>) -> MemoryCounters {
    MemoryCounters::new(Arc::clone(ledger) as _, NOW, MOST)
}

#[tokio::test]
async fn counters_that_nobody_needs_make_room_and_are_loaded_again() {
    let ledger = Ledger::new();
    let counters = counters(&ledger);
    let mut kept = None;
    for index in 0..1_000 {
        let name = format!("user-{index}");
        let tokens = meter(user(&name), Measure::Tokens, Window::Day);
        let call = take(Some(&name), vec![hold(&tokens, Some(100), 10)]);
        counters.take(call.clone()).await.expect("room");
        let charge = charge(&call, 1, 5, 0);
        ledger.record(&call, &charge);
        counters.settle(charge);
        // The first one stays under way, and its counter in memory.
        if kept.is_some() {
            counters.release(call.lease);
        }
        kept.get_or_insert((call, tokens));
        assert!(counters.gauges().meters <= MOST as u64);
    }
    let asked = ledger.asked().len();
    let (call, tokens) = kept.expect("a call");
    let standing = counters.standings(vec![tokens], NOW).await.expect("a standing")[0];
    assert_eq!((standing.used, standing.reserved, ledger.asked().len()), (5, 5, asked));
    counters.release(call.lease);
    let second = meter(user("user-1"), Measure::Tokens, Window::Day);
    let standing = counters.standings(vec![second], NOW).await.expect("a standing")[0];
    assert_eq!((standing.used, standing.reserved, ledger.asked().len()), (5, 0, asked + 1));
}

#[tokio::test]
async fn counters_of_calls_under_way_never_make_room() {
    let ledger = Ledger::new();
    let counters = counters(&ledger);
    let call = |index: usize| {
        let name = format!("user-{index}");
        take(Some(&name), vec![hold(&meter(user(&name), Measure::Concurrency, Window::Total), Some(1), 1)])
    };
    let calls: Vec<_> = (0..=MOST).map(call).collect();
    for call in &calls[..MOST] {
        counters.take(call.clone()).await.expect("room");
    }
    let refused = counters.take(calls[MOST].clone()).await.expect_err("all are in use");
    assert!(matches!(&refused, Denied::Store(_)), "{refused:?}");
    assert!(refused.to_string().contains("all of the 64 counters"), "{refused}");
    counters.take(calls[0].clone()).await.expect_err("those that are there go on deciding");
    counters.release(calls[0].lease);
    counters.take(calls[MOST].clone()).await.expect("room again");
}

#[tokio::test]
async fn a_flood_of_addresses_keeps_the_counters_that_were_used_last() {
    let ledger = Ledger::new();
    let counters = counters(&ledger);
    let at = |index: u32, admitted_at| {
        let address = Subject::Address(IpAddr::V4(Ipv4Addr::from_bits(index)));
        let calls = meter(address, Measure::Requests, Window::Minute);
        Take { admitted_at, ..take(None, vec![spend(&calls, Some(1), 1)]) }
    };
    for index in 0..10_000 {
        let call = at(index, NOW + i64::from(index));
        counters.take(call.clone()).await.expect("room");
        counters.release(call.lease);
        assert!(counters.gauges().meters <= MOST as u64);
    }
    counters.take(at(9_999, NOW + 10_000)).await.expect_err("its one call is made");
    assert!(ledger.asked().is_empty());
}

#[tokio::test]
async fn a_minute_whose_counter_made_room_is_asked_about() {
    let ledger = Ledger::new();
    let counters = counters(&ledger);
    let minute = NOW + 60_000;
    let call = |name: &str| {
        let calls = meter(user(name), Measure::Requests, Window::Minute);
        Take { admitted_at: minute, ..take(Some(name), vec![spend(&calls, Some(1), 1)]) }
    };
    for index in 0..=MOST {
        let call = call(&format!("user-{index}"));
        counters.take(call.clone()).await.expect("room");
        ledger.record(&call, &charge(&call, 1, 1, 1));
        counters.release(call.lease);
    }
    counters.take(call("user-0")).await.expect_err("its one call is made");
    assert!(!ledger.asked().is_empty());
}

#[tokio::test]
async fn a_sweep_forgets_what_is_over_after_a_grace() {
    let ledger = Ledger::new();
    let counters = counters(&ledger);
    let minute = meter(user("u"), Measure::Requests, Window::Minute);
    let busy = meter(user("u"), Measure::Concurrency, Window::Total);
    let day = meter(user("u"), Measure::Requests, Window::Day);
    let demands = vec![spend(&minute, Some(1), 1), hold(&busy, Some(1), 1), spend(&day, Some(9), 1)];
    let call = take(Some("u"), demands.clone());
    counters.take(call.clone()).await.expect("room");
    counters.release(call.lease);
    counters.sweep(NOW + 119_999);
    assert_eq!(counters.gauges().meters, 3);
    // The clock is put back: the minute is as full as it was.
    counters.take(take(Some("u"), demands)).await.expect_err("full");
    counters.sweep(NOW + 120_000);
    assert_eq!(counters.gauges().meters, 1, "the day goes on");
}

#[tokio::test]
async fn a_lease_may_settle_for_a_day_after_its_end() {
    let ledger = Ledger::new();
    let counters = counters(&ledger);
    let ever = meter(user("u"), Measure::Tokens, Window::Total);
    let used = async || counters.standings(vec![Arc::clone(&ever)], NOW).await.expect("a standing")[0].used;
    let call = take(Some("u"), vec![hold(&ever, None, 10)]);
    counters.take(call.clone()).await.expect("room");
    counters.sweep(call.expires_at + 86_399_999);
    counters.settle(charge(&call, 0, 1, 0));
    assert_eq!(used().await, 1);
    counters.sweep(call.expires_at + 86_400_000);
    counters.settle(charge(&call, 0, 1, 0));
    assert_eq!(used().await, 1);
}
