//! A new master key: whatever happens on the way, every key opens in the end and none is lost.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use axum::Router;
use behest_core::Secret;
use behest_core::gateway::Gateway;
use behest_core::gateway::config::Config;
use behest_core::gateway::rotation::{RotateError, Rotated, Rotation};
use behest_core::gateway::setup::StartError;
use http::Method;
use serde_json::{Value, json};

use crate::support::gateway::{ADMIN_SECRET, Call};

/// The signing key, and two keys of the tenant's and two of a project's.
const SEALED: usize = 5;

/// A stopped gateway's data, with keys sealed in it.
struct Data {
    _folder: tempfile::TempDir,
    path: PathBuf,
    key: Option<Secret>,
    kid: String,
}

fn hex(digit: char) -> Secret {
    Secret::new(digit.to_string().repeat(64))
}

impl Data {
    /// With the master key in the data directory, or in the environment.
    async fn new(key: Option<Secret>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let mut data = Self { _folder: folder, path, key, kid: String::new() };
        let (gateway, router) = data.start().await.expect("a gateway");
        data.kid = kid(&router).await;
        let project = get(&router, "/v1/projects").await["data"][0].clone();
        let id = |name: &str| project[name].as_str().expect("an id").to_owned();
        for owner in [format!("tenants/{}", id("tenant_id")), format!("projects/{}", id("id"))] {
            for name in ["openai", "cohere"] {
                let body = json!({ "name": name, "api_key": "sk-canary-0123456789", "check": false });
                let call = Call::new(&router, Method::POST, &format!("/v1/{owner}/providers")).admin();
                call.json(&body).await.created();
            }
        }
        gateway.shut_down().await;
        data
    }

    async fn start(&self) -> Result<(Gateway, Router), StartError> {
        let admin_secret = Some(Secret::new(ADMIN_SECRET));
        let config = Config { admin_secret, encryption_key: self.key.clone(), ..Config::default() };
        let gateway = Gateway::builder(config).data_dir(&self.path).build().await?;
        let router = gateway.router();
        Ok((gateway, router))
    }

    fn rotation(&self, new_key: Option<Secret>) -> Rotation {
        Rotation { data_dir: self.path.clone(), key: self.key.clone(), new_key }
    }

