//! Tokens: the gateway's, and those that tenants sign themselves.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use behest_core::token::verify::Unverified;
use behest_core::token::{Jwk, Rules, VerifyingKey};
use http::Method;
use serde_json::{Value, json};

use crate::support::gateway::{Answer, TestGateway, claims, host_of, sign};

fn part(token: &str, index: usize) -> String {
    let part = token.split('.').nth(index).expect("a part");
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("text")
}

fn kids(answer: &Answer) -> Vec<String> {
    let set = answer.ok();
    let keys = set["keys"].as_array().expect("keys").iter();
    keys.map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

/// Every data-plane path that takes a credential and no body.
async fn try_models(site: &TestGateway, token: &str) -> Answer {
    site.get("/v1/models").bearer(token).await
}

#[tokio::test]
async fn a_minted_token_has_its_published_text() {
    let site = TestGateway::start().await;
    let body = json!({ "user_id": "ann", "tier": "pro", "tags": { "team": "search" } });
    let token = site.mint(&site.api_key, &body).await;
    let kid = kids(&site.get("/.well-known/jwks.json").await).remove(0);
    assert_eq!(part(&token, 0), format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{kid}"}}"#));
    let claims: Value = serde_json::from_str(&part(&token, 1)).expect("claims");
    let names: Vec<&str> = claims.as_object().expect("an object").keys().map(String::as_str).collect();
    let order = "tid pid uid role scp iss aud iat nbf exp jti sid tier tags";
    assert_eq!(names.join(" "), order);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://api.behest.ai"), &json!("behest")));
    assert_eq!(claims["tid"], site.project.tenant_id);
    assert_eq!((&claims["scp"], &claims["iat"]), (&json!([]), &claims["nbf"]));
    let plain = site.token("ann").await;
    let claims: Value = serde_json::from_str(&part(&plain, 1)).expect("claims");
    let names: Vec<&str> = claims.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(names.join(" "), order.trim_end_matches(" tier tags"));
}

#[tokio::test]
async fn the_key_set_verifies_tokens_and_follows_the_host() {
    let site = TestGateway::start().await;
    let other = site.tenant(&json!({ "name": "other" })).await;
    let other_project = site.project_of(&other.id).await;
    let mine = site.signing_key(&site.project.tenant_id).await.signing_key.kid;
    let theirs = site.signing_key(&other.id).await.signing_key.kid;
    let keys = |host: String| site.get("/.well-known/jwks.json").host(&host);

    let bare = keys("localhost".to_owned()).await;
    assert_eq!(bare.header("cache-control"), "public, max-age=300");
    let set = bare.ok();
    for key in set["keys"].as_array().expect("keys") {
        let names: Vec<&str> = key.as_object().expect("a key").keys().map(String::as_str).collect();
        assert_eq!(names, ["kty", "use", "alg", "kid", "n", "e"]);
    }
    let own = kids(&bare).remove(0);
    assert_eq!(kids(&bare), [own.clone(), mine.clone(), theirs.clone()], "all tenants on the bare host");
    assert_eq!(kids(&keys(site.host()).await), [own.clone(), mine.clone()]);
    assert_eq!(kids(&keys(host_of(&other_project)).await), [own.clone(), theirs]);
    keys("no-such-000.localhost".to_owned()).await.refused(404, "not_found");

    let jwk: Jwk = serde_json::from_value(set["keys"][0].clone()).expect("a key");
    let token = site.token("ann").await;
    let key = VerifyingKey::from_jwk(&jwk).expect("a public key");
    let now = behest_core::gateway::clock::now_seconds();
    let verified = Unverified::read(&token).expect("a token").verify(&key, &Rules::default(), now);
    assert_eq!(verified.expect("verified").claims().uid, "ann");

    site.call(Method::DELETE, &site.of_tenant(&format!("signing-keys/{mine}"))).admin().await.ok();
    assert_eq!(kids(&keys(site.host()).await), [own], "a revoked key is gone");
}

#[tokio::test]
async fn a_tenant_signs_for_its_users_and_for_nobody_above() {
    let site = TestGateway::start().await;
    let key = site.signing_key(&site.project.tenant_id).await;
    assert!(key.signing_key.kid.strip_prefix("sk_").is_some_and(|digits| digits.len() == 32));
    assert!(key.private_key_pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    let (kid, pem) = (key.signing_key.kid.as_str(), key.private_key_pem.as_str());
    let legacy = claims(&site.project.tenant_id, &site.project.id, "ann");
    let mut all = legacy.clone();
    all["role"] = json!("dashboard-service");
    all["scp"] = json!([]);
    all["jti"] = json!("j");
    all["sid"] = json!("s-1");
    all["tier"] = json!(2);
    all["tags"] = json!({ "team": "search" });
    all["draft"] = json!(true);
    for claims in [&legacy, &all] {
        let token = sign(pem, kid, claims);
        for host in ["localhost", &site.host()] {
            assert_eq!(site.chat("hello").bearer(&token).host(host).await.text(), "You said: hello");
        }
    }
    assert_eq!(site.usage_by("user_id").await, [(json!("ann"), 4)]);
    assert_eq!(site.usage_by("tier").await, [(Value::Null, 2), (json!("pro"), 2)]);
    assert_eq!(site.usage_by("session_id").await, [(Value::Null, 2), (json!("s-1"), 2)]);
    assert_eq!(site.usage_by("tag:team").await, [(Value::Null, 2), (json!("search"), 2)]);

    // Whatever it claims: a user sees itself only, and the control plane not at all.
    let token = sign(pem, kid, &all);
    site.get("/v1/usage?user_id=bob").bearer(&token).await.refused(403, "forbidden");
    site.get(&site.of_project("settings")).bearer(&token).await.refused(403, "forbidden");
    site.get(&site.of_tenant("signing-keys")).bearer(&token).await.refused(403, "forbidden");
    // A draft is seen only with the gateway's own test tokens.
    site.draft(&site.project.id, &json!({ "show_cost_to_users": true })).admin().await.ok();
    assert_eq!(site.chat("hello").bearer(&token).await.header("x-behest-cost-usd"), "");
}

#[tokio::test]
async fn a_signing_key_opens_its_own_tenants_projects_only() {
    let site = TestGateway::start().await;
    let second = site.project_of(&site.project.tenant_id).await;
    let other = site.tenant(&json!({ "name": "other" })).await;
    let foreign = site.project_of(&other.id).await;
    let key = site.signing_key(&site.project.tenant_id).await;
    let token = |tenant: &str, project: &str| {
        sign(&key.private_key_pem, &key.signing_key.kid, &claims(tenant, project, "ann"))
    };
    let own = site.project.tenant_id.as_str();
    try_models(&site, &token(own, &second.id)).await.ok();
    for (tenant, project) in [
        (other.id.as_str(), foreign.id.as_str()),
        (own, foreign.id.as_str()),
        (other.id.as_str(), second.id.as_str()),
        (own, "0198a0d0-0000-7000-8000-000000000000"),
        (own, "no-uuid"),
        ("no-uuid", second.id.as_str()),
    ] {
        try_models(&site, &token(tenant, project)).await.refused(401, "invalid_token");
    }
    let good = token(own, &second.id);
    let call = |host: &str| site.get("/v1/models").bearer(&good).host(host);
    call(&host_of(&second)).await.ok();
    call(&site.host()).await.refused(403, "forbidden");
    call(&host_of(&foreign)).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_revoked_signing_key_is_out_from_the_next_request_on() {
    let site = TestGateway::start().await;
    let tenant = site.project.tenant_id.as_str();
    let (first, second) = (site.signing_key(tenant).await, site.signing_key(tenant).await);
    let token = |key: &behest_core::types::control::CreatedSigningKey| {
        let claims = claims(tenant, &site.project.id, "ann");
        sign(&key.private_key_pem, &key.signing_key.kid, &claims)
    };
    let (revoked, kept) = (token(&first), token(&second));
    try_models(&site, &revoked).await.ok();
    try_models(&site, &revoked).await.ok();
    let path = site.of_tenant(&format!("signing-keys/{}", first.signing_key.kid));
    assert_eq!(site.call(Method::DELETE, &path).admin().await.status, 204);
    let error = try_models(&site, &revoked).await.refused(401, "invalid_token");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("revoked")));
    try_models(&site, &token(&first)).await.refused(401, "invalid_token");
    try_models(&site, &kept).await.ok();
    site.call(Method::DELETE, &path).admin().await.refused(404, "not_found");
    let listed = site.get(&site.of_tenant("signing-keys")).admin().await;
    assert!(!String::from_utf8_lossy(&listed.body).contains("PRIVATE"), "the private half never comes back");
    let listed = listed.ok();
    assert!(listed["data"][0]["revoked_at"].is_string() && listed["data"][1].get("revoked_at").is_none());
}

#[tokio::test]
async fn every_accepted_issuer_is_accepted_and_nothing_else() {
    let site = TestGateway::start().await;
    let key = site.signing_key(&site.project.tenant_id).await;
    let good = claims(&site.project.tenant_id, &site.project.id, "ann");
    let now = good["iat"].as_i64().expect("a time");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        sign(&key.private_key_pem, &key.signing_key.kid, &claims)
    };
    for issuer in ["https://api.behest.app", "https://api.behest.ai", "behest"] {
        try_models(&site, &with("iss", json!(issuer))).await.ok();
    }
    try_models(&site, &with("aud", json!(["other", "behest"]))).await.ok();
    try_models(&site, &with("nbf", json!(now + 50))).await.ok();
    try_models(&site, &with("exp", json!(now + 86_400))).await.ok();
    let long = json!("u".repeat(256));
    for (name, bad, code) in [
        ("iss", json!("https://elsewhere.example"), "invalid_token"),
        ("aud", json!("other"), "invalid_token"),
        ("aud", json!([]), "invalid_token"),
        ("exp", json!(now - 100), "token_expired"),
        ("exp", json!(now + 86_401), "invalid_token"),
        ("exp", json!(format!("{}", now + 300)), "invalid_token"),
        ("nbf", json!(now + 120), "invalid_token"),
        ("iat", json!(now + 120), "invalid_token"),
        ("uid", json!(7), "invalid_token"),
        ("tid", json!(null), "invalid_token"),
    ] {
        try_models(&site, &with(name, bad)).await.refused(401, code);
    }
    // A user id that no mint would give is not let in by the side door.
    for bad in [json!(""), json!("admin"), json!("a\nb"), long] {
        assert_eq!(
            try_models(&site, &with("uid", bad)).await.refused(400, "validation_error")["param"],
            "uid"
        );
    }
    for missing in ["tid", "pid", "uid", "iss", "aud", "iat", "exp"] {
        let mut claims = good.clone();
        claims.as_object_mut().expect("an object").shift_remove(missing);
        let token = sign(&key.private_key_pem, &key.signing_key.kid, &claims);
        try_models(&site, &token).await.refused(401, "invalid_token");
    }
}

#[tokio::test]
async fn forged_and_oversized_tokens_are_refused() {
    let site = TestGateway::start().await;
    let key = site.signing_key(&site.project.tenant_id).await;
    let kid = key.signing_key.kid.as_str();
    let good = claims(&site.project.tenant_id, &site.project.id, "ann");
    let signed = sign(&key.private_key_pem, kid, &good);
    let (payload, signature) = (signed.split('.').nth(1).expect("a payload"), signed.rsplit('.').next());
    let forged = |header: &str| {
        format!("{}.{payload}.{}", URL_SAFE_NO_PAD.encode(header), signature.expect("a signature"))
    };
    let set = site.get("/.well-known/jwks.json").await.ok();
    let hs256 = jsonwebtoken::encode(
        &jsonwebtoken::Header { kid: Some(kid.to_owned()), ..Default::default() },
        &good,
        &jsonwebtoken::EncodingKey::from_secret(set["keys"][1]["n"].as_str().expect("n").as_bytes()),
    );
    let unsigned = forged(&format!(r#"{{"alg":"none","kid":"{kid}"}}"#));
    let mut changed = good.clone();
    changed["uid"] = json!("bob");
    let other_payload = signed.replace(payload, &URL_SAFE_NO_PAD.encode(changed.to_string()));
    let mut huge = good.clone();
    huge["tags"] = json!({ "x": "y".repeat(8 * 1024) });
    let huge = sign(&key.private_key_pem, kid, &huge);
    for bad in [
        unsigned.as_str(),
        &format!("{}.", unsigned.rsplit_once('.').expect("parts").0),
        &hs256.expect("a token"),
        &other_payload,
        &forged(&format!(r#"{{"alg":"RS256","kid":"{kid}","jku":"https://evil.example"}}"#)),
        &forged(&format!(r#"{{"alg":"RS256","kid":"{kid}","crit":["exp"]}}"#)),
        &forged(r#"{"alg":"RS256","typ":"JWT"}"#),
        &sign(&key.private_key_pem, "sk_00000000000000000000000000000000", &good),
        "a.b.c",
        "not-a-token",
    ] {
        try_models(&site, bad).await.refused(401, "invalid_token");
    }
    let error = try_models(&site, &huge).await.refused(401, "invalid_token");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("8192")), "{error}");
    try_models(&site, &signed).await.ok();
}

#[tokio::test]
async fn a_token_alone_says_who_calls() {
    let site = TestGateway::start().await;
    let other = site.project_of(&site.project.tenant_id).await;
    let token = site.token("ann").await;
    let lying = |path: &str| {
        let call = site.get(path).bearer(&token).user("bob").header("x-tenant-id", &other.tenant_id);
        call.header("x-project-id", &other.id).header("x-role", "admin").header("x-tier", "max")
    };
    let chat = site.chat("hello").bearer(&token).user("bob").header("x-project-id", &other.id);
    chat.header("x-role", "admin").header("x-tier", "max").thread("t").await.ok();
    assert_eq!(site.usage_by("user_id").await, [(json!("ann"), 1)]);
    assert_eq!(site.usage_by("tier").await, [(Value::Null, 1)]);
    assert_eq!(lying("/v1/threads").await.ok().as_array().map(Vec::len), Some(1), "ann's threads");
    assert_eq!(lying("/v1/billing/usage").await.ok()["project_id"], site.project.id);
    lying("/v1/usage?user_id=bob").await.refused(403, "forbidden");
    lying(&site.of_project("settings")).await.refused(403, "forbidden");
}
