//! Kill switches: who may throw which, and who sees them.

use behest_core::gateway::config::Config;
use http::Method;
use serde_json::{Value, json};

use crate::support::gateway::{Call, TestGateway};

const PATH: &str = "/v1/kill-switches";

fn throw(site: &TestGateway, body: &Value) -> Call {
    site.call(Method::PUT, PATH).json(body)
}

fn take_back(site: &TestGateway, query: &str) -> Call {
    site.call(Method::DELETE, &format!("{PATH}?{query}"))
}

fn scopes(list: &Value) -> Vec<&str> {
    let rows = list["data"].as_array().expect("data").iter();
    rows.map(|row| row["scope"].as_str().expect("a scope")).collect()
}

#[tokio::test]
async fn every_scope_is_thrown_and_taken_back() {
    let site = TestGateway::start().await;
    let key = site.key(&site.project.id, "user").await.api_key.id;
    let (tenant, project, slug) = (&site.project.tenant_id, &site.project.id, &site.project.slug);
    let all = [
        (json!({ "scope": "global" }), "scope=global".to_owned()),
        (json!({ "scope": "tenant", "id": tenant }), format!("scope=tenant&id={tenant}")),
        (json!({ "scope": "project", "id": project }), format!("scope=project&id={slug}")),
        (
            json!({ "scope": "user", "id": "ann@x.example", "project_id": project }),
            format!("scope=user&id=ann%40x.example&project_id={slug}"),
        ),
        (json!({ "scope": "key", "id": key }), format!("scope=key&id={key}")),
    ];
    for (index, (switch, _)) in all.iter().enumerate() {
        let thrown = throw(&site, switch).admin().await.ok();
        for (field, value) in switch.as_object().expect("an object") {
            assert_eq!(&thrown[field], value);
        }
        assert!(thrown["since"].is_string() && thrown["source"] == "api", "{thrown}");
        let list = site.get(PATH).admin().await.ok();
        assert_eq!(list["data"].as_array().map(Vec::len), Some(index + 1));
        // Thrown again it is the same switch, with the reason that came last.
        let mut again = switch.clone();
        again["reason"] = json!(" under attack ");
        let again = throw(&site, &again).admin().await.ok();
        assert_eq!((&again["reason"], &again["since"]), (&json!("under attack"), &thrown["since"]));
        assert_eq!(site.get(PATH).admin().await.ok()["data"].as_array().map(Vec::len), Some(index + 1));
    }
    for (_, query) in &all {
        assert_eq!(take_back(&site, query).admin().await.status, 204, "{query}");
        take_back(&site, query).admin().await.refused(404, "not_found");
    }
    assert_eq!(scopes(&site.get(PATH).admin().await.ok()), [""; 0]);
}

#[tokio::test]
async fn a_switch_names_what_is_there_and_nothing_more() {
    let site = TestGateway::start().await;
    let (tenant, project) = (&site.project.tenant_id, &site.project.id);
    for (field, bad) in [
        ("id", json!({ "scope": "global", "id": project })),
        ("id", json!({ "scope": "tenant" })),
        ("id", json!({ "scope": "project" })),
        ("id", json!({ "scope": "key" })),
        ("id", json!({ "scope": "user", "project_id": project })),
        ("id", json!({ "scope": "user", "project_id": project, "id": "admin" })),
        ("project_id", json!({ "scope": "user", "id": "ann" })),
        ("project_id", json!({ "scope": "project", "id": project, "project_id": project })),
        ("reason", json!({ "scope": "global", "reason": "x".repeat(201) })),
        ("reason", json!({ "scope": "global", "reason": "a\nb" })),
        ("since", json!({ "scope": "global", "since": "2027-01-01T00:00:00Z" })),
        ("source", json!({ "scope": "global", "source": "api" })),
    ] {
        let refused = throw(&site, &bad).admin().await.refused(400, "validation_error");
        assert_eq!(refused["param"], field, "{bad}: {refused}");
    }
    for bad in [json!({ "scope": "planet" }), json!({ "scope": "global", "why": "x" }), json!({})] {
        throw(&site, &bad).admin().await.refused(400, "validation_error");
    }
    for missing in [
        json!({ "scope": "tenant", "id": project }),
        json!({ "scope": "tenant", "id": "no-uuid" }),
        json!({ "scope": "project", "id": tenant }),
        json!({ "scope": "project", "id": "no-such-001" }),
        json!({ "scope": "user", "id": "ann", "project_id": "no-such-001" }),
        json!({ "scope": "key", "id": project }),
        json!({ "scope": "key", "id": site.api_key }),
    ] {
        throw(&site, &missing).admin().await.refused(404, "not_found");
    }
    for bad in ["", "scope=", "scope=planet"] {
        let refused = take_back(&site, bad).admin().await.refused(400, "validation_error");
        assert_eq!(refused["param"], "scope");
    }
    assert_eq!(scopes(&site.get(PATH).admin().await.ok()), [""; 0]);
}

