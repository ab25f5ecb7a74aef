//! How leases settle and end.

use std::sync::Arc;

use behest_core::gateway::limits::counters::{Charge, Gauges, Take};
use behest_core::gateway::limits::meter::{Measure, Payer, Subject as Whose};
use behest_core::gateway::limits::window::Window;
use uuid::Uuid;

use super::Subject;
use crate::counters_fake::{NOW, PROJECT, charge, hold, meter, payer, spend, take, user};

pub async fn settled(subject: Subject) {
    let tokens = meter(user("u"), Measure::Tokens, Window::Day);
    let money = meter(Whose::Project, Measure::Money, Window::Month);
    let calls = meter(Whose::Project, Measure::Requests, Window::Day);
    let call = take(
        Some("u"),
        vec![hold(&tokens, Some(100), 50), hold(&money, Some(100), 20), hold(&calls, Some(9), 1)],
    );
    subject.counters.take(call.clone()).await.expect("room");
    // A first attempt fails, the second answers: what is left of the hold is there for it.
    subject.counters.settle(charge(&call, 1, 30, 5));
    assert_eq!(subject.standing(&tokens).await, (30, 20));
    assert_eq!(subject.standing(&money).await, (5, 15));
    assert_eq!(subject.standing(&calls).await, (1, 0));
    subject.counters.settle(charge(&call, 0, 10, 5));
    assert_eq!(subject.standing(&tokens).await, (40, 10));
    assert_eq!(subject.standing(&money).await, (10, 10));
    subject.counters.release(call.lease);
    assert_eq!(subject.standing(&tokens).await, (40, 0));
    assert_eq!(subject.standing(&money).await, (10, 0));
    assert_eq!(subject.standing(&calls).await, (1, 0));
}

pub async fn once(subject: Subject) {
    let tokens = meter(user("u"), Measure::Tokens, Window::Day);
    let call = take(Some("u"), vec![hold(&tokens, Some(100), 50)]);
    subject.counters.take(call.clone()).await.expect("room");
    let attempt = charge(&call, 0, 20, 0);
    subject.counters.settle(attempt.clone());
    subject.counters.settle(Charge { tokens: 40, ..attempt.clone() });
    assert_eq!(subject.standing(&tokens).await, (20, 30));
    subject.counters.sweep(call.expires_at);
    subject.counters.settle(attempt);
    assert_eq!(subject.standing(&tokens).await, (20, 0));
}

pub async fn debt(subject: Subject) {
    let money = meter(Whose::Project, Measure::Money, Window::Month);
    let call = take(None, vec![hold(&money, Some(100), 50)]);
    subject.counters.take(call.clone()).await.expect("room");
    subject.counters.settle(charge(&call, 0, 0, 130));
    assert_eq!(subject.standing(&money).await, (130, 0));
    subject.counters.release(call.lease);
    subject.counters.take(take(None, vec![hold(&money, Some(130), 1)])).await.expect_err("a debt");
    subject.counters.take(take(None, vec![hold(&money, Some(131), 1)])).await.expect("it is repaid");
}

pub async fn models(subject: Subject) {
    let (mine, other) = (
        meter(Whose::Model("m".into()), Measure::Money, Window::Day),
        meter(Whose::Model("n".into()), Measure::Money, Window::Day),
    );
    let stranger = meter(user("v"), Measure::Money, Window::Day);
    let tag = |value: &str| {
        meter(Whose::Tag { name: "team".into(), value: value.into() }, Measure::Money, Window::Day)
    };
    let (search, sales) = (tag("search"), tag("sales"));
    let session = |user: Option<&str>| {
        let subject = Whose::Session { user: user.map(Arc::from), session: "s".into() };
        meter(subject, Measure::Money, Window::Day)
    };
    let (own_session, nobodys) = (session(Some("u")), session(None));
    let tier = meter(Whose::Tier("pro".into()), Measure::Money, Window::Day);
    let key = meter(Whose::ApiKey(Uuid::from_u128(9)), Measure::Money, Window::Day);
    let meters = [&mine, &other, &stranger, &search, &sales, &own_session, &nobodys, &tier, &key];
    let demands = meters.map(|meter| hold(meter, Some(100), 10)).to_vec();
    let payer = Payer {
        project: PROJECT,
        user: Some("u".into()),
        session: Some("s".into()),
        tier: Some("pro".into()),
        api_key: Some(Uuid::from_u128(9)),
        tags: vec![("team".into(), "search".into())],
    };
    let call = Take { payer: Arc::new(payer), ..take(None, demands) };
    subject.counters.take(call.clone()).await.expect("room");
    subject.counters.settle(charge(&call, 0, 0, 4));
    for counted in [&mine, &search, &own_session, &tier, &key] {
        assert_eq!(subject.standing(counted).await, (4, 6), "{counted:?}");
    }
    for apart in [&other, &stranger, &sales, &nobodys] {
        assert_eq!(subject.standing(apart).await, (0, 10), "{apart:?}");
    }
    subject.counters.release(call.lease);
    for meter in meters {
        assert_eq!(subject.standing(meter).await.1, 0, "{meter:?}");
    }
}

