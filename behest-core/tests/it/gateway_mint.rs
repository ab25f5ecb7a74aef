//! Minting: who may, for whom, and what comes back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};

use crate::support::API_KEY;
use crate::support::gateway::{TestGateway, host_of};

/// What a token says, unverified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims")
}

#[tokio::test]
async fn both_mint_paths_give_the_union_answer() {
    let site = TestGateway::start().await;
    for path in ["/v1/auth/mint", "/auth/v1/auth/mint"] {
        let answer = site.post(path, &json!({ "user_id": "ann" })).bearer(&site.api_key).await;
        let minted = answer.ok();
        let names: Vec<&str> = minted.as_object().expect("an object").keys().map(String::as_str).collect();
        let wanted = ["jwt", "access_token", "token_type", "project_id"];
        let wanted = [&wanted[..], &["ttl", "expires_in", "expires_at", "session_id"]].concat();
        assert_eq!(names, wanted, "{path}");
        assert_eq!((&minted["jwt"], &minted["token_type"]), (&minted["access_token"], &json!("Bearer")));
        assert_eq!(minted["project_id"], site.project.id);
        assert_eq!((&minted["ttl"], &minted["expires_in"]), (&json!(3600), &json!(3600)));
        let claims = claims(minted["jwt"].as_str().expect("a token"));
        let ends: jiff::Timestamp = minted["expires_at"].as_str().expect("text").parse().expect("RFC 3339");
        assert_eq!(claims["exp"], ends.as_second());
        assert_eq!(claims["sid"], minted["session_id"]);
        assert_eq!(answer.header("cache-control"), "private, no-store");
    }
}