#[tokio::test]
async fn each_throws_and_sees_what_is_its_own() {
    let site = TestGateway::start().await;
    let sibling = site.project_of(&site.project.tenant_id).await;
    let other = site.tenant(&json!({ "name": "other" })).await;
    let foreign = site.project_of(&other.id).await;
    let keys = [
        site.key(&site.project.id, "user").await.api_key.id,
        site.key(&sibling.id, "user").await.api_key.id,
        site.key(&foreign.id, "user").await.api_key.id,
    ];
    let admin = site.token_of_role(&site.project.id, "admin").await;
    let service = site.token_of_role(&site.project.id, "dashboard-service").await;
    let of = |project: &str, key: &str| {
        [
            json!({ "scope": "project", "id": project }),
            json!({ "scope": "user", "id": "ann", "project_id": project }),
            json!({ "scope": "key", "id": key }),
        ]
    };
    let global = json!({ "scope": "global" });
    let own_tenant = json!({ "scope": "tenant", "id": site.project.tenant_id });

    for token in [&admin, &service] {
        for above in [&global, &own_tenant] {
            throw(&site, above).bearer(token).await.refused(403, "forbidden");
        }
        take_back(&site, "scope=global").bearer(token).await.refused(403, "forbidden");
    }
    for switch in of(&sibling.id, &keys[1]).iter().chain(&of(&foreign.id, &keys[2])) {
        throw(&site, switch).bearer(&admin).await.refused(404, "not_found");
    }
    for switch in &of(&foreign.id, &keys[2]) {
        throw(&site, switch).bearer(&service).await.refused(404, "not_found");
        throw(&site, switch).admin().await.ok();
    }
    for switch in &of(&site.project.id, &keys[0]) {
        throw(&site, switch).bearer(&admin).await.ok();
    }
    for switch in &of(&sibling.id, &keys[1]) {
        throw(&site, switch).bearer(&service).await.ok();
    }
    throw(&site, &own_tenant).admin().await.ok();
    throw(&site, &global).admin().await.ok();

    let seen = async |token: &str| {
        let list = site.get(PATH).bearer(token).await.ok();
        let mut scopes: Vec<String> = scopes(&list).into_iter().map(str::to_owned).collect();
        scopes.sort();
        scopes
    };
    assert_eq!(seen(&admin).await, ["key", "project", "user"]);
    assert_eq!(seen(&service).await, ["key", "key", "project", "project", "tenant", "user", "user"]);
    assert_eq!(scopes(&site.get(PATH).admin().await.ok()).len(), 11);

    let foreign_user = format!("scope=user&id=ann&project_id={}", foreign.id);
    take_back(&site, &foreign_user).bearer(&service).await.refused(404, "not_found");
    take_back(&site, &foreign_user).admin().await;
    let user = format!("scope=user&id=ann&project_id={}", sibling.id);
    take_back(&site, &user).bearer(&admin).await.refused(404, "not_found");
    assert_eq!(take_back(&site, &user).bearer(&service).await.status, 204);
    for call in [throw(&site, &global), site.get(PATH), take_back(&site, "scope=global")] {
        call.bearer(&site.api_key).await.refused(403, "forbidden");
    }
    site.get(PATH).bearer(&site.token("ann").await).await.refused(403, "forbidden");
}

#[tokio::test]
async fn the_files_switches_are_the_files() {
    let text = "[[kill_switches]]\nscope = \"global\"\nreason = \"maintenance\"";
    let site = TestGateway::with(Config::from_toml(text).expect("a configuration")).await;
    let list = site.get(PATH).admin().await.ok();
    assert_eq!(list["data"], json!([{ "scope": "global", "reason": "maintenance", "source": "config" }]));
    for call in [throw(&site, &json!({ "scope": "global" })), take_back(&site, "scope=global")] {
        let refused = call.admin().await.refused(409, "conflict");
        assert!(
            refused["message"].as_str().is_some_and(|message| message.contains("configuration file")),
            "{refused}"
        );
    }
}
