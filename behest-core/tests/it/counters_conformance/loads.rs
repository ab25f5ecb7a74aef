//! How counters learn what they never counted.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use behest_core::gateway::limits::counters::{Denied, Take};
use behest_core::gateway::limits::meter::{Measure, Subject as Whose};
use behest_core::gateway::limits::window::Window;

use super::Subject;
use crate::counters_fake::{NOW, charge, hold, meter, spend, take, user};

const DAY: i64 = 86_400_000;

/// Records so many tokens of an earlier call of `user`.
fn earlier(subject: &Subject, name: &str, admitted_at: i64, tokens: u64) {
    let call = Take { admitted_at, ..take(Some(name), Vec::new()) };
    subject.ledger.record(&call, &charge(&call, 1, tokens, 0));
}

pub async fn ledger(subject: Subject) {
    let own = meter(user("u"), Measure::Tokens, Window::Day);
    let project = meter(Whose::Project, Measure::Tokens, Window::Month);
    let calls = meter(Whose::Project, Measure::Requests, Window::Day);
    let midnight = NOW - NOW % DAY;
    for (name, at, tokens) in
        [("u", midnight, 10), ("u", midnight - 1, 100), ("v", NOW, 1_000), ("u", midnight + DAY, 9)]
    {
        earlier(&subject, name, at, tokens);
    }
    let demands = vec![hold(&own, Some(100), 20), hold(&project, None, 20), hold(&calls, None, 1)];
    let grant = subject.counters.take(take(Some("u"), demands.clone())).await.expect("room");
    let stands: Vec<_> = grant.standings.iter().map(|standing| (standing.used, standing.reserved)).collect();
    assert_eq!(stands, [(10, 20), (1_119, 20), (2, 1)]);
    assert_eq!(subject.ledger.asked().len(), 1, "all at once");
    subject.counters.take(take(Some("u"), demands)).await.expect("room");
    assert_eq!(subject.ledger.asked().len(), 1, "and never again");
    let refused = subject.counters.take(take(Some("u"), vec![hold(&own, Some(100), 51)])).await;
    refused.expect_err("what was spent before counts");
}

pub async fn unrecorded(subject: Subject) {
    let busy = meter(user("u"), Measure::Concurrency, Window::Total);
    let address = meter(Whose::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)), Measure::Requests, Window::Minute);
    let old = NOW - 10 * DAY;
    let call = Take {
        admitted_at: old,
        ..take(Some("u"), vec![hold(&busy, Some(1), 1), spend(&address, Some(1), 1)])
    };
    subject.ledger.fail(usize::MAX);
    subject.counters.take(call).await.expect("nobody is asked");
    assert!(subject.ledger.asked().is_empty());
}

pub async fn minutes(subject: Subject) {
    let calls = meter(user("u"), Measure::Requests, Window::Minute);
    let tokens = meter(user("u"), Measure::Tokens, Window::Day);
    let minute = NOW - NOW % 60_000;
    let at = |admitted_at| Take {
        admitted_at,
        expires_at: admitted_at + 600_000,
        ..take(Some("u"), vec![spend(&calls, Some(9), 1)])
    };
    subject.counters.take(at(minute)).await.expect("room");
    assert!(subject.ledger.asked().is_empty(), "the minute began after the start");
    earlier(&subject, "u", minute - 60_000, 1);
    let grant = subject.counters.take(at(minute - 60_000)).await.expect("room");
    assert_eq!((grant.standings[0].used, subject.ledger.asked().len()), (2, 1), "this one before");
    subject.counters.standings(vec![tokens], NOW + 3 * DAY).await.expect("a standing");
    assert_eq!(subject.ledger.asked().len(), 2, "a limit of days may be made in their middle");
}

pub async fn shared(subject: Subject) {
    let own = meter(user("u"), Measure::Tokens, Window::Day);
    let project = meter(Whose::Project, Measure::Tokens, Window::Day);
    earlier(&subject, "u", NOW, 5);
    subject.ledger.pause();
    let start = |demands: Vec<_>| {
        let (counters, call) = (Arc::clone(&subject.counters), take(Some("u"), demands));
        tokio::spawn(async move { counters.take(call).await })
    };
    let first = start(vec![hold(&own, Some(100), 1)]);
    subject.ledger.until_asked(1).await;
    let others: Vec<_> = (0..20).map(|_| start(vec![hold(&own, Some(100), 1)])).collect();
    let wider = start(vec![hold(&own, Some(100), 1), hold(&project, Some(100), 1)]);
    subject.ledger.until_asked(2).await;
    assert_eq!(subject.ledger.asked()[1].0, [Arc::clone(&project)], "only what nobody asked about yet");
    subject.ledger.go_on();
    first.await.expect("no panic").expect("room");
    wider.await.expect("no panic").expect("room");
    for other in others {
        other.await.expect("no panic").expect("room");
    }
    assert_eq!(subject.standing(&own).await, (5, 22));
    assert_eq!(subject.standing(&project).await, (5, 1));
    assert_eq!(subject.ledger.asked().len(), 2);
}

