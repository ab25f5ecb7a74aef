//! Control commands against a scripted server.

use serde_json::{Value, json};

use crate::sandbox::{Behest, Sandbox};
use crate::script::{Script, problem};

const PROJECT: &str = "0197a2c4-7a5e-7c3d-9f00-000000000001";
const TENANT: &str = "0197a2c4-7a5e-7c3d-9f00-00000000000a";

fn project() -> Value {
    json!({
        "id": PROJECT, "tenant_id": TENANT, "slug": "amber-fox-042", "name": "Support", "status": "active",
        "created_at": "2026-11-23T12:00:00Z",
    })
}

fn start(answers: &[(&'static str, u16, Value)]) -> Script {
    let projects = json!({ "data": [project()] });
    let tenant =
        json!({ "id": TENANT, "name": "Acme", "plan": "enterprise", "created_at": "2026-11-23T12:00:00Z" });
    let always = [("GET /v1/projects", 200, projects), ("GET /v1/tenants", 200, json!({ "data": [tenant] }))];
    Script::start(always.into_iter().chain(answers.iter().cloned()))
}

fn control(script: &Script, arguments: &[&str]) -> Behest {
    let behest = Sandbox::new().behest(arguments).env("BEHEST_BASE_URL", &script.base_url);
    behest.env("BEHEST_ADMIN_SECRET", "s".repeat(32))
}

#[test]
fn projects_are_listed_as_a_table_or_as_json() {
    let script = start(&[]);
    behest_snapshot!(control(&script, &["projects", "list"]), @r"
    exit_code: 0
    ----- stdout -----
    slug           name     status  id                                    created
    amber-fox-042  Support  active  [ID]  [TIME]

    ----- stderr -----
    ");
    assert_eq!(control(&script, &["projects", "list", "--json"]).run().json(), json!([project()]));
}

#[test]
fn every_page_of_a_list_is_read() {
    let script = Script::start([
        ("GET /v1/projects", 200, json!({ "data": [project()], "next": "a b" })),
        ("GET /v1/projects?after=a+b", 200, json!({ "data": [project()] })),
    ]);
    let listed = control(&script, &["projects", "list", "--json"]).run().json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_project_is_named_by_its_slug() {
    let line = "DELETE /v1/projects/0197a2c4-7a5e-7c3d-9f00-000000000001";
    let script = start(&[(line, 204, json!(null))]);
    behest_snapshot!(control(&script, &["projects", "suspend", "amber-fox-042"]), @r"
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    suspended project amber-fox-042; wake it with `behest projects resume amber-fox-042`
    ");
    assert_eq!(script.lines(), ["GET /v1/projects", line]);
    behest_snapshot!(control(&script, &["projects", "suspend", "amber-fox-043"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no project `amber-fox-043`

    hint: see the slugs with `behest projects list`
    ");
}

#[test]
fn the_only_project_needs_no_name_and_several_do() {
    let script = Script::start([("GET /v1/projects", 200, json!({ "data": [project(), project()] }))]);
    behest_snapshot!(control(&script, &["keys", "list"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: which project? The gateway has 2

    hint: name one with `--project`: `behest projects list` shows their slugs
    ");
}

#[test]
fn a_new_key_is_alone_on_standard_output() {
    let key = json!({
        "id": "0197a2c4-7a5e-7c3d-9f00-0000000000ff", "project_id": PROJECT, "name": "backend", "role": "user",
        "last_four": "cdef", "created_at": "2026-11-23T12:00:00Z",
        "key": "behest_sk_live_0123456789abcdef0123456789abcdef",
    });
    let script = start(&[("POST /v1/projects/0197a2c4-7a5e-7c3d-9f00-000000000001/keys", 201, key)]);
    behest_snapshot!(control(&script, &["keys", "create", "--name", "backend"]), @r"
    exit_code: 0
    ----- stdout -----
    behest_sk_live_[KEY]

    ----- stderr -----
    created API key [ID] for project [ID]; it is shown this once
    ");
    assert_eq!(script.asked()[1].body, json!({ "name": "backend", "role": "user" }));
}

#[test]
fn a_new_signing_key_can_go_to_a_private_file() {
    let key = json!({
        "kid": "sk_1", "tenant_id": TENANT, "name": "", "created_at": "2026-11-23T12:00:00Z",
        "private_key_pem": "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n",
    });
    let script = start(&[("POST /v1/tenants/0197a2c4-7a5e-7c3d-9f00-00000000000a/signing-keys", 201, key)]);
    let sandbox = Sandbox::new();
    let create = || {
        let command = sandbox.behest(["signing-keys", "create", "--out", "key.pem"]);
        command.env("BEHEST_BASE_URL", &script.base_url).env("BEHEST_ADMIN_SECRET", "s".repeat(32))
    };
    behest_snapshot!(create(), @r"
    exit_code: 0
    ----- stdout -----
    sk_1

    ----- stderr -----
    wrote the private key to key.pem
    to use it, set BEHEST_KEY to the private key, BEHEST_KID=sk_1, BEHEST_TENANT_ID=[ID] and BEHEST_PROJECT_ID
    ");
    let pem = std::fs::read_to_string(sandbox.home().join("key.pem")).expect("a file");
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"), "{pem}");
    behest_snapshot!(create(), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: cannot create key.pem
      caused by: File exists (os error 17)

    hint: an existing file is never overwritten: name another
    ");
}

#[test]
fn settings_are_changed_on_top_of_what_is_in_force() {
    let path = "/v1/projects/0197a2c4-7a5e-7c3d-9f00-000000000001/settings";
    let view = json!({ "deployed": { "memory_window": 5 }, "draft": null });
    let drafted = json!({ "deployed": { "memory_window": 5 }, "draft": { "memory_window": 5, "memory_enabled": true } });
    let script = start(&[
        ("GET /v1/projects/0197a2c4-7a5e-7c3d-9f00-000000000001/settings", 200, view),
        ("PUT /v1/projects/0197a2c4-7a5e-7c3d-9f00-000000000001/settings", 200, drafted),
    ]);
    behest_snapshot!(control(&script, &["settings", "set", "memory_enabled=true"]), @r"
    exit_code: 0
    ----- stdout -----
    setting                 in force   draft
    provider_model          (default)
    fallback_models         (default)
    model_aliases           (default)
    routes                  (default)
    model_allowlist         (default)
    system_prompt           (default)
    cors_origins            (default)
    memory_enabled          (default)  true
    memory_window           5
    retention_days          (default)
    store_tool_calls        (default)
    api_key_on_data_plane   (default)
    unknown_price_policy    (default)
    show_cost_to_users      (default)
    rpm_limit               (default)
    user_rpm_limit          (default)
    concurrency_limit       (default)
    user_concurrency_limit  (default)
    tokens_per_day          (default)
    user_tokens_per_day     (default)
    user_tokens_per_month   (default)
    tag_keys                (default)
    usage_retention_days    (default)

    ----- stderr -----
    this is a draft: put it in force with `behest settings deploy`
    ");
    let put = script.asked().pop().expect("a request");
    assert_eq!(put.line, format!("PUT {path}"));
    assert_eq!(put.body, json!({ "memory_window": 5, "memory_enabled": true }));
}

#[test]
fn an_unknown_setting_gets_a_suggestion_before_anything_is_asked() {
    let script = start(&[]);
    behest_snapshot!(control(&script, &["settings", "set", "memory_enable=true"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no setting `memory_enable`

    hint: did you mean `memory_enabled`?
    ");
    behest_snapshot!(control(&script, &["settings", "set", "colour=blue"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no setting `colour`

    hint: the settings are provider_model, fallback_models, model_aliases, routes, model_allowlist, system_prompt, cors_origins, memory_enabled, memory_window, retention_days, store_tool_calls, api_key_on_data_plane, unknown_price_policy, show_cost_to_users, rpm_limit, user_rpm_limit, concurrency_limit, user_concurrency_limit, tokens_per_day, user_tokens_per_day, user_tokens_per_month, tag_keys, usage_retention_days
    ");
    behest_snapshot!(control(&script, &["settings", "set", "memory_window=many"]), @r#"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: `many` is no value for `memory_window`
      caused by: invalid type: string "many", expected u32
    "#);
    assert!(script.asked().is_empty());
}

#[test]
fn a_deploy_without_a_draft_says_so() {
    let line = "POST /v1/projects/0197a2c4-7a5e-7c3d-9f00-000000000001/deploy";
    let script = start(&[(line, 409, problem("conflict", "there is no draft to deploy"))]);
    behest_snapshot!(control(&script, &["settings", "deploy"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no draft to deploy
      trace id: trace-1
    ");
}

#[test]
fn a_providers_key_comes_from_standard_input() {
    let provider = json!({ "name": "openai", "source": "tenant", "local": false, "key_last_four": "9876" });
    let script = start(&[("POST /v1/tenants/0197a2c4-7a5e-7c3d-9f00-00000000000a/providers", 201, provider)]);
    behest_snapshot!(control(&script, &["providers", "add", "openai"]).input("sk-9876\n"), @r"
    exit_code: 0
    ----- stdout -----
    name    source  key      local  address  added
    openai  tenant  ...9876  no

    ----- stderr -----
    ");
    assert_eq!(
        script.asked()[1].body,
        json!({ "name": "openai", "api_key": "sk-9876", "local": false, "check": true })
    );
    behest_snapshot!(control(&script, &["providers", "add", "openai"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: Key for openai: nothing was given
    ");
}

#[test]
fn a_local_provider_needs_no_key() {
    let provider = json!({ "name": "ollama", "source": "tenant", "local": true, "base_url": "http://127.0.0.1:11434/v1" });
    let script = start(&[("POST /v1/tenants/t-1/providers", 201, provider)]);
    let arguments =
        ["providers", "add", "ollama", "--local", "--no-key", "--base-url", "http://127.0.0.1:11434/v1"];
    control(&script, &[&arguments[..], &["--tenant", "t-1", "--models", "a,b", "--no-check"]].concat())
        .run()
        .text();
    let expected = json!({
        "name": "ollama", "base_url": "http://127.0.0.1:11434/v1", "local": true, "models": ["a", "b"],
        "check": false,
    });
    assert_eq!(script.asked()[0].body, expected);
}

#[test]
fn a_named_project_has_providers_of_its_own() {
    let id = "0197a2c4-7a5e-7c3d-9f00-000000000001";
    let mine = json!({ "name": "openai", "source": "project", "project_id": id, "local": false,
        "key_last_four": "9876", "readable": false });
    let script = start(&[
        ("GET /v1/projects/0197a2c4-7a5e-7c3d-9f00-000000000001/providers", 200, json!({ "data": [mine] })),
        ("DELETE /v1/projects/0197a2c4-7a5e-7c3d-9f00-000000000001/providers/openai", 204, json!(null)),
    ]);
    behest_snapshot!(control(&script, &["providers", "list", "--project", id]), @r"
    exit_code: 0
    ----- stdout -----
    name    source   key                                     local  address  added
    openai  project  ...9876 (cannot be read: add it again)  no

    ----- stderr -----
    ");
    behest_snapshot!(control(&script, &["providers", "remove", "openai", "--project", id]), @r"
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    removed provider openai
    ");
}

#[test]
fn a_provider_that_could_not_be_asked_is_not_added() {
    let message = "the key is not stored, because openai could not be asked whether it takes it";
    let line = "POST /v1/tenants/t-1/providers";
    let script = start(&[(line, 502, problem("upstream_error", message))]);
    let add = ["providers", "add", "openai", "--tenant", "t-1"];
    behest_snapshot!(control(&script, &add).input("sk-9876\n"), @r"
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: the key is not stored, because openai could not be asked whether it takes it
      trace id: trace-1
    ");
}
