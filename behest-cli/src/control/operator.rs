//! Who administers what: the gateway, its admin secret, and the project and tenant that a command is about.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use behest_core::Secret;
use behest_core::types::control::{Project, Tenant};

use super::Control;
use crate::identity::{self, Profile};
use crate::report::{Explain, Report};
use crate::settings::{Connection, Typed, environment};

/// Why a control command cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No address is given and none is kept.
    #[error("which gateway? None is named, and none is kept")]
    NoGateway,
    /// No secret is given and none is kept for this gateway.
    #[error("this needs the admin secret of {base_url}, and there is none")]
    NoSecret {
        /// The gateway's address.
        base_url: String,
    },
    /// The file of the secret cannot be read.
    #[error("cannot read the admin secret in {}", path.display())]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no such project.
    #[error("there is no project `{0}`")]
    NoSuchProject(String),
    /// The gateway has no project, or several and none is chosen.
    #[error("which project? The gateway has {0}")]
    WhichProject(usize),
    /// The gateway has no tenant, or several and none is chosen.
    #[error("which tenant? The gateway has {0}")]
    WhichTenant(usize),
}

impl Explain for OperatorError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoGateway => "pass `--base-url`, or start a gateway with `behest serve`",
            Self::NoSecret { .. } => {
                "pass `--admin-secret-file`, or set BEHEST_ADMIN_SECRET: `behest serve` says where it keeps the secret"
            }
            Self::SecretFile { .. } => return None,
            Self::NoSuchProject(_) => "see the slugs with `behest projects list`",
            Self::WhichProject(_) => "name one with `--project`: `behest projects list` shows their slugs",
            Self::WhichTenant(_) => "name one with `--tenant`: `behest tenants list` shows their ids",
        };
        Some(hint.to_owned())
    }
}

/// The control plane of one gateway, and what the command is about there.
pub struct Operator {
    /// The control plane.
    pub control: Control,
    named_project: Option<String>,
    project: Option<String>,
    tenant: Option<String>,
    typed: Typed,
}

impl Operator {
    /// Finds the gateway and its admin secret.
    ///
    /// # Errors
    /// [`OperatorError`] when one of them is missing.
    pub fn connect(connection: &Connection) -> Result<Self, Report> {
        let profile = identity::profile(connection)?;
        let Some(base_url) = profile.base_url.clone() else { return Err(OperatorError::NoGateway.into()) };
        let secret = admin_secret(connection, &profile, &base_url)?;
        let kept = profile.entry.unwrap_or_default();
        Ok(Self {
            control: Control::new(&base_url, secret)?,
            named_project: connection.project.clone(),
            project: connection.project.clone().or(kept.project_id),
            tenant: connection.tenant.clone().or(kept.tenant_id),
            typed: connection.typed.clone(),
        })
    }

    /// The id of the project that the command is about: the one named, the one kept, or the only one.
    ///
    /// # Errors
    /// [`OperatorError`] when there is no such project, or a choice.
    pub async fn project_id(&self) -> Result<String, Report> {
        match &self.project {
            Some(name) => self.find_project_id(name).await,
            None => {
                let mut projects: Vec<Project> = self.control.list(&["projects"]).await?;
                match projects.pop() {
                    Some(only) if projects.is_empty() => Ok(only.id),
                    Some(_) => Err(OperatorError::WhichProject(projects.len() + 1).into()),
                    None => Err(OperatorError::WhichProject(0).into()),
                }
            }
        }
    }

    /// The id of the project with this id or slug.
    ///
    /// # Errors
    /// [`OperatorError::NoSuchProject`]
    pub async fn find_project_id(&self, name: &str) -> Result<String, Report> {
        if is_uuid(name) {
            return Ok(name.to_owned());
        }
        let projects: Vec<Project> = self.control.list(&["projects"]).await?;
        match projects.into_iter().find(|project| project.slug == name) {
            Some(project) => Ok(project.id),
            None => Err(OperatorError::NoSuchProject(name.to_owned()).into()),
        }
    }

    /// The id of the project that was named with the command, if one was.
    ///
    /// # Errors
    /// [`OperatorError::NoSuchProject`]
    pub async fn named_project_id(&self) -> Result<Option<String>, Report> {
        match &self.named_project {
            Some(name) => self.find_project_id(name).await.map(Some),
            None => Ok(None),
        }
    }

    /// What was typed with the command, and stands in no variable: only that can say what to stop.
    #[must_use]
    pub const fn typed(&self) -> &Typed {
        &self.typed
    }

    /// The tenant that was named on the command line, if one was.
    #[must_use]
    pub fn named_tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The id of the tenant that the command is about: the one named, the one kept, or the only one.
    ///
    /// # Errors
    /// [`OperatorError`] when there is a choice.
    pub async fn tenant_id(&self) -> Result<String, Report> {
        if let Some(tenant) = &self.tenant {
            return Ok(tenant.clone());
        }
        let mut tenants: Vec<Tenant> = self.control.list(&["tenants"]).await?;
        match tenants.pop() {
            Some(only) if tenants.is_empty() => Ok(only.id),
            Some(_) => Err(OperatorError::WhichTenant(tenants.len() + 1).into()),
            None => Err(OperatorError::WhichTenant(0).into()),
        }
    }
}

/// The admin secret: in the file that was named, in the environment, or in the file that `serve` made.
fn admin_secret(connection: &Connection, profile: &Profile, base_url: &str) -> Result<Secret, Report> {
    if let Some(path) = &connection.admin_secret_file {
        return Ok(read_secret(path)?);
    }
    if let Some(secret) = environment::admin_secret() {
        return Ok(secret);
    }
    match profile.entry.as_ref().and_then(|entry| entry.admin_secret_file.as_ref()) {
        Some(path) => Ok(read_secret(path)?),
        None => Err(OperatorError::NoSecret { base_url: base_url.to_owned() }.into()),
    }
}

/// The secret in a file, without the line's end that editors add.
///
/// # Errors
/// [`OperatorError::SecretFile`]
pub fn read_secret(path: &Path) -> Result<Secret, OperatorError> {
    let read = |source| OperatorError::SecretFile { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(read)?;
    if text.trim().is_empty() {
        return Err(read(io::Error::new(io::ErrorKind::InvalidData, "the file is empty")));
    }
    Ok(Secret::new(text.trim()))
}

fn is_uuid(text: &str) -> bool {
    let is_dash = |place: usize| matches!(place, 8 | 13 | 18 | 23);
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match byte {
            b'-' => is_dash(place),
            byte => byte.is_ascii_hexdigit() && !is_dash(place),
        })
}

#[cfg(test)]
mod tests {
    use super::is_uuid;

    #[test]
    fn ids_are_told_from_slugs() {
        assert!(is_uuid("0197a2c4-7a5e-7c3d-9f00-0123456789ab"));
        assert!(!is_uuid("amber-fox-042"));
        assert!(!is_uuid("0197a2c4-7a5e-7c3d-9f00-0123456789a-"));
        assert!(!is_uuid("0197a2c477a5e77c3d79f0070123456789ab"));
    }
}
