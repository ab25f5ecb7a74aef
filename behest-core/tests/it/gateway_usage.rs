//! Usage and billing: sums over the records of one project.

use serde_json::{Value, json};

use crate::support::fake::completion;
use crate::support::gateway::{Call, TestGateway, provider, providers};
use crate::support::scripted::{Script, Scripted};

fn requests(report: &Value) -> u64 {
    report["totals"]["requests"].as_u64().expect("a count")
}

fn time(shift_hours: i64) -> String {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(shift_hours);
    now.to_string()
}

/// A gateway whose provider answers 1,000 tokens with 500: 0.00045 dollars a call.
async fn priced() -> (TestGateway, Scripted) {
    let mut answer = completion("hi");
    answer["usage"] = json!({ "prompt_tokens": 1000, "completion_tokens": 500, "prompt_tokens_details": { "cached_tokens": 0 } });
    let upstream = Scripted::in_turn(vec![Script::json(200, &answer)]).await;
    let site = TestGateway::with(providers([("openai", provider(&upstream, &["gpt-4o-mini"]))])).await;
    (site, upstream)
}

fn usage(site: &TestGateway, query: &str) -> Call {
    site.get(&format!("/v1/usage?{query}"))
}

#[tokio::test]
async fn a_report_has_totals_and_buckets_of_time() {
    let (site, _upstream) = priced().await;
    for _ in 0..3 {
        site.chat("hi").bearer(&site.api_key).await.ok();
    }
    let report = usage(&site, "").bearer(&site.api_key).await.ok();
    let totals = &report["totals"];
    assert_eq!((&totals["requests"], &totals["tokens"]), (&json!(3), &json!(4500)));
    assert_eq!((&totals["input_tokens"], &totals["output_tokens"]), (&json!(3000), &json!(1500)));
    assert_eq!((&totals["cost_usd"], &totals["estimated_requests"]), (&json!(0.00135), &json!(0)));
    for (granularity, end) in [("minute", ":00Z"), ("hour", ":00:00Z"), ("day", "T00:00:00Z")] {
        let query = format!("granularity={granularity}");
        let report = usage(&site, &query).bearer(&site.api_key).await;
        // A day of minutes is few enough buckets; the default window of 30 days is, too.
        let report = report.ok();
        assert_eq!(requests(&report), 3);
        for bucket in report["breakdown"].as_array().expect("a breakdown") {
            assert!(bucket["timestamp"].as_str().is_some_and(|time| time.ends_with(end)), "{bucket}");
            assert!(
                bucket["tokens"].is_u64() && bucket["cost_usd"].is_f64() && bucket.get("group").is_none()
            );
        }
    }
}

#[tokio::test]
async fn a_window_may_be_written_in_every_published_form() {
    let (site, _upstream) = priced().await;
    site.chat("hi").bearer(&site.api_key).await.ok();
    let (before, after) = (time(-1), time(1));
    let offset = |text: &str| text.replace('Z', "+00:00");
    let day = &before[..10];
    for (query, wanted) in [
        (format!("from={before}&to={after}"), 1),
        (format!("from={}&to={}", offset(&before), offset(&after)), 1), // The `+` arrives as a space.
        (format!("from={}&to={}", offset(&before).replace('+', "%2B"), after), 1),
        (format!("from={day}"), 1),
        (format!("to={before}"), 0),
        (format!("from={after}&to={}", time(2)), 0),
        ("from=&to=".to_owned(), 1),
    ] {
        let report = usage(&site, &query).bearer(&site.api_key).await.ok();
        assert_eq!(requests(&report), wanted, "{query}");
        let bill = site.get(&format!("/v1/billing/usage?{query}")).bearer(&site.api_key).await.ok();
        assert_eq!(bill["platform"]["requests"], wanted, "{query}");
    }
    for (query, param) in [
        ("from=yesterday".to_owned(), "from"),
        ("to=2026-13-01".to_owned(), "to"),
        (format!("from={after}&to={before}"), "from"),
        ("granularity=week".to_owned(), "granularity"),
        ("granularity=minute&from=2000-01-01".to_owned(), "granularity"),
        ("group_by=colour".to_owned(), "group_by"),
        ("group_by=tag:".to_owned(), "group_by"),
    ] {
        let answer = usage(&site, &query).bearer(&site.api_key).await;
        assert_eq!(answer.refused(400, "validation_error")["param"], param, "{query}");
    }
}

#[tokio::test]
async fn reports_are_filtered_and_grouped_by_every_name() {
    let (site, _upstream) = priced().await;
    let minted =
        json!({ "user_id": "ann", "tier": "pro", "session_id": "s-1", "tags": { "team": "search" } });
    let ann = site.mint(&site.api_key, &minted).await;
    site.chat("hi").bearer(&ann).thread("t-1").await.ok();
    site.chat("hi").bearer(&ann).await.ok();
    let by_key = site.chat("hi").bearer(&site.api_key).user("bob").header("x-session-id", "s-2");
    by_key.header("x-behest-tags", "team=ads,env=prod").await.ok();
    let echo = json!({ "model": "local/echo", "messages": [{ "role": "user", "content": "a b" }] });
    site.ask(&echo).bearer(&site.api_key).await.ok();
    let keys = site.get(&site.of_project("keys")).admin().await.ok();
    let key = keys["data"][0]["id"].clone();

    let none = Value::Null;
    for (group, wanted) in [
        ("model", vec![(json!("gpt-4o-mini"), 3), (json!("local/echo"), 1)]),
        ("provider", vec![(json!("local"), 1), (json!("openai"), 3)]),
        ("user_id", vec![(none.clone(), 1), (json!("ann"), 2), (json!("bob"), 1)]),
        ("session_id", vec![(none.clone(), 1), (json!("s-1"), 2), (json!("s-2"), 1)]),
        ("thread_id", vec![(none.clone(), 3), (json!("t-1"), 1)]),
        ("api_key_id", vec![(none.clone(), 2), (key, 2)]),
        ("tier", vec![(none.clone(), 2), (json!("pro"), 2)]),
        ("status", vec![(json!("ok"), 4)]),
        ("tag:team", vec![(none.clone(), 1), (json!("ads"), 1), (json!("search"), 2)]),
        ("tag:env", vec![(none.clone(), 3), (json!("prod"), 1)]),
    ] {
        assert_eq!(site.usage_by(group).await, wanted, "{group}");
    }
    for (query, wanted) in [
        ("user_id=ann", 2),
        ("user_id=nobody", 0),
        ("session_id=s-2", 1),
        ("model=local/echo", 1),
        ("model=gpt-4o-mini&user_id=bob", 1),
        ("model=gpt-4o-mini&group_by=tag:team", 3),
        ("model=gpt-4o-mini&group_by=tag:env&session_id=s-1", 2),
    ] {
        assert_eq!(requests(&usage(&site, query).bearer(&site.api_key).await.ok()), wanted, "{query}");
    }
}