    /// Runs until so many values are done: what a kill after them would leave.
    async fn killed_after(&self, new_key: Option<Secret>, values: usize) {
        let stop = |done| if done == values { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let stopped = self.rotation(new_key).run(stop).await;
        assert!(
            matches!(stopped, Err(RotateError::Stopped { resealed }) if resealed == values),
            "{stopped:?}"
        );
    }

    async fn rotate(&self, new_key: Option<Secret>) -> Result<Rotated, RotateError> {
        self.rotation(new_key).run(|_| ControlFlow::Continue(())).await
    }

    /// Starts the gateway, which must be the same as before with every key readable.
    async fn is_whole(&self) {
        let (gateway, router) = self.start().await.expect("a gateway");
        assert_eq!(kid(&router).await, self.kid, "tokens of before are good");
        let project = get(&router, "/v1/projects").await["data"][0]["id"].clone();
        let path = format!("/v1/projects/{}/providers", project.as_str().expect("an id"));
        let listed = get(&router, &path).await;
        let rows = listed["data"].as_array().expect("data");
        assert!(rows.len() == 3 && rows.iter().all(|row| row["readable"] == true), "{listed}");
        let ready = get(&router, "/ready").await;
        assert_eq!(ready["checks"]["provider_keys"], "ok", "{ready}");
        gateway.shut_down().await;
    }

    fn has(&self, file: &str) -> bool {
        self.path.join(file).exists()
    }

    /// Everything that is sealed, as it stands.
    fn sealed(&self) -> Vec<String> {
        let database = rusqlite::Connection::open(self.path.join("behest.db")).expect("a database");
        let all = "SELECT value FROM gateway_values UNION ALL \
            SELECT hex(id) || sealed_key || master_key_id FROM providers ORDER BY 1";
        let mut statement = database.prepare(all).expect("a query");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("values")
    }

    fn damage(&self, change: &str) {
        let database = rusqlite::Connection::open(self.path.join("behest.db")).expect("a database");
        assert_eq!(database.execute(change, []).expect("a change"), 1);
    }
}

async fn get(router: &Router, path: &str) -> Value {
    Call::new(router, Method::GET, path).admin().await.ok()
}

async fn kid(router: &Router) -> String {
    let keys = get(router, "/.well-known/jwks.json").await;
    keys["keys"][0]["kid"].as_str().expect("a kid").to_owned()
}

fn secret_in(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file").trim().to_owned()
}

#[tokio::test]
async fn with_the_key_in_a_file_a_kill_anywhere_loses_nothing() {
    for killed_after in 1..=SEALED {
        let data = Data::new(None).await;
        let before = secret_in(&data.path.join("master-key"));
        data.killed_after(None, killed_after).await;
        let half = data.start().await.err();
        assert!(matches!(half, Some(StartError::HalfRotated { .. })), "{half:?}");
        assert_eq!(secret_in(&data.path.join("master-key")), before, "both keys are at hand");
        let next = secret_in(&data.path.join("master-key.new"));
        let other = data.rotate(Some(hex('b'))).await;
        assert!(matches!(other, Err(RotateError::Another { .. })), "{other:?}");

        let done = data.rotate(None).await.expect("it goes on");
        assert_eq!((done.resealed, done.already), (SEALED - killed_after, killed_after));
        assert!(done.unreadable.is_empty() && done.in_data_dir && !done.needs_old_key, "{done:?}");
        assert_eq!(secret_in(&data.path.join("master-key")), next);
        assert!(!data.has("master-key.new") && !data.has("master-key.old"));
        data.is_whole().await;
    }
}

#[tokio::test]
async fn a_kill_between_the_last_value_and_the_files_loses_nothing() {
    let data = Data::new(None).await;
    data.killed_after(None, SEALED).await;
    // As if the mark had gone, and the process with it.
    data.damage("DELETE FROM gateway_values WHERE name = 'master_key_rotation'");
    assert!(matches!(data.start().await.err(), Some(StartError::HalfRotated { .. })));
    let done = data.rotate(None).await.expect("it goes on");
    assert_eq!((done.resealed, done.already), (0, SEALED));
    data.is_whole().await;
}

#[tokio::test]
async fn with_the_key_in_the_environment_the_new_one_comes_from_there() {
    let mut data = Data::new(Some(hex('a'))).await;
    let nothing = data.rotate(None).await;
    assert!(matches!(nothing, Err(RotateError::NoNewKey)), "{nothing:?}");
    let same = data.rotate(Some(hex('a'))).await;
    assert!(matches!(same, Err(RotateError::SameKey)), "{same:?}");
    data.killed_after(Some(hex('b')), 2).await;
    for key in ['a', 'b'] {
        data.key = Some(hex(key));
        assert!(matches!(data.start().await.err(), Some(StartError::HalfRotated { .. })), "{key}");
    }
    data.key = Some(hex('a'));
    let other = data.rotate(Some(hex('c'))).await;
    assert!(matches!(other, Err(RotateError::Another { .. })), "{other:?}");
    let done = data.rotate(Some(hex('b'))).await.expect("it goes on");
    assert_eq!((done.resealed, done.already, done.in_data_dir), (SEALED - 2, 2, false));
    assert!(!data.has("master-key") && !data.has("master-key.new"), "no key is written down");
    assert!(data.start().await.is_err(), "the old key is out");
    let again = data.rotate(Some(hex('b'))).await.expect("nothing is left to do");
    assert_eq!((again.resealed, again.already), (0, SEALED));
    data.key = Some(hex('b'));
    data.is_whole().await;
}

#[tokio::test]
async fn a_wrong_old_key_changes_nothing() {
    let mut data = Data::new(Some(hex('a'))).await;
    let before = data.sealed();
    data.key = Some(hex('f'));
    let wrong = data.rotate(Some(hex('b'))).await;
    assert!(matches!(wrong, Err(RotateError::WrongKey { .. })), "{wrong:?}");
    data.key = None;
    let none = data.rotate(None).await;
    assert!(matches!(none, Err(RotateError::NoKey)), "{none:?}");
    std::fs::write(data.path.join("master-key"), "f".repeat(64)).expect("a wrong file");
    let wrong = data.rotate(None).await;
    assert!(matches!(wrong, Err(RotateError::WrongKey { .. })), "{wrong:?}");
    assert!(!data.has("master-key.new"));
    assert_eq!(data.sealed(), before);
    data.key = Some(hex('a'));
    data.is_whole().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_stays_as_it_is() {
    let data = Data::new(None).await;
    let old = secret_in(&data.path.join("master-key"));
    data.damage(
        "UPDATE providers SET sealed_key = '00' || substr(sealed_key, 3) || 'x' \
         WHERE project_id IS NULL AND name = 'openai'",
    );
    data.damage(
        "UPDATE providers SET master_key_id = 'deadbeef' WHERE project_id IS NOT NULL AND name = 'openai'",
    );
    let damaged = |all: Vec<String>| -> Vec<String> {
        all.into_iter().filter(|text| text.contains("deadbeef") || text.contains('x')).collect()
    };
    let before = damaged(data.sealed());
    assert_eq!(before.len(), 2);
    let done = data.rotate(None).await.expect("it ends");
    assert_eq!((done.resealed, done.unreadable.len(), done.needs_old_key), (SEALED - 2, 2, true));
    assert!(done.unreadable.iter().all(|what| what.contains("provider `openai` of tenant")), "{done:?}");
    assert_eq!(damaged(data.sealed()), before);
    assert_eq!(secret_in(&data.path.join("master-key.old")), old);
    let (gateway, router) = data.start().await.expect("a gateway");
    let ready = get(&router, "/ready").await;
    assert!(ready["checks"]["provider_keys"].as_str().expect("text").starts_with('2'), "{ready}");
    gateway.shut_down().await;
}

#[tokio::test]
async fn it_works_on_a_stopped_gateways_data_alone() {
    let data = Data::new(None).await;
    let (gateway, _router) = data.start().await.expect("a gateway");
    let running = data.rotate(None).await;
    assert!(matches!(running, Err(RotateError::Running { .. })), "{running:?}");
    gateway.shut_down().await;
    let empty = tempfile::tempdir().expect("a folder");
    let nobody = Rotation { data_dir: empty.path().to_owned(), key: None, new_key: None };
    let nobody = nobody.run(|_| ControlFlow::Continue(())).await;
    assert!(matches!(nobody, Err(RotateError::NoData { .. })), "{nobody:?}");
    assert_eq!(std::fs::read_dir(empty.path()).expect("a folder").count(), 0, "nothing is made there");
}

#[cfg(unix)]
#[tokio::test]
async fn the_new_key_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let data = Data::new(None).await;
    let mode = |file: &str| {
        let file = std::fs::metadata(data.path.join(file)).expect("a file");
        file.permissions().mode() & 0o777
    };
    data.killed_after(None, 1).await;
    assert_eq!(mode("master-key.new"), 0o600);
    data.rotate(None).await.expect("it goes on");
    assert_eq!(mode("master-key"), 0o600);
}
