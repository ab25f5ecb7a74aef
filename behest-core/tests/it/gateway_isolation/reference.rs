//! What should happen: the contract's rules of identity, as few lines as they take without a store or a cache.

use std::collections::HashMap;

/// Projects 0 and 1 belong to tenant 0, projects 2 and 3 to tenant 1.
pub const PROJECTS: usize = 4;

pub fn tenant_of(project: usize) -> usize {
    project / 2
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub enum Role {
    User,
    Admin,
    Dashboard,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::User, Self::Admin, Self::Dashboard];

    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
            Self::Dashboard => "dashboard-service",
        }
    }
}

/// An API key as the world knows it.
#[derive(Debug)]
pub struct Key {
    pub project: usize,
    pub role: Role,
    pub revoked: bool,
}

/// A tenant's signing key.
#[derive(Debug)]
pub struct Kid {
    pub tenant: usize,
    pub revoked: bool,
}

/// A token, and what it says of itself.
#[derive(Debug)]
pub struct Token {
    /// The signing key; `None` is the gateway's own.
    pub kid: Option<usize>,
    pub tenant: usize,
    pub project: usize,
    pub user: usize,
    pub role: Role,
}

#[derive(Debug, Clone, Copy)]
pub enum Credential {
    Key(usize),
    Token(usize),
}

/// Whom a call is from.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    pub project: usize,
    pub user: Option<usize>,
    pub role: Role,
    is_key: bool,
}

/// Everything that was made so far, and who said what.
#[derive(Debug)]
pub struct Reference {
    pub active: [bool; PROJECTS],
    pub keys: Vec<Key>,
    pub kids: Vec<Kid>,
    pub tokens: Vec<Token>,
    /// What each user of a project said in its thread.
    pub threads: HashMap<(usize, usize), Vec<String>>,
    chats: Vec<(usize, Option<usize>)>,
}

impl Reference {
    pub fn new() -> Self {
        let (keys, kids, tokens) = (Vec::new(), Vec::new(), Vec::new());
        Self { active: [true; PROJECTS], keys, kids, tokens, threads: HashMap::new(), chats: Vec::new() }
    }

    /// Who may call the data plane on a host; the status of the refusal otherwise.
    pub fn caller(
        &self,
        credential: Credential,
        named: Option<usize>,
        host: Option<usize>,
    ) -> Result<Caller, u16> {
        let caller = match credential {
            Credential::Key(index) => {
                let key = self.believed_key(index)?;
                Caller { project: key.project, user: named, role: key.role, is_key: true }
            }
            Credential::Token(index) => self.believed_token(index)?,
        };
        let elsewhere = host.is_some_and(|host| host != caller.project);
        if elsewhere {
            return Err(403);
        }
        if let Credential::Token(index) = credential
            && tenant_of(caller.project) != self.tokens[index].tenant
        {
            return Err(401);
        }
        if self.active[caller.project] { Ok(caller) } else { Err(403) }
    }

    fn believed_key(&self, index: usize) -> Result<&Key, u16> {
        Some(&self.keys[index]).filter(|key| !key.revoked).ok_or(401)
    }

    fn believed_token(&self, index: usize) -> Result<Caller, u16> {
        let token = &self.tokens[index];
        let role = match token.kid {
            None => token.role,
            Some(kid) => {
                let kid = &self.kids[kid];
                if kid.revoked || kid.tenant != token.tenant {
                    return Err(401);
                }
                Role::User
            }
        };
        Ok(Caller { project: token.project, user: Some(token.user), role, is_key: false })
    }

    /// Whether a key may mint on a host.
    pub fn mint(&self, key: usize, host: Option<usize>) -> Result<&Key, u16> {
        let key = self.believed_key(key)?;
        let here = host.is_none_or(|host| host == key.project) && self.active[key.project];
        if here { Ok(key) } else { Err(403) }
    }

    /// Who may use the control plane on a host.
    fn admin(&self, credential: Credential, host: Option<usize>) -> Result<Caller, u16> {
        let Credential::Token(index) = credential else { return Err(403) };
        let caller = self.believed_token(index)?;
        if tenant_of(caller.project) != self.tokens[index].tenant {
            return Err(401);
        }
        let here = host.is_none_or(|host| Self::has(&caller, host));
        if caller.role > Role::User && here { Ok(caller) } else { Err(403) }
    }

    fn has(caller: &Caller, project: usize) -> bool {
        match caller.role {
            Role::User => false,
            Role::Admin => project == caller.project,
            Role::Dashboard => tenant_of(project) == tenant_of(caller.project),
        }
    }

    /// The status of a project's settings or keys.
    pub fn of_project(&self, credential: Credential, host: Option<usize>, project: usize) -> u16 {
        match self.admin(credential, host) {
            Err(status) => status,
            Ok(caller) if Self::has(&caller, project) => 200,
            Ok(_) => 404,
        }
    }

    /// The status of a tenant's signing keys.
    pub fn of_tenant(&self, credential: Credential, host: Option<usize>, tenant: usize) -> u16 {
        match self.admin(credential, host) {
            Err(status) => status,
            Ok(caller) if tenant_of(caller.project) != tenant => 404,
            Ok(caller) if caller.role == Role::Dashboard => 200,
            Ok(_) => 403,
        }
    }

    /// Notes a chat.
    pub fn said(&mut self, caller: Caller, text: &str) {
        self.chats.push((caller.project, caller.user));
        if let Some(user) = caller.user {
            self.threads.entry((caller.project, user)).or_default().push(text.to_owned());
        }
    }

    /// How many chats a caller sees in the usage report.
    pub fn visible_chats(&self, caller: Caller) -> u64 {
        let sees_all = if caller.is_key { caller.user.is_none() } else { caller.role > Role::User };
        let sees =
            |chat: &&(usize, Option<usize>)| chat.0 == caller.project && (sees_all || chat.1 == caller.user);
        self.chats.iter().filter(sees).count() as u64
    }
}
