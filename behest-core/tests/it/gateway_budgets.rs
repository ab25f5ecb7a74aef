//! Budgets: what they may say, and who may say it.

use behest_core::Secret;
use behest_core::gateway::Gateway;
use behest_core::gateway::config::Config;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::gateway::{ADMIN_SECRET, Call, TestGateway};

fn create(site: &TestGateway, body: &Value) -> Call {
    site.post(&site.of_project("budgets"), body).admin()
}

fn budget(site: &TestGateway, method: Method, budget: &str) -> Call {
    site.call(method, &site.of_project(&format!("budgets/{budget}"))).admin()
}

async fn list(site: &TestGateway) -> Vec<Value> {
    let list = site.get(&site.of_project("budgets")).admin().await.ok();
    list["data"].as_array().expect("data").clone()
}

/// A budget of the whole project, with changes.
fn monthly(changes: &Value) -> Value {
    let mut body = json!({ "name": "all", "scope": "project", "window": "month", "limit_usd": 50.0 });
    let object = body.as_object_mut().expect("an object");
    for (field, value) in changes.as_object().expect("an object") {
        object.insert(field.clone(), value.clone());
    }
    body
}

fn id(budget: &Value) -> &str {
    budget["id"].as_str().expect("an id")
}

#[tokio::test]
async fn a_budget_is_made_changed_and_removed() {
    let site = TestGateway::start().await;
    assert_eq!(list(&site).await, Vec::<Value>::new());
    let all = create(&site, &monthly(&json!({}))).await.created();
    assert_eq!(
        (&all["limit_usd"], &all["on_exceed"], &all["source"]),
        (&json!(50.0), &json!("refuse"), &json!("api"))
    );
    assert!(all["created_at"].is_string(), "{all}");
    let user = json!({
        "name": " each user ", "scope": "user", "window": "day", "limit_usd": 0.5, "thresholds": [100, 5, 5],
        "on_exceed": "downgrade", "downgrade_to": "local/echo",
    });
    let user = create(&site, &user).await.created();
    assert_eq!((&user["name"], &user["thresholds"]), (&json!("each user"), &json!([5, 100])));
    assert_eq!(list(&site).await, [all.clone(), user.clone()]);
    for by in [id(&user), "each%20user"] {
        assert_eq!(budget(&site, Method::GET, by).await.ok(), user);
    }
    budget(&site, Method::GET, "no-such").await.refused(404, "not_found");

    // A change replaces the whole, keeps the id, and may rename.
    let changed = monthly(&json!({ "name": "everything", "limit_usd": 0.000_000_001 }));
    let changed = budget(&site, Method::PUT, "all").json(&changed).await.ok();
    assert_eq!((id(&changed), &changed["limit_usd"]), (id(&all), &json!(0.000_000_001)));
    budget(&site, Method::GET, "all").await.refused(404, "not_found");
    assert_eq!(budget(&site, Method::GET, "everything").await.ok(), changed);
    budget(&site, Method::PUT, "everything").json(&monthly(&json!({ "name": "everything" }))).await.ok();
    budget(&site, Method::PUT, "all").json(&monthly(&json!({}))).await.refused(404, "not_found");

    assert_eq!(budget(&site, Method::DELETE, id(&all)).await.status, 204);
    budget(&site, Method::DELETE, id(&all)).await.refused(404, "not_found");
    assert_eq!(budget(&site, Method::DELETE, "each%20user").await.status, 204);
    assert_eq!(list(&site).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let site = TestGateway::start().await;
    create(&site, &monthly(&json!({}))).await.created();
    let other = create(&site, &monthly(&json!({ "name": "other" }))).await.created();
    let refused = create(&site, &monthly(&json!({ "name": " all " }))).await.refused(409, "conflict");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("`all`")), "{refused}");
    budget(&site, Method::PUT, id(&other)).json(&monthly(&json!({}))).await.refused(409, "conflict");
    let sibling = site.project_of(&site.project.tenant_id).await;
    let path = format!("/v1/projects/{}/budgets", sibling.id);
    site.post(&path, &monthly(&json!({}))).admin().await.created();
}

#[tokio::test]
async fn every_scope_takes_its_own_subject() {
    let site = TestGateway::start().await;
    let key = Uuid::now_v7();
    for (index, good) in [
        json!({ "scope": "user" }),
        json!({ "scope": "user", "subject": "ann" }),
        json!({ "scope": "session", "subject": "s-1" }),
        json!({ "scope": "tier", "subject": "gold" }),
        json!({ "scope": "model", "subject": "openai/gpt-5" }),
        json!({ "scope": "api_key", "subject": key.to_string() }),
        json!({ "scope": "tag", "tag": "team" }),
        json!({ "scope": "tag", "tag": "team", "subject": "search" }),
        json!({ "window": "total" }),
        json!({ "window": "week", "on_exceed": "notify", "thresholds": [] }),
    ]
    .into_iter()
    .enumerate()
    {
        let mut good = monthly(&good);
        good["name"] = json!(format!("b{index}"));
        create(&site, &good).await.created();
    }
    // A key's id is kept as it is written everywhere else.
    let loud = monthly(&json!({ "scope": "api_key", "subject": key.to_string().to_uppercase() }));
    assert_eq!(create(&site, &loud).await.created()["subject"], key.to_string());
}

