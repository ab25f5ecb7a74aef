//! Where the key and the base URL come from, and who gets the key.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use behest_core::client::config::{Config, Options, normal_base_url};
use behest_core::client::{CallOptions, StoredCredential};
use behest_core::token::{Mode, SigningKey};
use behest_core::transport::Http;
use behest_core::types::mint::Tier;
use behest_core::{Client, Error, Secret};
use serde_json::json;

use crate::support::API_KEY;
use crate::support::scripted::{Script, Scripted};

const OLD_KEY: &str = "behest_sk_live_00000000000000000000000000000000";
const STORED_KEY: &str = "behest_sk_live_ffffffffffffffffffffffffffffffff";
const STORED_URL: &str = "http://127.0.0.1:8080";

fn resolve(options: Options, variables: &[(&str, &str)]) -> Result<Config, Error> {
    resolve_beside(options, variables, None)
}

fn resolve_beside(
    options: Options,
    variables: &[(&str, &str)],
    stored: Option<StoredCredential>,
) -> Result<Config, Error> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    Config::resolve(options, |name| variables.get(name).map(|text| (*text).to_owned()), |_| Ok(stored))
}

fn stored() -> Option<StoredCredential> {
    Some(StoredCredential { base_url: STORED_URL.to_owned(), key: Secret::new(STORED_KEY) })
}

fn code(result: Result<Config, Error>) -> String {
    let error = result.expect_err("a config error");
    assert!(matches!(error, Error::Config { .. }), "{error:?}");
    error.code().to_owned()
}

/// A configuration whose gateway is `server`, with the given variables and the stored credential of that server.
fn resolve_for(server: &Scripted, variables: &[(&str, &str)]) -> Client {
    let base_url = server.base_url();
    let mut variables = variables.to_vec();
    variables.push(("BEHEST_BASE_URL", &base_url));
    let stored = StoredCredential { base_url: base_url.clone(), key: Secret::new(STORED_KEY) };
    let config = resolve_beside(Options::default(), &variables, Some(stored)).expect("a configuration");
    let shown = format!("{config:?}");
    assert!(!shown.contains(API_KEY) && !shown.contains(STORED_KEY), "a key is never printed: {shown}");
    let transport = Http::new(&config.base_url).expect("a transport");
    Client::with_config(config, Arc::new(transport))
}

#[test]
fn base_urls_have_one_form() {
    for (text, normal) in [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        (" http://127.0.0.1:8080/v1/ \n", "http://127.0.0.1:8080"),
        ("https://api.behest.ai/v1", "https://api.behest.ai"),
        ("https://API.behest.ai:443//", "https://api.behest.ai"),
        ("http://amber-fox-042.localhost:8080/v1", "http://amber-fox-042.localhost:8080"),
        ("https://example.com/behest/v1", "https://example.com/behest"),
        ("https://example.com/v11", "https://example.com/v11"),
    ] {
        assert_eq!(normal_base_url(text).expect(text), normal);
    }
    for bad in [
        "",
        "localhost:8080",
        "ftp://h",
        "/v1",
        "http://",
        "http://user:secret@h",
        "http://h?x=1",
        "http://h#f",
    ] {
        let error = normal_base_url(bad).expect_err(bad);
        assert_eq!(error.code(), "bad_base_url", "{bad}");
        assert!(!error.message().contains("secret"), "{error}");
    }
}

#[test]
fn defaults_are_the_contracts() {
    let config = resolve(Options::default(), &[("BEHEST_KEY", API_KEY)]).expect("a configuration");
    assert_eq!(config.base_url, "https://api.behest.ai");
    assert_eq!((config.default_user_id.as_str(), config.ttl, config.tier), ("default", 3600, None));
    assert_eq!((config.issuer.as_str(), config.audience.as_str()), ("https://api.behest.ai", "behest"));
    assert_eq!((config.max_retries, config.mode), (2, Mode::ApiKey));
}

#[test]
fn options_beat_the_environment() {
    let variables = [
        ("BEHEST_KEY", API_KEY),
        ("BEHEST_BASE_URL", "http://127.0.0.1:1/v1/"),
        ("BEHEST_USER_ID", "env"),
        ("BEHEST_TTL", "900"),
        ("BEHEST_TIER", "2"),
        ("BEHEST_ISSUER", "behest"),
        ("BEHEST_AUDIENCE", "other"),
    ];
    let config = resolve(Options::default(), &variables).expect("a configuration");
    assert_eq!((config.base_url.as_str(), config.default_user_id.as_str()), ("http://127.0.0.1:1", "env"));
    assert_eq!((config.ttl, config.tier), (900, Some(Tier::Number(2))));
    assert_eq!((config.issuer.as_str(), config.audience.as_str()), ("behest", "other"));
    let options = Options {
        base_url: Some("http://127.0.0.1:2".into()),
        default_user_id: Some("option".into()),
        ttl: Some(60),
        tier: Some(Tier::Name("gold".into())),
        issuer: Some("mine".into()),
        audience: Some("yours".into()),
        ..Options::default()
    };
    let config = resolve(options, &variables).expect("a configuration");
    assert_eq!((config.base_url.as_str(), config.default_user_id.as_str()), ("http://127.0.0.1:2", "option"));
    assert_eq!((config.ttl, config.tier), (60, Some(Tier::Name("gold".into()))));
    assert_eq!((config.issuer.as_str(), config.audience.as_str()), ("mine", "yours"));
    let named = resolve(Options::default(), &[("BEHEST_KEY", API_KEY), ("BEHEST_TIER", "gold")]);
    assert_eq!(named.expect("a configuration").tier, Some(Tier::Name("gold".into())));
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    assert_eq!(code(resolve(Options::default(), &[])), "missing_env");
    assert_eq!(code(resolve(Options::default(), &[("BEHEST_KEY", " \n")])), "missing_env");
    let blank = Options { key: Some(Secret::new(" ")), ..Options::default() };
    assert_eq!(code(resolve(blank, &[])), "missing_env");
    for key in ["sk-openai", "behest_sk_live_short", "behest_pk_nothing", "%%%"] {
        let result = resolve(Options::default(), &[("BEHEST_KEY", key)]);
        let error = result.expect_err("a config error");
        assert_eq!(error.code(), "bad_key_format", "{key}");
        assert!(!error.message().contains(key), "{error}");
    }
    for ttl in ["59", "86401", "an hour", "-1"] {
        let result = resolve(Options::default(), &[("BEHEST_KEY", API_KEY), ("BEHEST_TTL", ttl)]);
        assert_eq!(code(result), "bad_value", "{ttl}");
    }
    let broken = Options { headers: vec![("a b".into(), "c".into())], ..Options::default() };
    assert_eq!(code(resolve(broken, &[("BEHEST_KEY", API_KEY)])), "bad_value");
}

