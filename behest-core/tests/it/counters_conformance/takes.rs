//! What a take takes.

use std::net::{IpAddr, Ipv4Addr};

use behest_core::gateway::limits::counters::{Amount, Demand, Denied, Standing, Take, Units};
use behest_core::gateway::limits::meter::{Measure, Subject as Whose};
use behest_core::gateway::limits::window::Window;

use super::Subject;
use crate::counters_fake::{NOW, charge, hold, meter, spend, take, user};

const DAY: i64 = 86_400_000;

pub async fn all_or_none(subject: Subject) {
    let project = meter(Whose::Project, Measure::Tokens, Window::Day);
    let own = meter(user("u"), Measure::Tokens, Window::Day);
    let calls = meter(user("u"), Measure::Requests, Window::Minute);
    let demands = vec![spend(&calls, Some(10), 1), hold(&project, Some(100), 60), hold(&own, Some(50), 60)];
    let refused = subject.counters.take(take(Some("u"), demands)).await.expect_err("too much for the user");
    assert!(matches!(refused, Denied::Full { demand: 2, .. }), "{refused:?}");
    for untouched in [&project, &own, &calls] {
        assert_eq!(subject.standing(untouched).await, (0, 0));
    }
    assert_eq!(subject.counters.gauges().leases, 0, "a refused call has no lease");
    let demands = vec![spend(&calls, Some(10), 1), hold(&project, Some(100), 50), hold(&own, Some(50), 50)];
    let grant = subject.counters.take(take(Some("u"), demands)).await.expect("just enough");
    let stands: Vec<_> = grant.standings.iter().map(|standing| (standing.used, standing.reserved)).collect();
    assert_eq!(stands, [(1, 0), (0, 50), (0, 50)], "in the order of the demands");
}

pub async fn order(subject: Subject) {
    let (first, second) = (
        meter(Whose::Project, Measure::Requests, Window::Minute),
        meter(user("u"), Measure::Requests, Window::Minute),
    );
    let both = |first_limit, second_limit| {
        vec![spend(&first, Some(first_limit), 1), spend(&second, Some(second_limit), 1)]
    };
    subject.counters.take(take(Some("u"), both(9, 9))).await.expect("room");
    let refused = subject.counters.take(take(Some("u"), both(1, 1))).await.expect_err("full");
    let resets_at = Some(NOW + 60_000);
    let expected = Standing { used: 1, reserved: 0, resets_at };
    assert!(
        matches!(refused, Denied::Full { demand: 0, standing } if standing == expected),
        "before the take: {refused:?}"
    );
    let refused = subject.counters.take(take(Some("u"), both(2, 1))).await.expect_err("full");
    assert!(matches!(refused, Denied::Full { demand: 1, .. }), "{refused:?}");
}

pub async fn kinds(subject: Subject) {
    let calls = meter(user("u"), Measure::Requests, Window::Day);
    let busy = meter(user("u"), Measure::Concurrency, Window::Total);
    let call = take(Some("u"), vec![spend(&calls, Some(10), 1), hold(&busy, Some(1), 1)]);
    subject.counters.take(call.clone()).await.expect("room");
    assert_eq!(subject.standing(&calls).await, (1, 0));
    assert_eq!(subject.standing(&busy).await, (0, 1));
    let second = take(Some("u"), call.demands.clone());
    let refused = subject.counters.take(second.clone()).await.expect_err("one at a time");
    assert!(matches!(refused, Denied::Full { demand: 1, .. }), "{refused:?}");
    // A settlement has nothing to do with how many are under way.
    subject.counters.settle(charge(&call, 0, 5, 5));
    assert_eq!(subject.standing(&busy).await, (0, 1));
    subject.counters.release(call.lease);
    assert_eq!(subject.standing(&calls).await, (1, 0));
    assert_eq!(subject.standing(&busy).await, (0, 0));
    subject.counters.take(second).await.expect("free again");
}