#[tokio::test]
async fn a_user_sees_itself_only() {
    let (site, _upstream) = priced().await;
    let (ann, bob) = (site.token("ann").await, site.token("bob").await);
    let admin = site.token_of_role(&site.project.id, "admin").await;
    for token in [&ann, &ann, &bob] {
        site.chat("hi").bearer(token).await.ok();
    }
    site.chat("hi").bearer(&site.api_key).await.ok();
    let sees = async |call: Call| requests(&call.await.ok());
    assert_eq!(sees(usage(&site, "").bearer(&ann)).await, 2);
    assert_eq!(sees(usage(&site, "user_id=ann").bearer(&ann)).await, 2);
    usage(&site, "user_id=bob").bearer(&ann).await.refused(403, "forbidden");
    assert_eq!(sees(usage(&site, "").bearer(&site.api_key)).await, 4, "the whole project");
    assert_eq!(sees(usage(&site, "user_id=bob").bearer(&site.api_key)).await, 1);
    assert_eq!(sees(usage(&site, "").bearer(&site.api_key).user("ann")).await, 2, "the key speaks for her");
    usage(&site, "user_id=bob").bearer(&site.api_key).user("ann").await.refused(403, "forbidden");
    assert_eq!(sees(usage(&site, "").bearer(&admin)).await, 4);
    assert_eq!(sees(usage(&site, "user_id=bob").bearer(&admin)).await, 1);

    let bill = async |call: Call| call.await.ok()["platform"]["requests"].clone();
    let billing = || site.get("/v1/billing/usage");
    assert_eq!(bill(billing().bearer(&ann)).await, 2);
    assert_eq!(bill(billing().bearer(&site.api_key).user("bob")).await, 1);
    assert_eq!(bill(billing().bearer(&admin)).await, 4);
    site.get("/v1/billing/usage?user_id=bob").bearer(&ann).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_bill_tells_whose_keys_paid_for_which_models() {
    let (site, _upstream) = priced().await;
    site.chat("hi").bearer(&site.api_key).await.ok();
    site.chat("hi").bearer(&site.api_key).await.ok();
    let echo = json!({ "model": "local/echo", "messages": [{ "role": "user", "content": "a b" }] });
    site.ask(&echo).bearer(&site.api_key).await.ok();
    let (from, to) = (time(-1), time(1));
    let bill = site.get(&format!("/v1/billing/usage?from={from}&to={to}")).bearer(&site.api_key).await.ok();
    let names: Vec<&str> = bill.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(names, ["project_id", "window", "platform", "byok"]);
    let millisecond = |text: &Value| {
        let instant: jiff::Timestamp = text.as_str().expect("text").parse().expect("RFC 3339");
        instant.as_millisecond()
    };
    assert_eq!(millisecond(&bill["window"]["from"]), millisecond(&json!(from)));
    let platform = &bill["platform"];
    assert_eq!((&platform["requests"], &platform["cost_usd"]), (&json!(3), &json!(0.0009)));
    assert_eq!(platform["input_tokens"], 2002, "the offline model counts words");
    let models = platform["by_model"].as_array().expect("models");
    assert_eq!((&models[0]["model"], &models[0]["cost_usd"]), (&json!("gpt-4o-mini"), &json!(0.0009)));
    assert_eq!((&models[1]["model"], &models[1]["cost_usd"]), (&json!("local/echo"), &json!(0.0)));
    assert_eq!((&bill["byok"]["requests"], &bill["byok"]["by_model"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn no_report_crosses_a_project() {
    let site = TestGateway::start().await;
    let sibling = site.project_of(&site.project.tenant_id).await;
    let key = site.key(&sibling.id, "user").await.key;
    let admin = site.token_of_role(&site.project.id, "admin").await;
    site.chat("hi").bearer(&key).user("ann").await.ok();
    assert_eq!(requests(&usage(&site, "user_id=ann").bearer(&site.api_key).await.ok()), 0);
    assert_eq!(requests(&usage(&site, "").bearer(&key).await.ok()), 1);
    let of = |project: &str| site.get(&format!("/v1/projects/{project}/usage?group_by=user_id"));
    assert_eq!(requests(&of(&sibling.id).admin().await.ok()), 1);
    assert_eq!(requests(&of(&sibling.slug).admin().await.ok()), 1);
    assert_eq!(requests(&of(&site.project.id).bearer(&admin).await.ok()), 0);
    of(&sibling.id).bearer(&admin).await.refused(404, "not_found");
    of(&sibling.id).bearer(&key).await.refused(403, "forbidden");
}