#[test]
fn a_private_key_in_any_form_is_sign_mode_and_needs_its_names() {
    let (_, pem) = SigningKey::generate("sk_test").expect("a key");
    let packed = STANDARD.encode(pem.expose());
    let names = [("BEHEST_KID", "sk_1"), ("BEHEST_TENANT_ID", "t"), ("BEHEST_PROJECT_ID", "p")];
    for key in [
        pem.expose().to_owned(),
        packed.clone(),
        format!("behest_pk_{}", pem.expose()),
        format!("behest_pk_{packed}"),
    ] {
        let mut variables = vec![("BEHEST_KEY", key.as_str())];
        variables.extend(names);
        let config = resolve(Options::default(), &variables).expect("a configuration");
        assert_eq!((config.mode, config.kid.as_deref()), (Mode::Sign, Some("sk_1")));
        let shown = format!("{config:?}");
        assert!(!shown.contains("PRIVATE") && !shown.contains(&packed[100..140]), "{shown}");
    }
    for missing in ["BEHEST_KID", "BEHEST_TENANT_ID", "BEHEST_PROJECT_ID"] {
        let mut variables = vec![("BEHEST_KEY", packed.as_str())];
        variables.extend(names.iter().filter(|(name, _)| *name != missing));
        let error = resolve(Options::default(), &variables).expect_err("a name is missing");
        assert_eq!(error.code(), "missing_env");
        assert!(error.message().contains(missing), "{error}");
    }
}

#[tokio::test]
async fn the_key_is_the_variable_then_its_old_name_then_the_stored_one() {
    let list = json!({ "object": "list", "data": [] });
    let server = Scripted::in_turn(vec![Script::json(200, &list)]).await;
    let options = CallOptions { as_api_key: true, ..CallOptions::default() };
    for (variables, sent) in [
        (vec![("BEHEST_KEY", API_KEY), ("BEHEST_API_KEY", OLD_KEY)], API_KEY),
        (vec![("BEHEST_KEY", " "), ("BEHEST_API_KEY", OLD_KEY)], OLD_KEY),
        (vec![("BEHEST_API_KEY", OLD_KEY)], OLD_KEY),
        (vec![], STORED_KEY),
    ] {
        resolve_for(&server, &variables).models().list(&options).await.expect("a list");
        assert_eq!(server.seen("/v1/models").pop().expect("a call").bearer(), sent);
    }
}

#[test]
fn a_stored_credential_brings_its_own_base_url() {
    let config = resolve_beside(Options::default(), &[], stored()).expect("a configuration");
    assert_eq!(config.base_url, STORED_URL);
    let same = [("BEHEST_BASE_URL", "http://127.0.0.1:8080/v1")];
    let config = resolve_beside(Options::default(), &same, stored()).expect("a configuration");
    assert_eq!(config.base_url, STORED_URL);
}

#[test]
fn a_stored_credential_is_for_its_own_base_url_alone() {
    for elsewhere in
        ["http://127.0.0.1:8081", "https://127.0.0.1:8080", "http://localhost:8080", "https://evil.example"]
    {
        let result = resolve_beside(Options::default(), &[("BEHEST_BASE_URL", elsewhere)], stored());
        assert_eq!(code(result), "missing_env", "{elsewhere}");
    }
}

#[test]
fn a_key_of_ones_own_goes_to_the_stored_address_only_when_it_is_the_stored_key() {
    let config = resolve_beside(Options::default(), &[("BEHEST_KEY", STORED_KEY)], stored());
    assert_eq!(config.expect("a configuration").base_url, STORED_URL);
    let config = resolve_beside(Options::default(), &[("BEHEST_KEY", API_KEY)], stored());
    assert_eq!(config.expect("a configuration").base_url, "https://api.behest.ai");
}

#[test]
fn what_is_stored_is_looked_up_only_when_something_is_missing() {
    let asked = RefCell::new(Vec::new());
    let look = |key: Option<&str>, base_url: Option<&str>| {
        let options = Options {
            key: key.map(Secret::new),
            base_url: base_url.map(str::to_owned),
            ..Options::default()
        };
        let _ = Config::resolve(
            options,
            |_| None,
            |base_url| {
                asked.borrow_mut().push(base_url.map(str::to_owned));
                Ok(None)
            },
        );
    };
    look(Some(API_KEY), Some("http://h"));
    assert!(asked.borrow().is_empty());
    look(None, Some("http://h/v1/"));
    look(None, None);
    assert_eq!(*asked.borrow(), [Some("http://h".to_owned()), None]);
}