/// A demand of `fixed` and one for each unit.
fn by_unit(demand: Demand, fixed: u64, thousandths: u64) -> Demand {
    Demand { amount: Amount { fixed, per_unit: thousandths }, ..demand }
}

pub async fn units(subject: Subject) {
    let tokens = meter(user("u"), Measure::Tokens, Window::Day);
    let money = meter(Whose::Project, Measure::Money, Window::Month);
    let calls = meter(user("u"), Measure::Requests, Window::Minute);
    let wish = |limit: u64, budget: u64, (least, most): (u64, u64)| Take {
        units: Units { least, usual: least, most },
        ..take(
            Some("u"),
            vec![
                spend(&calls, Some(7), 1),
                by_unit(hold(&tokens, Some(limit), 0), 10, 1_000),
                by_unit(hold(&money, Some(budget), 0), 0, 2_500),
            ],
        )
    };
    let granted = async |call: Take| {
        let lease = call.lease;
        let units = subject.counters.take(call).await.map(|grant| grant.units);
        let held = (subject.standing(&tokens).await.1, subject.standing(&money).await.1);
        subject.counters.release(lease);
        (units.ok(), held)
    };
    let usual =
        Take { units: Units { least: 5, usual: 3_000, most: 4_000 }, ..wish(8_000, 1_000_000, (0, 0)) };
    assert_eq!(granted(usual).await, (Some(3_000), (3_010, 7_500)), "as usual, whatever that leaves");
    let usual =
        Take { units: Units { least: 5, usual: 3_000, most: 4_000 }, ..wish(2_010, 1_000_000, (0, 0)) };
    assert_eq!(granted(usual).await, (Some(2_000), (2_010, 5_000)), "what there is of it");
    // Requests have no units: that few are left says nothing of how long an answer may be.
    assert_eq!(granted(wish(8_000, 1_000_000, (5, 4_000))).await, (Some(990), (1_000, 2_475)), "an eighth");
    assert_eq!(granted(wish(8_000, 1_000_000, (5, 100))).await, (Some(100), (110, 250)), "as wished for");
    assert_eq!(
        granted(wish(8_000, 2_000, (5, 4_000))).await,
        (Some(100), (110, 250)),
        "the scarcest decides"
    );
    assert_eq!(granted(wish(15, 1_000_000, (5, 4_000))).await, (Some(5), (15, 13)), "the fewest, rounded up");
    subject.counters.take(wish(14, 1_000_000, (5, 4_000))).await.expect_err("not even the fewest");
}

pub async fn free(subject: Subject) {
    let money = meter(Whose::Project, Measure::Money, Window::Month);
    let call = take(None, vec![hold(&money, Some(10), 10)]);
    subject.counters.take(call.clone()).await.expect("all of it");
    subject.counters.settle(charge(&call, 0, 0, 25));
    subject.counters.release(call.lease);
    subject.counters.take(take(None, vec![hold(&money, Some(10), 1)])).await.expect_err("exhausted");
    let demand = by_unit(hold(&money, Some(10), 0), 0, 0);
    let grant = subject
        .counters
        .take(Take { units: Units { least: 1, usual: 1, most: 50 }, ..take(None, vec![demand]) })
        .await;
    assert_eq!(grant.expect("a free model").units, 50);
    let grant = subject.counters.take(take(None, vec![hold(&money, None, 7)])).await.expect("only counted");
    assert_eq!((grant.standings[0].used, grant.standings[0].reserved), (25, 7));
    let demand = by_unit(hold(&money, None, 0), 0, 1_000);
    let grant = subject
        .counters
        .take(Take { units: Units { least: 1, usual: 1, most: 50 }, ..take(None, vec![demand]) })
        .await;
    assert_eq!(grant.expect("only counted").units, 50, "what has no limit bounds nothing");
}

