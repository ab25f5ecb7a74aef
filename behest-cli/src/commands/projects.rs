//! `behest projects`.

use behest_core::types::control::{NewProject, Project, ProjectPatch, ProjectStatus};
use reqwest::Method;

use crate::control::Operator;
use crate::printer::{Printer, Table, printable};
use crate::report::{ExitStatus, Report};

/// Lists projects.
///
/// # Errors
/// [`Report`]
pub async fn list(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    let projects: Vec<Project> = operator.control.list(&["projects"]).await?;
    printer.answer(&projects, |projects| {
        let mut table = Table::new(["slug", "name", "status", "id", "created"], "no projects");
        for project in projects {
            table.row([
                project.slug.clone(),
                project.name.clone(),
                status(project.status).to_owned(),
                project.id.clone(),
                project.created_at.clone(),
            ]);
        }
        table.to_string()
    })?;
    Ok(ExitStatus::Success)
}

/// Creates a project.
///
/// # Errors
/// [`Report`]
pub async fn create(operator: &Operator, name: String, printer: Printer) -> Result<ExitStatus, Report> {
    let body = NewProject { name, tenant_id: operator.named_tenant().map(str::to_owned) };
    let project: Project = operator.control.write(Method::POST, &["projects"], &body).await?;
    printer.answer(&project, describe)?;
    printer.say(format_args!("give it a key with `behest keys create --project {}`", project.slug));
    Ok(ExitStatus::Success)
}

/// Shows a project: the one called `name`, or the one that the command is about.
///
/// # Errors
/// [`Report`]
pub async fn show(operator: &Operator, name: Option<&str>, printer: Printer) -> Result<ExitStatus, Report> {
    let id = match name {
        Some(name) => operator.find_project_id(name).await?,
        None => operator.project_id().await?,
    };
    let project: Project = operator.control.get(&["projects", &id]).await?;
    printer.answer(&project, describe)?;
    Ok(ExitStatus::Success)
}

/// Suspends a project.
///
/// # Errors
/// [`Report`]
pub async fn suspend(operator: &Operator, name: &str, printer: Printer) -> Result<ExitStatus, Report> {
    let id = operator.find_project_id(name).await?;
    operator.control.act(Method::DELETE, &["projects", &id]).await?;
    printer.say(format_args!("suspended project {name}; wake it with `behest projects resume {name}`"));
    Ok(ExitStatus::Success)
}

/// Lets a suspended project answer again.
///
/// # Errors
/// [`Report`]
pub async fn resume(operator: &Operator, name: &str, printer: Printer) -> Result<ExitStatus, Report> {
    let id = operator.find_project_id(name).await?;
    let patch = ProjectPatch { name: None, status: Some(ProjectStatus::Active) };
    let project: Project = operator.control.write(Method::PATCH, &["projects", &id], &patch).await?;
    printer.answer(&project, describe)?;
    Ok(ExitStatus::Success)
}

fn describe(project: &Project) -> String {
    format!(
        "slug     {}\nname     {}\nstatus   {}\nid       {}\ntenant   {}\ncreated  {}",
        project.slug,
        printable(&project.name),
        status(project.status),
        project.id,
        project.tenant_id,
        project.created_at,
    )
}

const fn status(status: ProjectStatus) -> &'static str {
    match status {
        ProjectStatus::Active => "active",
        ProjectStatus::Suspended => "suspended",
    }
}