pub async fn abandoned(subject: Subject) {
    let own = meter(user("u"), Measure::Tokens, Window::Day);
    earlier(&subject, "u", NOW, 5);
    subject.ledger.pause();
    let counters = Arc::clone(&subject.counters);
    let call = take(Some("u"), vec![hold(&own, Some(100), 1)]);
    let leaver = tokio::spawn(async move { counters.take(call).await });
    subject.ledger.until_asked(1).await;
    leaver.abort();
    leaver.await.expect_err("it left");
    subject.ledger.go_on();
    assert_eq!(subject.standing(&own).await, (5, 0), "and took nothing");
    assert_eq!(subject.ledger.asked().len(), 1);
}

pub async fn failed(subject: Subject) {
    let own = meter(user("u"), Measure::Tokens, Window::Day);
    let busy = meter(user("u"), Measure::Concurrency, Window::Total);
    earlier(&subject, "u", NOW, 5);
    subject.ledger.fail(1);
    subject.ledger.pause();
    let start = || {
        let demands = vec![hold(&busy, Some(100), 1), hold(&own, Some(100), 1)];
        let (counters, call) = (Arc::clone(&subject.counters), take(Some("u"), demands));
        tokio::spawn(async move { counters.take(call).await })
    };
    let first = start();
    subject.ledger.until_asked(1).await;
    let second = start();
    // On this runtime the second one waits by now.
    tokio::task::yield_now().await;
    subject.ledger.go_on();
    let refused = first.await.expect("no panic").expect_err("nobody knows");
    assert!(matches!(refused, Denied::Store(_)), "{refused:?}");
    let second = second.await.expect("no panic");
    let refused = second.expect_err("it waited for the same load");
    assert!(matches!(refused, Denied::Store(_)), "{refused:?}");
    assert_eq!(subject.standing(&busy).await, (0, 0), "all or none");
    let grant = start().await.expect("no panic").expect("the next one asks again");
    assert_eq!((grant.standings[1].used, grant.standings[1].reserved), (5, 1));
}

pub async fn under_way(subject: Subject) {
    let old = meter(user("u"), Measure::Tokens, Window::Total);
    let new = meter(user("u"), Measure::Tokens, Window::Day);
    let at = |name, admitted_at| {
        let name: &str = name;
        Take { admitted_at, ..take(Some(name), vec![hold(&old, None, 50)]) }
    };
    let settle = |call: &Take, tokens| {
        let charge = charge(call, 0, tokens, 0);
        subject.ledger.record(call, &charge);
        subject.counters.settle(charge);
    };
    let (done, running, stranger) = (at("u", NOW), at("u", NOW), at("v", NOW));
    let (yesterday, late) = (at("u", NOW - DAY), at("u", NOW));
    for call in [&done, &running, &stranger, &yesterday, &late] {
        subject.counters.take(call.clone()).await.expect("room");
        settle(call, 1);
    }
    settle(&done, 10);
    subject.counters.release(done.lease);
    subject.counters.renew(running.lease, NOW + DAY);
    assert_eq!(subject.counters.sweep(late.expires_at), 3);
    settle(&running, 100);
    // Now somebody makes a limit of the day.
    subject.ledger.pause();
    let (counters, meters) = (Arc::clone(&subject.counters), vec![Arc::clone(&new)]);
    let asks = subject.ledger.asked().len();
    let standing = tokio::spawn(async move { counters.standings(meters, NOW).await });
    subject.ledger.until_asked(asks + 1).await;
    let except = subject.ledger.asked()[asks].1.clone();
    let mut expected = vec![running.operation, late.operation];
    expected.sort_unstable();
    assert_eq!(except, expected, "those under way, and those that may still settle");
    settle(&running, 1_000);
    settle(&stranger, 5_000);
    settle(&yesterday, 5_000);
    settle(&late, 10_000);
    subject.counters.release(late.lease);
    subject.ledger.go_on();
    let standing = standing.await.expect("no panic").expect("a standing")[0];
    // 11 of the one that is done, 1,101 of the running one, 10,001 of the late one.
    assert_eq!((standing.used, standing.reserved), (11_113, 0));
    settle(&running, 100_000);
    subject.counters.release(running.lease);
    assert_eq!(subject.standing(&new).await, (111_113, 0));
}

pub async fn spent(subject: Subject) {
    let minute = meter(user("u"), Measure::Requests, Window::Minute);
    let day = meter(user("u"), Measure::Requests, Window::Day);
    let call = take(Some("u"), vec![spend(&minute, Some(9), 1)]);
    subject.counters.take(call.clone()).await.expect("room");
    // A provider is asked, and there is a record, which the ledger is not asked about while the call is under way.
    let asked = charge(&call, 1, 5, 0);
    subject.counters.settle(asked.clone());
    subject.ledger.record(&call, &asked);
    earlier(&subject, "u", NOW, 1);
    assert_eq!(subject.standing(&day).await, (2, 0), "the earlier one, and the one under way");
    assert_eq!(
        subject.standing(&minute).await,
        (1, 0),
        "what was spent in this minute is not charged there again"
    );
    let grant = subject.counters.take(call.clone()).await.expect("room");
    let used: Vec<_> = grant.standings.iter().map(|standing| standing.used).collect();
    assert_eq!(used, [1], "a call that spends twice is one call");
}

