//! The property of identity: no sequence of create, use and revoke lets a revoked key through, or lets one project's or
//! one user's credential reach what is another's.
//!
//! Two tenants with two projects each are used in random ways; after each step the gateway must have done exactly what
//! a reference of a few lines says.

mod reference;

use behest_core::types::control::Project;
use http::Method;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::support::gateway::{Call, TestGateway, claims, host_of, sign};
use reference::{Caller, Credential, Key, Kid, PROJECTS, Reference, Role, Token, tenant_of};

const USERS: [&str; 2] = ["ann", "bob"];

#[derive(Debug, Clone)]
enum Step {
    CreateKey { project: usize, role: usize },
    RevokeKey { key: Index, through: usize },
    CreateKid { tenant: usize },
    RevokeKid { kid: Index, through: usize },
    Status { project: usize, active: bool },
    Mint { key: Index, user: usize, host: Option<usize> },
    Sign { kid: Index, tenant: usize, project: usize, user: usize, role: usize },
    Use { credential: Index, user: Option<usize>, host: Option<usize>, deed: Deed },
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Chat,
    ReadThread,
    ListThreads,
    DeleteThread,
    Usage,
    Settings(usize),
    Keys(usize),
    SigningKeys(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (project, tenant, role, user) = (0..PROJECTS, 0..2_usize, 0..3_usize, 0..USERS.len());
    let host = || prop::option::weighted(0.3, 0..PROJECTS);
    let index = any::<Index>;
    let deed = prop_oneof![
        4 => Just(Deed::Chat),
        2 => Just(Deed::ReadThread),
        1 => Just(Deed::ListThreads),
        1 => Just(Deed::DeleteThread),
        1 => Just(Deed::Usage),
        1 => project.clone().prop_map(Deed::Settings),
        1 => project.clone().prop_map(Deed::Keys),
        1 => tenant.clone().prop_map(Deed::SigningKeys),
    ];
    prop_oneof![
        1 => (project.clone(), role.clone()).prop_map(|(project, role)| Step::CreateKey { project, role }),
        1 => (index(), project.clone()).prop_map(|(key, through)| Step::RevokeKey { key, through }),
        1 => tenant.clone().prop_map(|tenant| Step::CreateKid { tenant }),
        1 => (index(), tenant.clone()).prop_map(|(kid, through)| Step::RevokeKid { kid, through }),
        2 => (project.clone(), prop::bool::weighted(0.7)).prop_map(|(project, active)| Step::Status { project, active }),
        4 => (index(), user.clone(), host()).prop_map(|(key, user, host)| Step::Mint { key, user, host }),
        4 => (index(), tenant, project, user.clone(), role)
            .prop_map(|(kid, tenant, project, user, role)| Step::Sign { kid, tenant, project, user, role }),
        16 => (index(), prop::option::of(user), host(), deed)
            .prop_map(|(credential, user, host, deed)| Step::Use { credential, user, host, deed }),
    ]
}

/// The gateway's side: the real names and secrets of what the reference counts.
struct World<'s> {
    site: &'s TestGateway,
    tenants: Vec<String>,
    projects: Vec<Project>,
    keys: Vec<(String, String)>,
    kids: Vec<(String, String)>,
    tokens: Vec<String>,
    reference: Reference,
}

