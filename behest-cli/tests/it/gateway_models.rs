//! The catalogue's commands against a real gateway.

use std::fs;
use std::path::Path;

use crate::gateway::TestGateway;

/// The file that docs/models.md shows.
fn example() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/models.md");
    let page = fs::read_to_string(page).expect("a page");
    let (_, rest) = page.split_once("```json\n").expect("an example");
    rest.split_once("```").expect("its end").0.to_owned()
}

#[test]
fn the_catalogue_is_updated_shown_and_taken_back() {
    let gateway = TestGateway::start();
    let file = gateway.sandbox.home().join("models.json");
    fs::write(&file, example()).expect("a file");
    let file = file.to_str().expect("a path");
    let total = |change: &serde_json::Value| change["models"].as_u64().expect("a number");

    let change = gateway.control(&["models", "update", file, "--json"]).run().json();
    assert_eq!(
        (&change["version"], &change["added"], &change["changed"], &change["removed"]),
        (&"acme-2026-12".into(), &2.into(), &1.into(), &1.into())
    );
    let said = gateway.control(&["models", "update", file]).run();
    assert_eq!(
        said.text(),
        format!("acme-2026-12: 0 added, 0 changed, 0 removed; {} models", total(&change))
    );

    behest_snapshot!(gateway.control(&["models", "show", "acme-large"]), @r"
    exit_code: 0
    ----- stdout -----
    acme/acme-large
      for         chat
      context     200000
      max output  32000
      can         tools, parallel_tools, images, json_schema

    from        when                             input  output  cache read  cache write  write for 1 h  version
    2026-06-01  always                           3      15                                              acme-2026-06
    2026-12-01  always                           2.5    10      0.25        3.125        5              acme-2026-12
    2026-12-01  in batches                       1.25   5                                               acme-2026-12
    2026-12-01  above 128000 tokens              5      20                                              acme-2026-12
    2026-12-01  above 128000 tokens, in batches  2.5    10                                              acme-2026-12
    US dollars for a million tokens

    ----- stderr -----
    ");
    behest_snapshot!(gateway.control(&["models", "show", "acme/embed-1"]), @r"
    exit_code: 0
    ----- stdout -----
    acme/embed-1
      for         embeddings
      context     8192
      dimensions  1024

    from        when    input  output  cache read  cache write  write for 1 h  version
    2026-12-01  always  0.02   0                                               acme-2026-12
    US dollars for a million tokens

    ----- stderr -----
    ");
    behest_snapshot!(gateway.control(&["models", "show", "acme-huge"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the catalogue has no model `acme-huge`

    hint: see those that can be called with `behest models`
    ");

    let none = r#"{ "version": "none", "models": {} }"#;
    let taken_back = gateway.control(&["models", "update", "-", "--json"]).input(none).run().json();
    assert_eq!((&taken_back["added"], &taken_back["removed"]), (&1.into(), &2.into()));
    assert_eq!(total(&taken_back), total(&change) - 1);
}

#[test]
fn an_update_stays_after_a_restart() {
    let gateway = TestGateway::start();
    let update = r#"{ "version": "v", "models": { "acme/large": { "context": 7 } } }"#;
    gateway.control(&["models", "update", "-"]).input(update).run().text();
    let secret = gateway.text("admin_secret").to_owned();
    let gateway = TestGateway::start_in(gateway.stop(), &[]);
    let show = gateway.sandbox.behest(["models", "show", "acme/large", "--json"]);
    let shown = show.env("BEHEST_BASE_URL", gateway.text("base_url")).env("BEHEST_ADMIN_SECRET", secret);
    assert_eq!(shown.run().json()["acme/large"]["context"], 7);
}

#[test]
fn a_catalogue_that_is_none_is_refused_and_changes_nothing() {
    let gateway = TestGateway::start();
    let update = |text: &str| gateway.control(&["models", "update", "-"]).input(text);
    behest_snapshot!(update("{"), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the catalogue in - is not JSON
      caused by: EOF while parsing an object at line 1 column 1
    ");
    behest_snapshot!(update(""), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: `-` is standard input, and nothing is piped in

    hint: name a file, or pipe one in: `behest models update - < models.json`
    ");
    let refused = update(r#"{ "version": "v", "models": { "a/b": {}, "a/c": { "contxt": 1 } } }"#).run();
    assert_eq!(refused.exit_code, 1, "{refused}");
    assert!(refused.stderr.contains("the model `a/c`: `contxt`: unknown field"), "{refused}");
    behest_snapshot!(gateway.control(&["models", "update", "none.json"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: cannot read the catalogue in none.json
      caused by: No such file or directory (os error 2)
    ");
    behest_snapshot!(gateway.control(&["models", "show", "a/b"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the catalogue has no model `a/b`

    hint: see those that can be called with `behest models`
    ");
}

#[test]
fn the_configuration_may_name_a_catalogue() {
    let sandbox = crate::sandbox::Sandbox::new();
    let home = sandbox.home().to_owned();
    let config = home.join("behest.toml");
    let models = home.join("models.json");
    fs::write(&config, format!("catalogue_file = {:?}\n", models.to_str().expect("a path"))).expect("a file");
    let serve = || sandbox.behest(["serve", "--port", "0", "--data-dir", "data", "--config", "behest.toml"]);

    behest_snapshot!(serve(), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: `catalogue_file` names [HOME]/models.json, which cannot be read: No such file or directory (os error 2)
    ");
    fs::write(&models, r#"{ "version": "v", "models": { "a/b": { "context": 0 } } }"#).expect("a file");
    behest_snapshot!(serve(), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: `catalogue_file` names [HOME]/models.json: the model `a/b`: `context` is 0, and must be 1 to 1,000,000,000
    ");

    fs::write(&models, example()).expect("a file");
    let gateway = TestGateway::start_in(sandbox, &["--config", config.to_str().expect("a path")]);
    let shown = gateway.control(&["models", "show", "acme-large", "--json"]).run().json();
    assert_eq!(shown["acme/acme-large"]["context"], 200_000);
}