pub async fn unnamed(subject: Subject) {
    let day = meter(user("u"), Measure::Tokens, Window::Day);
    let calls = meter(user("u"), Measure::Requests, Window::Day);
    let minute = meter(user("u"), Measure::Requests, Window::Minute);
    assert_eq!((subject.standing(&day).await, subject.standing(&calls).await), ((0, 0), (0, 0)));
    // A tier without a limit of tokens or calls in a day: its calls name none of these.
    let call = take(Some("u"), vec![spend(&minute, Some(9), 1)]);
    subject.counters.take(call.clone()).await.expect("room");
    let charge = charge(&call, 1, 30, 0);
    subject.counters.settle(charge.clone());
    subject.counters.release(call.lease);
    assert_eq!((subject.standing(&day).await, subject.standing(&calls).await), ((30, 0), (1, 0)));
    // The ledger says the same.
    subject.ledger.record(&call, &charge);
    let subject = subject.restarted();
    assert_eq!((subject.standing(&day).await, subject.standing(&calls).await), ((30, 0), (1, 0)));
}

pub async fn newcomers(subject: Subject) {
    let busy = meter(user("u"), Measure::Concurrency, Window::Total);
    let day = meter(user("u"), Measure::Tokens, Window::Day);
    subject.ledger.pause();
    let (counters, meters) = (Arc::clone(&subject.counters), vec![Arc::clone(&day)]);
    let standing = tokio::spawn(async move { counters.standings(meters, NOW).await });
    subject.ledger.until_asked(1).await;
    // A whole call that does not name the meter, with its record, before the ledger has answered.
    let (counters, ledger) = (Arc::clone(&subject.counters), Arc::clone(&subject.ledger));
    let call = take(Some("u"), vec![hold(&busy, Some(1), 1)]);
    let newcomer = tokio::spawn(async move {
        counters.take(call.clone()).await.expect("room");
        let charge = charge(&call, 1, 30, 0);
        ledger.record(&call, &charge);
        counters.settle(charge);
        counters.release(call.lease);
    });
    tokio::task::yield_now().await;
    subject.ledger.go_on();
    standing.await.expect("no panic").expect("a standing");
    newcomer.await.expect("no panic");
    assert_eq!(subject.standing(&day).await, (30, 0));
}

pub async fn failed_under_way(subject: Subject) {
    let old = meter(user("u"), Measure::Tokens, Window::Total);
    let new = meter(user("u"), Measure::Tokens, Window::Day);
    let call = take(Some("u"), vec![hold(&old, None, 50)]);
    subject.counters.take(call.clone()).await.expect("room");
    let settle = |tokens| {
        let charge = charge(&call, 0, tokens, 0);
        subject.ledger.record(&call, &charge);
        subject.counters.settle(charge);
    };
    settle(1);
    subject.ledger.fail(1);
    subject.ledger.pause();
    let (counters, meters) = (Arc::clone(&subject.counters), vec![Arc::clone(&new)]);
    let asks = subject.ledger.asked().len();
    let standing = tokio::spawn(async move { counters.standings(meters, NOW).await });
    subject.ledger.until_asked(asks + 1).await;
    settle(10);
    subject.ledger.go_on();
    standing.await.expect("no panic").expect_err("nobody knows");
    settle(100);
    assert_eq!(subject.standing(&new).await, (111, 0));
    subject.counters.release(call.lease);
    assert_eq!(subject.standing(&new).await, (111, 0));
}

pub async fn restart(subject: Subject) {
    let tokens = meter(user("u"), Measure::Tokens, Window::Day);
    let call = take(Some("u"), vec![hold(&tokens, Some(100), 50)]);
    subject.counters.take(call.clone()).await.expect("room");
    let attempt = charge(&call, 1, 20, 0);
    subject.ledger.record(&call, &attempt);
    subject.counters.settle(attempt);
    // The process dies in the middle of a second attempt, which the next start settles at what was reserved.
    let again = take(Some("u"), vec![hold(&tokens, Some(100), 50)]);
    subject.counters.take(again.clone()).await.expect("room");
    subject.ledger.record(&again, &charge(&again, 1, 50, 0));
    let subject = subject.restarted();
    assert_eq!(subject.standing(&tokens).await, (70, 0));
    assert_eq!(subject.counters.gauges().leases, 0);
    subject.counters.take(take(Some("u"), vec![hold(&tokens, Some(100), 31)])).await.expect_err("too much");
}