impl<'s> World<'s> {
    async fn new(site: &'s TestGateway) -> Self {
        let (mut tenants, mut projects) = (Vec::new(), Vec::new());
        for name in ["one", "two"] {
            let tenant = site.tenant(&json!({ "name": name })).await.id;
            for _ in 0..2 {
                projects.push(site.project_of(&tenant).await);
            }
            tenants.push(tenant);
        }
        let (keys, kids, tokens) = (Vec::new(), Vec::new(), Vec::new());
        let mut world = Self { site, tenants, projects, keys, kids, tokens, reference: Reference::new() };
        for (index, project) in world.projects.iter().enumerate() {
            site.draft(&project.id, &json!({ "memory_window": index + 1 })).admin().await.ok();
        }
        world.take(Step::CreateKey { project: 0, role: 0 }).await;
        world.take(Step::CreateKey { project: 2, role: 2 }).await;
        world
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::CreateKey { project, role } => {
                let role = Role::ALL[role];
                let made = self.site.key(&self.projects[project].id, role.name()).await;
                self.keys.push((made.api_key.id, made.key));
                self.reference.keys.push(Key { project, role, revoked: false });
            }
            Step::RevokeKey { key, through } => {
                let index = key.index(self.keys.len());
                let key = &mut self.reference.keys[index];
                let hit = key.project == through && !key.revoked;
                key.revoked |= hit;
                let path = format!("/v1/projects/{}/keys/{}", self.projects[through].id, self.keys[index].0);
                let status = self.site.call(Method::DELETE, &path).admin().await.status;
                assert_eq!(status, if hit { 204 } else { 404 });
            }
            Step::CreateKid { tenant } => {
                let made = self.site.signing_key(&self.tenants[tenant]).await;
                self.kids.push((made.signing_key.kid, made.private_key_pem));
                self.reference.kids.push(Kid { tenant, revoked: false });
            }
            Step::RevokeKid { kid, through } if !self.kids.is_empty() => {
                let index = kid.index(self.kids.len());
                let kid = &mut self.reference.kids[index];
                let hit = kid.tenant == through && !kid.revoked;
                kid.revoked |= hit;
                let path =
                    format!("/v1/tenants/{}/signing-keys/{}", self.tenants[through], self.kids[index].0);
                let status = self.site.call(Method::DELETE, &path).admin().await.status;
                assert_eq!(status, if hit { 204 } else { 404 });
            }
            Step::Status { project, active } => {
                let status = if active { "active" } else { "suspended" };
                self.site.change(&self.projects[project].id, &json!({ "status": status })).await;
                self.reference.active[project] = active;
            }
            Step::Mint { key, user, host } => self.mint(key.index(self.keys.len()), user, host).await,
            Step::Sign { kid, tenant, project, user, role } if !self.kids.is_empty() => {
                let kid = kid.index(self.kids.len());
                let mut says = claims(&self.tenants[tenant], &self.projects[project].id, USERS[user]);
                says["role"] = json!(Role::ALL[role].name());
                self.tokens.push(sign(&self.kids[kid].1, &self.kids[kid].0, &says));
                self.reference.tokens.push(Token {
                    kid: Some(kid),
                    tenant,
                    project,
                    user,
                    role: Role::ALL[role],
                });
            }
            Step::Use { credential, user, host, deed } => {
                let credential = self.credential(credential.index(self.keys.len() + self.tokens.len()));
                self.use_it(credential, user, host, deed).await;
            }
            Step::RevokeKid { .. } | Step::Sign { .. } => {}
        }
    }

    fn credential(&self, index: usize) -> Credential {
        match index.checked_sub(self.keys.len()) {
            None => Credential::Key(index),
            Some(token) => Credential::Token(token),
        }
    }

    async fn mint(&mut self, index: usize, user: usize, host: Option<usize>) {
        let expected = self.reference.mint(index, host).map(|key| (key.project, key.role));
        let role = self.reference.keys[index].role.name();
        let body = json!({ "user_id": USERS[user], "role": role });
        let call = self.to(self.site.post("/v1/auth/mint", &body).bearer(&self.keys[index].1), host);
        let answer = call.await;
        match expected {
            Err(status) => assert_eq!(answer.status, status, "{answer:?}"),
            Ok((project, role)) => {
                let minted = answer.ok();
                assert_eq!(minted["project_id"], self.projects[project].id);
                self.tokens.push(minted["jwt"].as_str().expect("a token").to_owned());
                let tenant = tenant_of(project);
                self.reference.tokens.push(Token { kid: None, tenant, project, user, role });
            }
        }
    }

    fn to(&self, call: Call, host: Option<usize>) -> Call {
        match host {
            Some(host) => call.host(&host_of(&self.projects[host])),
            None => call,
        }
    }

    fn with(&self, call: Call, credential: Credential, user: Option<usize>, host: Option<usize>) -> Call {
        let text = match credential {
            Credential::Key(index) => &self.keys[index].1,
            Credential::Token(index) => &self.tokens[index],
        };
        // A token's own user wins over the header.
        self.to(call.bearer(text).user(user.map_or("", |user| USERS[user])), host)
    }

    async fn use_it(&mut self, credential: Credential, user: Option<usize>, host: Option<usize>, deed: Deed) {
        let get = |path: &str| self.with(self.site.get(path), credential, user, host);
        let id = |project: usize| &self.projects[project].id;
        let caller = self.reference.caller(credential, user, host);
        match deed {
            Deed::Settings(project) => {
                let answer = get(&format!("/v1/projects/{}/settings", id(project))).await;
                assert_eq!(answer.status, self.reference.of_project(credential, host, project), "{answer:?}");
                if answer.status == 200 {
                    assert_eq!(answer.json()["draft"]["memory_window"], project + 1);
                }
            }
            Deed::Keys(project) => {
                let answer = get(&format!("/v1/projects/{}/keys", id(project))).await;
                assert_eq!(answer.status, self.reference.of_project(credential, host, project), "{answer:?}");
            }
            Deed::SigningKeys(tenant) => {
                let answer = get(&format!("/v1/tenants/{}/signing-keys", self.tenants[tenant])).await;
                assert_eq!(answer.status, self.reference.of_tenant(credential, host, tenant), "{answer:?}");
            }
            Deed::Usage => {
                let answer = get("/v1/usage").await;
                match caller {
                    Err(status) => assert_eq!(answer.status, status, "{answer:?}"),
                    Ok(caller) => {
                        let seen = self.reference.visible_chats(caller);
                        assert_eq!(answer.ok()["totals"]["requests"], seen);
                    }
                }
            }
            Deed::Chat => match caller {
                Err(status) => {
                    let call = self.with(self.site.chat("stolen").thread("shared"), credential, user, host);
                    let answer = call.await;
                    assert_eq!(answer.status, status, "{answer:?}");
                }
                Ok(caller) => self.chat(caller, credential, user, host).await,
            },
            Deed::ReadThread => {
                let answer = get("/v1/threads/shared/messages").await;
                let thread = self.thread_status(caller, 200);
                assert_eq!(answer.status, thread, "{answer:?}");
                if thread == 200 {
                    let said = answer.said().into_iter().filter(|(role, _)| role == "user");
                    let said: Vec<String> = said.map(|(_, text)| text).collect();
                    assert_eq!(Some(&said), self.thread_of(caller));
                }
            }
            Deed::ListThreads => {
                let answer = get("/v1/threads").await;
                match caller {
                    Ok(Caller { user: Some(_), .. }) => {
                        let listed = answer.ok().as_array().map_or(0, Vec::len);
                        assert_eq!(listed, usize::from(self.thread_of(caller).is_some()));
                    }
                    Ok(_) => assert_eq!(answer.status, 400, "{answer:?}"),
                    Err(status) => assert_eq!(answer.status, status, "{answer:?}"),
                }
            }
            Deed::DeleteThread => {
                let call = self.site.call(Method::DELETE, "/v1/threads/shared");
                let answer = self.with(call, credential, user, host).await;
                let expected = self.thread_status(caller, 204);
                assert_eq!(answer.status, expected, "{answer:?}");
                if let (204, Ok(Caller { project, user: Some(user), .. })) = (expected, caller) {
                    self.reference.threads.remove(&(project, user));
                }
            }
        }
    }

    async fn chat(
        &mut self,
        caller: Caller,
        credential: Credential,
        user: Option<usize>,
        host: Option<usize>,
    ) {
        let text = format!("words of {:?} in {}", caller.user, caller.project);
        let call = self.with(self.site.chat(&text), credential, user, host);
        let answer = if caller.user.is_some() { call.thread("shared").await } else { call.await };
        assert_eq!(answer.text(), format!("You said: {text}"));
        if caller.user.is_some() {
            let before = self.thread_of(Ok(caller)).map_or(0, Vec::len) * 2;
            assert_eq!(answer.header("x-behest-memory"), before.to_string());
        }
        self.reference.said(caller, &text);
    }

    fn thread_of(&self, caller: Result<Caller, u16>) -> Option<&Vec<String>> {
        let caller = caller.ok()?;
        self.reference.threads.get(&(caller.project, caller.user?))
    }

    fn thread_status(&self, caller: Result<Caller, u16>, found: u16) -> u16 {
        match caller {
            Err(status) => status,
            Ok(Caller { user: None, .. }) => 400,
            Ok(_) if self.thread_of(caller).is_some() => found,
            Ok(_) => 404,
        }
    }
}

#[test]
fn no_sequence_opens_what_is_closed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let site = runtime.block_on(TestGateway::start());
    // Each key costs an Argon2id hash, each signing key an RSA key: few cases, long sequences.
    let config = Config { cases: 12, max_shrink_iters: 60, source_file: Some(file!()), ..Config::default() };
    let run = TestRunner::new(config).run(&prop::collection::vec(step(), 20..70), |steps| {
        runtime.block_on(async {
            let mut world = World::new(&site).await;
            for step in steps {
                world.take(step).await;
            }
            for index in 0..world.keys.len() + world.tokens.len() {
                let credential = world.credential(index);
                for deed in [Deed::Usage, Deed::ReadThread, Deed::Settings(index % PROJECTS)] {
                    world.use_it(credential, Some(index % 2), None, deed).await;
                }
            }
        });
        Ok(())
    });
    run.expect("the gateway does what the reference says");
}