#[tokio::test]
async fn null_is_unset() {
    let site = TestGateway::start().await;
    let body = json!({ "user_id": "ann", "session_id": null, "tier": null, "ttl": null, "role": null, "tags": null });
    let claims = claims(&site.mint(&site.api_key, &body).await);
    assert_eq!(claims["role"], "user");
    assert_eq!(claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat"), 3600);
    assert!(claims["sid"].as_str().is_some_and(|session| !session.is_empty()), "a session is made");
    assert!(claims.get("tier").is_none() && claims.get("tags").is_none(), "{claims}");
}

#[tokio::test]
async fn a_lifetime_is_a_minute_to_a_day() {
    let site = TestGateway::start().await;
    for ttl in [60, 86_400] {
        let body = json!({ "user_id": "ann", "ttl": ttl });
        let claims = claims(&site.mint(&site.api_key, &body).await);
        assert_eq!(claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat"), ttl);
    }
    for ttl in [json!(59), json!(86_401), json!(0), json!(-1), json!(1.5), json!("3600")] {
        let body = json!({ "user_id": "ann", "ttl": ttl });
        site.post("/v1/auth/mint", &body).bearer(&site.api_key).await.refused(400, "validation_error");
    }
    let body = json!({ "user_id": "ann", "ttl": 59 });
    let error =
        site.post("/v1/auth/mint", &body).bearer(&site.api_key).await.refused(400, "validation_error");
    assert_eq!(error["param"], "ttl");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("60") && message.contains("86400"), "{message}");
}

#[tokio::test]
async fn user_ids_follow_the_rule_and_the_reserved_ones_are_refused() {
    let site = TestGateway::start().await;
    let long = "x".repeat(255);
    for good in ["default", "anonymous", "zoë", "a b", &long] {
        let token = site.token(good).await;
        assert_eq!(claims(&token)["uid"], good);
    }
    let too_long = json!("x".repeat(256));
    for bad in
        [json!(""), too_long, json!("a\u{7}"), json!("admin"), json!("system"), json!("dashboard-service")]
    {
        let answer = site.post("/v1/auth/mint", &json!({ "user_id": bad })).bearer(&site.api_key).await;
        assert_eq!(answer.refused(400, "validation_error")["param"], "user_id", "{bad}");
    }
    for body in ["{}", r#"{"user_id":null}"#, r#"{"user_id":7}"#, "[]", "[\"ann\"]", "{", "\"ann\"", "\u{0}"]
    {
        let call = site.call(Method::POST, "/v1/auth/mint").bearer(&site.api_key).body(body);
        call.await.refused(400, "validation_error");
    }
}

#[tokio::test]
async fn nobody_grants_a_role_above_their_own() {
    let site = TestGateway::start().await;
    let admin = site.key(&site.project.id, "admin").await.key;
    let service = site.key(&site.project.id, "dashboard-service").await.key;
    let roles = ["user", "admin", "dashboard-service"];
    for (rank, key) in [&site.api_key, &admin, &service].into_iter().enumerate() {
        for (asked, role) in roles.into_iter().enumerate() {
            let body = json!({ "user_id": "ann", "role": role });
            let answer = site.post("/v1/auth/mint", &body).bearer(key).await;
            if asked <= rank {
                assert_eq!(claims(answer.ok()["jwt"].as_str().expect("a token"))["role"], role);
            } else {
                answer.refused(403, "forbidden");
            }
        }
        let body = json!({ "user_id": "ann" });
        assert_eq!(claims(&site.mint(key, &body).await)["role"], "user", "absent is `user` for every key");
    }
    let body = json!({ "user_id": "ann", "role": "regular" });
    assert_eq!(claims(&site.mint(&site.api_key, &body).await)["role"], "user");
    for bad in [json!("root"), json!("Admin"), json!(1)] {
        let body = json!({ "user_id": "ann", "role": bad });
        site.post("/v1/auth/mint", &body).bearer(&site.api_key).await.refused(400, "validation_error");
    }
}

#[tokio::test]
async fn tiers_are_numbers_or_names_and_reports_name_them() {
    let site = TestGateway::start().await;
    for tier in [json!(1), json!("2"), json!("max"), json!("gold")] {
        let token = site.mint(&site.api_key, &json!({ "user_id": "ann", "tier": tier })).await;
        site.chat("hello").bearer(&token).await.ok();
    }
    let tiers = site.usage_by("tier").await;
    assert_eq!(tiers, ["free", "gold", "max", "pro"].map(|tier| (json!(tier), 1)));
    for bad in [json!(0), json!(4), json!(-1), json!("x".repeat(65)), json!("a\n"), json!({})] {
        let body = json!({ "user_id": "ann", "tier": bad });
        site.post("/v1/auth/mint", &body).bearer(&site.api_key).await.refused(400, "validation_error");
    }
}

#[tokio::test]
async fn sessions_and_tags_go_into_the_token_within_their_bounds() {
    let site = TestGateway::start().await;
    let body = json!({ "user_id": "ann", "session_id": "s-1", "tags": { "team": "search" } });
    let token = site.mint(&site.api_key, &body).await;
    let said = claims(&token);
    assert_eq!((&said["sid"], &said["tags"]), (&json!("s-1"), &json!({ "team": "search" })));
    site.chat("hello").bearer(&token).await.ok();
    assert_eq!(site.usage_by("session_id").await, [(json!("s-1"), 1)]);
    assert_eq!(site.usage_by("tag:team").await, [(json!("search"), 1)]);
    let many: serde_json::Map<_, _> = (0..17).map(|index| (format!("t{index}"), json!("x"))).collect();
    for (name, bad) in [
        ("session_id", json!("a b")),
        ("session_id", json!("é")),
        ("session_id", json!("s".repeat(256))),
        ("tags", json!({ "a b": "c" })),
        ("tags", json!({ "a": "x".repeat(129) })),
        ("tags", json!(many)),
        ("tags", json!(["team"])),
    ] {
        let body = json!({ "user_id": "ann", name: bad });
        site.post("/v1/auth/mint", &body).bearer(&site.api_key).await.refused(400, "validation_error");
    }
}

#[tokio::test]
async fn only_an_api_key_mints() {
    let site = TestGateway::start().await;
    let body = json!({ "user_id": "ann" });
    let mint = || site.post("/v1/auth/mint", &body);
    mint().await.refused(401, "missing_credentials");
    mint().admin().await.refused(401, "missing_credentials");
    let token = site.token("ann").await;
    for bad in [token.as_str(), API_KEY, "behest_sk_live_short", "sk-openai"] {
        mint().bearer(bad).await.refused(401, "invalid_token");
    }
    mint().header("authorization", &format!("Basic {}", site.api_key)).await.refused(401, "invalid_token");
    // The body is read only once its sender is known.
    site.call(Method::POST, "/v1/auth/mint").body("{").await.refused(401, "missing_credentials");
}

#[tokio::test]
async fn a_mint_keeps_to_its_host_and_to_active_projects() {
    let site = TestGateway::start().await;
    let other = site.project_of(&site.project.tenant_id).await;
    let body = json!({ "user_id": "ann" });
    let mint = |host: &str| site.post("/v1/auth/mint", &body).bearer(&site.api_key).host(host);
    mint(&site.host()).await.ok();
    mint(&host_of(&other)).await.refused(403, "forbidden");
    mint("no-such-000.localhost").await.refused(404, "not_found");
    site.change(&site.project.id, &json!({ "status": "suspended" })).await;
    mint("localhost").await.refused(403, "project_suspended");
    site.change(&site.project.id, &json!({ "status": "active" })).await;
    mint("localhost").await.ok();
}
