//! The control plane's commands against a real gateway.

use crate::gateway::TestGateway;

#[test]
fn a_project_is_created_given_a_key_suspended_and_resumed() {
    let gateway = TestGateway::start();
    let created = gateway.control(&["projects", "create", "Second", "--json"]).run().json();
    let slug = created["slug"].as_str().expect("a slug");
    let several = gateway.control(&["keys", "list"]).run();
    assert_eq!(several.exit_code, 1, "there are two projects now: {several}");

    let key =
        gateway.control(&["keys", "create", "--project", slug, "--name", "cli"]).run().text().to_owned();
    let chat = || gateway.behest(&["chat", "hello"]).env("BEHEST_KEY", &key).run();
    assert_ne!(chat().text(), "");
    gateway.control(&["projects", "suspend", slug]).run().text();
    let refused = chat();
    assert_eq!(refused.exit_code, 1, "{refused}");
    assert!(refused.stderr.contains("hint: "), "{refused}");
    let resumed = gateway.control(&["projects", "resume", slug, "--json"]).run().json();
    assert_eq!(resumed["status"], "active");
    assert_ne!(chat().text(), "");
}

#[test]
fn a_revoked_key_is_refused_from_the_next_request_on() {
    let gateway = TestGateway::start();
    let created = gateway.control(&["keys", "create", "--json"]).run().json();
    let key = created["key"].as_str().expect("a key");
    let models = || gateway.behest(&["models"]).env("BEHEST_KEY", key).run();
    assert_eq!(models().exit_code, 0);
    gateway.control(&["keys", "revoke", created["id"].as_str().expect("an id")]).run().text();
    let refused = models();
    assert_eq!(refused.exit_code, 1, "{refused}");
    let listed = gateway.control(&["keys", "list"]).run();
    assert!(listed.text().contains("...") && !listed.text().contains(key), "{listed}");
}

#[test]
fn settings_go_from_draft_to_force() {
    let gateway = TestGateway::start();
    let settings =
        |arguments: &[&str]| gateway.control(&[&["settings"], arguments, &["--json"]].concat()).run();
    let drafted = settings(&["set", "memory_enabled=true", "cors_origins=https://a.example"]).json();
    assert_eq!(drafted["draft"]["memory_enabled"], true);
    assert_eq!(settings(&["show"]).json()["deployed"].get("memory_enabled"), None);
    assert_eq!(settings(&["deploy"]).json()["deployed"]["cors_origins"][0], "https://a.example");
    assert_eq!(settings(&["deploy"]).exit_code, 1, "there is no draft any more");
    settings(&["set", "memory_enabled="]).json();
    assert_eq!(settings(&["discard"]).json()["deployed"]["memory_enabled"], true);
}

#[test]
fn where_api_keys_are_refused_chat_mints() {
    let gateway = TestGateway::start();
    gateway.control(&["settings", "set", "api_key_on_data_plane=deny", "--deploy"]).run().text();
    assert_ne!(gateway.behest(&["chat", "hello"]).run().text(), "");
}

#[test]
fn a_signing_key_signs_here_until_it_is_revoked() {
    let gateway = TestGateway::start();
    let created = gateway.control(&["signing-keys", "create", "--json"]).run().json();
    let text = |name: &str| created[name].as_str().expect("text").to_owned();
    let chat = || {
        let behest = gateway.behest(&["chat", "hello"]).env("BEHEST_KEY", text("private_key_pem"));
        let behest = behest.env("BEHEST_KID", text("kid")).env("BEHEST_TENANT_ID", gateway.text("tenant_id"));
        behest.env("BEHEST_PROJECT_ID", gateway.text("project_id")).run()
    };
    assert_ne!(chat().text(), "");
    gateway.control(&["signing-keys", "revoke", &text("kid")]).run().text();
    assert_eq!(chat().exit_code, 1);
}

#[test]
fn a_provider_is_added_from_a_pipe_and_its_key_never_comes_back() {
    let gateway = TestGateway::start();
    gateway.control(&["providers", "add", "openai", "--no-check"]).input("sk-proj-0123456789\n").run().text();
    let listed = gateway.control(&["providers", "list"]).run();
    assert!(listed.text().contains("...6789"), "{listed}");
    assert!(!listed.text().contains("sk-proj"), "{listed}");
    gateway.control(&["providers", "remove", "openai"]).run().text();
    assert!(!gateway.control(&["providers", "list"]).run().text().contains("openai"));
}

#[test]
fn a_key_that_is_a_file_is_read_to_its_end() {
    let gateway = TestGateway::start();
    let (_, pem) = behest_core::token::SigningKey::generate("k").expect("a key");
    let account = serde_json::json!({
        "type": "service_account", "project_id": "p-1", "private_key_id": "0123456789", "client_email": "a@p-1",
        "private_key": pem.expose(), "token_uri": "https://oauth2.googleapis.com/token",
    });
    let file = serde_json::to_string_pretty(&account).expect("JSON");
    gateway.control(&["providers", "add", "vertex", "--no-check"]).input(&file).run().text();
    let listed = gateway.control(&["providers", "list"]).run();
    assert!(listed.text().contains("...6789") && !listed.text().contains("PRIVATE"), "{listed}");
    let refused = gateway.control(&["providers", "add", "vertex"]).input("AIza-0123456789\n").run();
    assert!(
        refused.exit_code == 1 && format!("{refused}").contains("is not the JSON of a service account"),
        "{refused}"
    );
}

#[test]
fn tenants_are_the_operators() {
    let gateway = TestGateway::start();
    let id = gateway.control(&["tenants", "create", "Acme", "--plan", "free"]).run().text().to_owned();
    let listed = gateway.control(&["tenants", "list", "--json"]).run().json();
    let found = listed.as_array().expect("an array").iter().find(|tenant| tenant["id"] == id.as_str());
    assert_eq!(found.expect("it is listed")["plan"], "free");
    let wrong = gateway.control(&["tenants", "list"]).env("BEHEST_ADMIN_SECRET", "w".repeat(32)).run();
    assert_eq!(wrong.exit_code, 1, "{wrong}");
}
