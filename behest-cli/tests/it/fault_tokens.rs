//! Tokens that must not be believed.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use behest_core::token::claims::Audience;
use behest_core::token::{Claims, SigningKey};
use serde_json::{Value, json};

use crate::faults::answer::Answer;
use crate::faults::{Faulty, completion};

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64
}

fn claims(faulty: &Faulty) -> Claims {
    Claims {
        tid: faulty.gateway().text("tenant_id").to_owned(),
        pid: faulty.gateway().text("project_id").to_owned(),
        uid: "ann".to_owned(),
        role: None,
        scp: Vec::new(),
        iss: "behest".to_owned(),
        aud: Audience::One("behest".to_owned()),
        iat: now(),
        nbf: Some(now()),
        exp: now() + 600,
        jti: None,
        sid: None,
        tier: None,
        tags: None,
        draft: false,
    }
}

async fn signing_key(faulty: &Faulty) -> SigningKey {
    let path = format!("/v1/tenants/{}/signing-keys", faulty.gateway().text("tenant_id"));
    let request = faulty.http.post(faulty.url(&path)).header("x-admin-secret", &faulty.admin_secret);
    let made = Answer::of(request.json(&json!({}))).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let key = SigningKey::from_pem(made["private_key_pem"].as_str().expect("a key")).expect("a good one");
    key.with_kid(made["kid"].as_str().expect("a name"))
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

async fn models(faulty: &Faulty, token: &str) -> (u16, String) {
    let answer = Answer::of(faulty.http.get(faulty.url("/v1/models")).bearer_auth(token)).await;
    let code = if answer.status < 400 { String::new() } else { answer.code() };
    assert!(!answer.body.contains(token), "{answer:?}");
    (answer.status, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_wrong_times_or_for_somebody_else_is_refused() {
    let faulty = Faulty::start("", |_| async { completion() }).await;
    let key = signing_key(&faulty).await;
    let good = claims(&faulty);
    let other = "00000000-0000-7000-8000-000000000000".to_owned();
    for (what, claims, expected) in [
        ("good", good.clone(), (200, "")),
        ("a clock 50 s ahead", Claims { iat: now() + 50, nbf: Some(now() + 50), ..good.clone() }, (200, "")),
        ("issued 65 s from now", Claims { iat: now() + 65, ..good.clone() }, (401, "invalid_token")),
        ("valid 65 s from now", Claims { nbf: Some(now() + 65), ..good.clone() }, (401, "invalid_token")),
        ("ended", Claims { iat: now() - 600, exp: now() - 61, ..good.clone() }, (401, "token_expired")),
        ("ended within the leeway", Claims { exp: now() - 30, ..good.clone() }, (200, "")),
        ("of more than a day", Claims { exp: now() + 86_402, ..good.clone() }, (401, "invalid_token")),
        (
            "for another service",
            Claims { aud: Audience::One("x".into()), ..good.clone() },
            (401, "invalid_token"),
        ),
        (
            "of another issuer",
            Claims { iss: "https://evil.example".into(), ..good.clone() },
            (401, "invalid_token"),
        ),
        ("of another project", Claims { pid: other.clone(), ..good.clone() }, (401, "invalid_token")),
        ("of another tenant", Claims { tid: other, ..good.clone() }, (401, "invalid_token")),
    ] {
        let token = key.sign(&claims).expect("a token");
        let (status, code) = models(&faulty, token.expose()).await;
        assert_eq!((status, code.as_str()), expected, "{what}");
    }
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_signed_by_its_key_is_refused() {
    let faulty = Faulty::start("", |_| async { completion() }).await;
    let key = signing_key(&faulty).await;
    let claims = claims(&faulty);
    let good = key.sign(&claims).expect("a token");
    let good = good.expose();
    let payload = part(&serde_json::to_value(&claims).expect("JSON"));
    let kid = key.kid();
    let none = |algorithm: &str| {
        format!("{}.{payload}.", part(&json!({ "alg": algorithm, "typ": "JWT", "kid": kid })))
    };
    // The old confusion: the public key, which everybody has, as the secret of an HMAC.
    let hs256 = {
        let signed = format!("{}.{payload}", part(&json!({ "alg": "HS256", "typ": "JWT", "kid": kid })));
        let jwks = Answer::of(faulty.get("/.well-known/jwks.json")).await.json();
        let keys = jwks["keys"].as_array().expect("keys").clone();
        let public = keys.into_iter().find(|public| public["kid"] == kid).expect("ours");
        let secret = hmac::Key::new(hmac::HMAC_SHA256, public["n"].as_str().expect("n").as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&secret, signed.as_bytes())))
    };
    let (stranger, _) = SigningKey::generate(kid).expect("a key");
    let mut signature_changed = good.to_owned();
    let last = signature_changed.pop().expect("a character");
    let at = signature_changed.len() - 20;
    signature_changed.replace_range(at..=at, if &good[at..=at] == "A" { "B" } else { "A" });
    signature_changed.push(last);
    let admin = part(&json!({ "role": "admin" }));
    let claims_changed =
        good.split('.').enumerate().map(|(index, part)| if index == 1 { &*admin } else { part });
    let claims_changed = claims_changed.collect::<Vec<_>>().join(".");
    let follows = |member: &str| {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": kid, member: "https://evil.example/keys" });
        format!("{}.{payload}.{}", part(&header), good.rsplit('.').next().expect("a signature"))
    };
    for (what, token) in [
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("HS256 under the public key", hs256),
        ("another key under the same name", stranger.sign(&claims).expect("a token").expose().to_owned()),
        ("an unknown name", stranger.with_kid("sk_0").sign(&claims).expect("a token").expose().to_owned()),
        ("a changed signature", signature_changed),
        ("changed claims", claims_changed),
        ("jku", follows("jku")),
        ("x5u", follows("x5u")),
        ("crit", follows("crit")),
        ("no parts", "abc".to_owned()),
        ("empty parts", "..".to_owned()),
        ("too long", format!("{good}{}", "A".repeat(9_000))),
    ] {
        assert_eq!(models(&faulty, &token).await, (401, "invalid_token".to_owned()), "{what}");
    }
    assert_eq!(models(&faulty, good).await.0, 200);
    let path = format!("/v1/tenants/{}/signing-keys/{kid}", faulty.gateway().text("tenant_id"));
    let revoke = faulty.http.delete(faulty.url(&path)).header("x-admin-secret", &faulty.admin_secret);
    assert_eq!(Answer::of(revoke).await.status, 204);
    assert_eq!(models(&faulty, good).await, (401, "invalid_token".to_owned()), "revoked");
    faulty.finish();
}
