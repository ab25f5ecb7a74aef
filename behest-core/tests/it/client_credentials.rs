//! The file of stored credentials.

use std::collections::HashMap;
use std::fs;

use behest_core::client::StoredCredential;
use behest_core::client::credentials::{self, Entry};
use behest_core::{Error, Secret};
use serde_json::{Value, json};

use crate::support::API_KEY;

const HERE: &str = "http://127.0.0.1:8080";
const THERE: &str = "https://api.behest.ai";

fn entry(key: &str) -> Entry {
    Entry {
        key: Some(Secret::new(key)),
        project_id: Some("p".into()),
        tenant_id: Some("t".into()),
        slug_url: None,
        admin_secret_file: Some("/data/admin_secret".into()),
    }
}

#[test]
fn what_was_written_is_read_back() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("new/behest");
    assert_eq!(credentials::read(&folder).expect("nothing yet"), credentials::Credentials::default());
    credentials::update(&folder, |stored| {
        stored.current = Some(HERE.to_owned());
        stored.entries.insert(HERE.to_owned(), entry(API_KEY));
    })
    .expect("written");
    credentials::update(&folder, |stored| {
        stored.entries.insert(THERE.to_owned(), Entry::default());
    })
    .expect("written again");
    let stored = credentials::read(&folder).expect("readable");
    let wanted = StoredCredential { base_url: HERE.to_owned(), key: Secret::new(API_KEY) };
    assert_eq!(stored.find(None), Some(wanted.clone()), "the current one");
    assert_eq!(stored.find(Some(HERE)), Some(wanted));
    assert_eq!(stored.find(Some(THERE)), None, "its key is in a keychain");
    assert_eq!(stored.find(Some("http://127.0.0.1:8081")), None);
    let text = fs::read_to_string(credentials::file(&folder)).expect("a file");
    let file: Value = serde_json::from_str(&text).expect("json");
    assert_eq!(
        file,
        json!({
            "version": 1, "current": HERE,
            "credentials": {
                HERE: {
                    "key": API_KEY, "project_id": "p", "tenant_id": "t", "slug_url": null,
                    "admin_secret_file": "/data/admin_secret",
                },
                THERE: {
                    "key": null, "project_id": null, "tenant_id": null, "slug_url": null,
                    "admin_secret_file": null,
                },
            },
        })
    );
    assert!(!format!("{stored:?}").contains(API_KEY), "a key is never printed");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("behest");
    credentials::update(&folder, |stored| stored.current = Some(HERE.to_owned())).expect("written");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&credentials::file(&folder)), 0o600);
    for file in fs::read_dir(&folder).expect("a folder") {
        assert_eq!(mode(&file.expect("an entry").path()), 0o600);
    }
}

#[test]
fn programs_that_write_at_once_lose_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let folder = home.path();
            scope.spawn(move || {
                credentials::update(folder, |stored| {
                    stored.entries.insert(format!("http://127.0.0.1:{number}"), entry(API_KEY));
                })
                .expect("written");
            });
        }
    });
    assert_eq!(credentials::read(home.path()).expect("readable").entries.len(), 8);
}

#[test]
fn a_damaged_or_newer_file_is_told_and_kept() {
    let home = tempfile::tempdir().expect("a folder");
    let file = credentials::file(home.path());
    for (text, says) in [
        ("{ torn", "damaged"),
        (r#"{"version": 2}"#, "version 2"),
        (r#"{"version": 1, "credentials": {"h": {"key": 7}}}"#, "damaged"),
    ] {
        fs::write(&file, text).expect("written");
        let error = credentials::update(home.path(), |stored| stored.current = None).expect_err("unusable");
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(Error::from(error).code(), "bad_credentials_file");
        assert_eq!(fs::read_to_string(&file).expect("a file"), text, "nothing was overwritten");
    }
}

#[test]
fn the_folder_is_the_platforms_own() {
    let folder = |variables: &[(&str, &str)]| {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        let found = credentials::folder(|name| variables.get(name).map(|text| (*text).to_owned()));
        found.map(|path| path.display().to_string())
    };
    assert_eq!(folder(&[("BEHEST_CONFIG_DIR", "/x"), ("HOME", "/home/a")]).as_deref(), Some("/x"));
    assert_eq!(folder(&[]), None);
    if cfg!(target_os = "linux") {
        assert_eq!(folder(&[("HOME", "/home/a")]).as_deref(), Some("/home/a/.config/behest"));
        let configured = [("HOME", "/home/a"), ("XDG_CONFIG_HOME", "/c")];
        assert_eq!(folder(&configured).as_deref(), Some("/c/behest"));
        let relative = [("HOME", "/home/a"), ("XDG_CONFIG_HOME", "c")];
        assert_eq!(folder(&relative).as_deref(), Some("/home/a/.config/behest"));
    }
}