#[tokio::test]
async fn what_a_budget_cannot_say_is_refused_by_name() {
    let site = TestGateway::start().await;
    for (field, bad) in [
        ("name", json!({ "name": " " })),
        ("name", json!({ "name": "x".repeat(201) })),
        ("limit_usd", json!({ "limit_usd": 0 })),
        ("limit_usd", json!({ "limit_usd": -1 })),
        ("limit_usd", json!({ "limit_usd": 9_000_001 })),
        ("limit_usd", json!({ "limit_usd": 1e-10 })),
        ("subject", json!({ "subject": "ann" })),
        ("subject", json!({ "scope": "user", "subject": "" })),
        ("subject", json!({ "scope": "user", "subject": "admin" })),
        ("subject", json!({ "scope": "session", "subject": "two words" })),
        ("subject", json!({ "scope": "tier", "subject": "two words" })),
        ("subject", json!({ "scope": "model", "subject": "" })),
        ("subject", json!({ "scope": "api_key", "subject": "behest_sk_live_0" })),
        ("subject", json!({ "scope": "tag", "tag": "team", "subject": "x".repeat(129) })),
        ("tag", json!({ "scope": "tag" })),
        ("tag", json!({ "scope": "tag", "tag": "two words" })),
        ("tag", json!({ "tag": "team" })),
        ("tag", json!({ "scope": "user", "tag": "team" })),
        ("thresholds", json!({ "thresholds": [0] })),
        ("thresholds", json!({ "thresholds": [101] })),
        ("downgrade_to", json!({ "on_exceed": "downgrade" })),
        ("downgrade_to", json!({ "on_exceed": "downgrade", "downgrade_to": "" })),
        ("downgrade_to", json!({ "downgrade_to": "local/echo" })),
        ("downgrade_to", json!({ "on_exceed": "notify", "downgrade_to": "local/echo" })),
    ] {
        let refused = create(&site, &monthly(&bad)).await.refused(400, "validation_error");
        assert_eq!(refused["param"], field, "{bad}: {refused}");
    }
    for bad in [
        json!({ "scope": "planet" }),
        json!({ "window": "hour" }),
        json!({ "on_exceed": "shrug" }),
        json!({ "limit_usd": "50" }),
        json!({ "limit": 50 }),
        json!({ "source": "api" }),
        json!({ "thresholds": [256] }),
        json!({ "thresholds": 80 }),
    ] {
        create(&site, &monthly(&bad)).await.refused(400, "validation_error");
    }
    create(&site, &json!({ "name": "x", "scope": "project", "window": "day" }))
        .await
        .refused(400, "validation_error");
    assert_eq!(list(&site).await, Vec::<Value>::new());
    // The same holds for a change.
    create(&site, &monthly(&json!({}))).await.created();
    let refused = budget(&site, Method::PUT, "all").json(&monthly(&json!({ "limit_usd": 0 }))).await;
    assert_eq!(refused.refused(400, "validation_error")["param"], "limit_usd");
}

#[tokio::test]
async fn a_project_has_two_hundred_budgets() {
    let site = TestGateway::start().await;
    for index in 0..200 {
        create(&site, &monthly(&json!({ "name": format!("b{index}") }))).await.created();
    }
    let refused = create(&site, &monthly(&json!({}))).await.refused(409, "conflict");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("200")), "{refused}");
}

#[tokio::test]
async fn budgets_are_the_projects_and_its_tenants() {
    let site = TestGateway::start().await;
    let sibling = site.project_of(&site.project.tenant_id).await;
    let foreign = site.project_of(&site.tenant(&json!({ "name": "other" })).await.id).await;
    let admin = site.token_of_role(&site.project.id, "admin").await;
    let service = site.token_of_role(&site.project.id, "dashboard-service").await;
    let make = |project: &str, token: &str| {
        site.post(&format!("/v1/projects/{project}/budgets"), &monthly(&json!({}))).bearer(token)
    };
    let mine = make(&site.project.slug, &admin).await.created();
    make(&sibling.id, &admin).await.refused(404, "not_found");
    let its = make(&sibling.id, &service).await.created();
    make(&foreign.id, &service).await.refused(404, "not_found");
    make(&site.project.id, &site.token("ann").await).await.refused(403, "forbidden");
    make(&site.project.id, &site.api_key).await.refused(403, "forbidden");
    // Another project's budget is not found by its id under one's own.
    budget(&site, Method::GET, id(&its)).await.refused(404, "not_found");
    budget(&site, Method::DELETE, id(&its)).await.refused(404, "not_found");
    budget(&site, Method::GET, id(&mine)).await.ok();
}