pub async fn extended(subject: Subject) {
    let project = meter(Whose::Project, Measure::Money, Window::Day);
    let own = meter(user("u"), Measure::Money, Window::Day);
    let busy = meter(user("u"), Measure::Concurrency, Window::Total);
    // Others have both meters in memory before this call comes.
    let other = take(Some("u"), vec![hold(&project, None, 0), hold(&own, None, 0)]);
    subject.counters.take(other.clone()).await.expect("room");
    subject.counters.release(other.lease);
    let call = take(Some("u"), vec![hold(&busy, Some(1), 1)]);
    subject.counters.take(call.clone()).await.expect("room");
    let more = |demands| Take { demands, ..call.clone() };
    subject.counters.take(more(vec![hold(&project, Some(50), 20)])).await.expect("room");
    subject.counters.settle(charge(&call, 0, 0, 15));
    assert_eq!(subject.standing(&project).await, (15, 5));
    // The next attempt needs more of the one and begins with the other.
    let wish = vec![hold(&project, Some(50), 20), hold(&own, Some(30), 31)];
    subject.counters.take(more(wish)).await.expect_err("too much for the user");
    assert_eq!(subject.standing(&project).await, (15, 5));
    assert_eq!(subject.standing(&own).await, (15, 0), "what it settles counts where it names nothing, too");
    let wish = vec![hold(&project, Some(50), 20), hold(&own, Some(30), 10)];
    let grant = subject.counters.take(more(wish)).await.expect("room");
    assert_eq!((grant.standings[0].used, grant.standings[0].reserved), (15, 25));
    assert_eq!(
        (grant.standings[1].used, grant.standings[1].reserved),
        (15, 10),
        "what it settled before, too"
    );
    assert_eq!(subject.counters.gauges().leases, 1);
    subject.counters.settle(charge(&call, 0, 0, 5));
    subject.counters.release(call.lease);
    assert_eq!(subject.standing(&project).await, (20, 0));
    assert_eq!(subject.standing(&own).await, (20, 0));
    assert_eq!(subject.standing(&busy).await, (0, 0));
}

pub async fn expired(subject: Subject) {
    let tokens = meter(user("u"), Measure::Tokens, Window::Day);
    let calls = meter(user("u"), Measure::Requests, Window::Day);
    let call = take(Some("u"), vec![hold(&tokens, Some(100), 50), spend(&calls, Some(9), 1)]);
    subject.counters.take(call.clone()).await.expect("room");
    assert_eq!(subject.counters.sweep(call.expires_at - 1), 0);
    assert_eq!(subject.standing(&tokens).await, (0, 50));
    assert_eq!(subject.counters.sweep(call.expires_at), 1);
    assert_eq!(subject.counters.sweep(call.expires_at), 0, "each lease ends once");
    assert_eq!(subject.standing(&tokens).await, (0, 0));
    assert_eq!(subject.counters.gauges(), Gauges { meters: 2, ..Gauges::default() });
    subject.counters.settle(charge(&call, 0, 30, 0));
    assert_eq!(subject.standing(&tokens).await, (30, 0), "late, and still counted");
    subject.counters.release(call.lease);
    assert_eq!(subject.standing(&tokens).await, (30, 0));
    assert_eq!(subject.standing(&calls).await, (1, 0));
    subject.counters.settle(charge(&call, 0, 30, 0));
    assert_eq!(subject.standing(&tokens).await, (30, 0), "a release is the last word");
}

pub async fn renewed(subject: Subject) {
    let busy = meter(user("u"), Measure::Concurrency, Window::Total);
    let call = take(Some("u"), vec![hold(&busy, Some(1), 1)]);
    subject.counters.take(call.clone()).await.expect("room");
    subject.counters.renew(call.lease, call.expires_at + 60_000);
    subject.counters.renew(call.lease, call.expires_at);
    subject.counters.renew(Uuid::new_v4(), i64::MAX);
    assert_eq!(subject.counters.sweep(call.expires_at + 59_999), 0);
    assert_eq!(subject.standing(&busy).await, (0, 1));
    assert_eq!(subject.counters.sweep(call.expires_at + 60_000), 1);
    subject.counters.renew(call.lease, i64::MAX);
    assert_eq!(subject.standing(&busy).await, (0, 0), "a lease that has ended holds nothing again");
}

pub async fn released(subject: Subject) {
    let busy = meter(user("u"), Measure::Concurrency, Window::Total);
    let demands = || vec![hold(&busy, Some(2), 1)];
    let (one, two) = (take(Some("u"), demands()), take(Some("u"), demands()));
    subject.counters.take(one.clone()).await.expect("room");
    subject.counters.take(two.clone()).await.expect("room");
    subject.counters.release(one.lease);
    subject.counters.release(one.lease);
    subject.counters.release(Uuid::new_v4());
    assert_eq!(subject.counters.sweep(i64::MAX), 1, "the one that is left");
    assert_eq!(subject.standing(&busy).await, (0, 0));
}

pub async fn gauges(subject: Subject) {
    let busy = meter(user("u"), Measure::Concurrency, Window::Total);
    let tokens = meter(user("u"), Measure::Tokens, Window::Day);
    let money = meter(Whose::Project, Measure::Money, Window::Month);
    assert_eq!(subject.counters.gauges(), Gauges::default());
    let demands = vec![hold(&busy, Some(9), 1), hold(&tokens, Some(99), 20), hold(&money, Some(99), 30)];
    let older = Take { admitted_at: NOW - 5_000, payer: payer(Some("u")), ..take(None, demands.clone()) };
    let newer = take(Some("u"), demands);
    subject.counters.take(newer.clone()).await.expect("room");
    subject.counters.take(older.clone()).await.expect("room");
    let both =
        Gauges { leases: 2, oldest: Some(NOW - 5_000), concurrency: 2, tokens: 40, money: 60, meters: 3 };
    assert_eq!(subject.counters.gauges(), both);
    subject.counters.settle(charge(&older, 0, 5, 40));
    subject.counters.release(older.lease);
    let one = Gauges { leases: 1, oldest: Some(NOW), concurrency: 1, tokens: 20, money: 30, meters: 3 };
    assert_eq!(subject.counters.gauges(), one);
    subject.counters.release(newer.lease);
    assert_eq!(subject.counters.gauges(), Gauges { meters: 3, ..Gauges::default() });
}