pub async fn twice(subject: Subject) {
    let money = meter(Whose::Project, Measure::Money, Window::Day);
    let calls = meter(Whose::Project, Measure::Requests, Window::Day);
    let demands = |first, second| {
        vec![
            hold(&money, Some(first), 10),
            hold(&money, Some(second), 10),
            spend(&calls, None, 1),
            spend(&calls, None, 1),
        ]
    };
    let call = take(None, demands(10, 20));
    subject.counters.take(call.clone()).await.expect("room in both");
    assert_eq!(subject.standing(&money).await, (0, 10));
    assert_eq!(subject.standing(&calls).await, (1, 0));
    let refused = subject.counters.take(take(None, demands(20, 19))).await.expect_err("full");
    assert!(matches!(refused, Denied::Full { demand: 1, .. }), "{refused:?}");
    subject.counters.settle(charge(&call, 0, 0, 4));
    assert_eq!(subject.standing(&money).await, (4, 6));
    subject.counters.release(call.lease);
    assert_eq!(subject.standing(&money).await, (4, 0));
}

pub async fn windows(subject: Subject) {
    let tokens = meter(user("u"), Measure::Tokens, Window::Day);
    let ever = meter(user("u"), Measure::Tokens, Window::Total);
    let at = |admitted_at| Take {
        admitted_at,
        expires_at: admitted_at + 60_000,
        ..take(Some("u"), vec![hold(&tokens, Some(10), 10), hold(&ever, None, 10)])
    };
    let today = at(NOW);
    let grant = subject.counters.take(today.clone()).await.expect("room");
    assert_eq!(grant.standings[0].resets_at, Some(NOW - NOW % DAY + DAY));
    assert_eq!(grant.standings[1].resets_at, None);
    subject.counters.take(at(NOW)).await.expect_err("full");
    let tomorrow = at(NOW + DAY);
    subject.counters.take(tomorrow.clone()).await.expect("another window");
    // It is settled tomorrow, and counted in the day of its admission.
    subject.counters.settle(charge(&today, 0, 6, 0));
    assert_eq!((subject.standing(&tokens).await, subject.standing(&ever).await), ((6, 4), (6, 14)));
    assert_eq!(subject.standing_at(&tokens, NOW + DAY).await.reserved, 10);
    // The clock is put back.
    subject.counters.take(at(NOW)).await.expect_err("the older window again, as full as it was");
    subject.counters.release(today.lease);
    assert_eq!((subject.standing(&tokens).await, subject.standing(&ever).await), ((6, 0), (6, 10)));
}

pub async fn parallel(subject: Subject) {
    let money = meter(Whose::Project, Measure::Money, Window::Month);
    let address = meter(Whose::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)), Measure::Requests, Window::Minute);
    let calls = (0..200).map(|_| {
        let counters = subject.counters.clone();
        let call = take(None, vec![spend(&address, None, 1), hold(&money, Some(7), 7)]);
        tokio::spawn(async move { counters.take(call).await.is_ok() })
    });
    let mut passed = 0;
    for call in calls.collect::<Vec<_>>() {
        passed += usize::from(call.await.expect("no panic"));
    }
    assert_eq!(passed, 1);
    assert_eq!(subject.standing(&money).await, (0, 7));
    assert_eq!(subject.standing(&address).await, (1, 0));
}

pub async fn extremes(subject: Subject) {
    let money = meter(Whose::Project, Measure::Money, Window::Total);
    let call = take(None, vec![hold(&money, None, u64::MAX)]);
    subject.counters.take(call.clone()).await.expect("no limit");
    let other = take(None, vec![hold(&money, None, 1)]);
    subject.counters.take(other.clone()).await.expect("no limit");
    subject.counters.settle(charge(&call, 0, 0, u64::MAX));
    subject.counters.settle(charge(&other, 0, 0, u64::MAX));
    assert_eq!(subject.standing(&money).await.0, u64::MAX);
    subject.counters.take(take(None, vec![hold(&money, Some(u64::MAX), 1)])).await.expect_err("nothing left");
}