#[tokio::test]
async fn the_files_budgets_are_the_files() {
    let file = |project: &str| {
        let text = format!(
            "[[budgets]]\nproject = \"{project}\"\nname = \" ceiling \"\nscope = \"project\"\nwindow = \"month\"\nlimit_usd = 100"
        );
        Config::from_toml(&text).expect("a configuration")
    };
    let site = TestGateway::with(file("*")).await;
    let [ceiling] = &list(&site).await[..] else { panic!("one budget") };
    assert_eq!((&ceiling["name"], &ceiling["source"]), (&json!("ceiling"), &json!("config")));
    assert_eq!(ceiling["created_at"], Value::Null);
    for by in [id(ceiling), "ceiling"] {
        let calls = [
            budget(&site, Method::PUT, by).json(&monthly(&json!({ "name": "ceiling" }))),
            budget(&site, Method::DELETE, by),
        ];
        for call in calls {
            let refused = call.await.refused(409, "conflict");
            let message = refused["message"].as_str().expect("a message");
            assert!(message.contains("`ceiling`") && message.contains("configuration file"), "{message}");
        }
    }
    create(&site, &monthly(&json!({ "name": "ceiling" }))).await.refused(409, "conflict");
    let sibling = site.project_of(&site.project.tenant_id).await;
    let its = site.get(&format!("/v1/projects/{}/budgets/ceiling", sibling.id)).admin().await.ok();
    assert_ne!(its["id"], ceiling["id"], "each project has its own");
}

#[tokio::test]
async fn the_file_names_one_project_or_all_and_stays_out_of_the_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = async |text: String| {
        let config = Config::from_toml(&text).expect("a configuration");
        let config = Config { admin_secret: Some(Secret::new(ADMIN_SECRET)), ..config };
        Gateway::builder(config).data_dir(folder.path().join("data")).build().await.expect("a gateway")
    };
    let gateway = start(String::new()).await;
    let made = async |name: &str| {
        let body = json!({ "name": name });
        let made =
            Call::new(&gateway.router(), Method::POST, "/v1/projects").json(&body).admin().await.created();
        (made["id"].as_str().expect("an id").to_owned(), made["slug"].as_str().expect("a slug").to_owned())
    };
    let (one, two, three) = (made("one").await, made("two").await, made("three").await);
    gateway.shut_down().await;
    drop(gateway);

    let table = |project: &str, name: &str| {
        format!(
            "[[budgets]]\nproject = \"{project}\"\nname = \"{name}\"\nscope = \"user\"\nwindow = \"total\"\nlimit_usd = 1\n"
        )
    };
    let text = [table("*", "all"), table(&one.0, "by id"), table(&two.1, "by slug")].concat();
    let budgets = async |gateway: &Gateway, project: &str| {
        let path = format!("/v1/projects/{project}/budgets");
        let list = Call::new(&gateway.router(), Method::GET, &path).admin().await.ok();
        let rows = list["data"].as_array().expect("data").iter();
        rows.map(|row| (row["name"].clone(), row["id"].clone())).collect::<Vec<_>>()
    };
    let names = |budgets: &[(Value, Value)]| budgets.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let gateway = start(text.clone()).await;
    let of_one = budgets(&gateway, &one.0).await;
    assert_eq!(names(&of_one), ["all", "by id"]);
    assert_eq!(names(&budgets(&gateway, &two.0).await), ["all", "by slug"]);
    assert_eq!(names(&budgets(&gateway, &three.0).await), ["all"]);
    gateway.shut_down().await;
    drop(gateway);
    let gateway = start(text).await;
    assert_eq!(budgets(&gateway, &one.0).await, of_one, "each has its id at every start");
    gateway.shut_down().await;
    drop(gateway);
    let gateway = start(String::new()).await;
    assert_eq!(budgets(&gateway, &one.0).await, [], "nothing of it was stored");
    gateway.shut_down().await;
    drop(gateway);
    let tier = |project: &str| format!("[[tiers]]\nproject = \"{project}\"\nname = \"gold\"\n");
    for (text, told) in [
        ([table(&one.0, "same"), table(&one.1, "same")].concat(), "`budgets[1].name`"),
        ([tier(&two.1), tier(&one.0), tier(&two.0)].concat(), "`tiers[2].name`"),
    ] {
        let config = Config::from_toml(&text).expect("a configuration");
        let built = Gateway::builder(config).data_dir(folder.path().join("data")).build().await;
        let error = built.err().map(|error| error.to_string()).expect("it stands twice for one project");
        assert!(error.contains(told) && error.contains("twice"), "{error}");
    }
}
