//! `behest settings`: a project's settings, as a draft and in force.

use behest_core::types::control::{ProjectSettings, SettingsView};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::control::Operator;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Explain, Report};

/// Every setting, as the gateway names it. A test holds the list against [`ProjectSettings`].
const NAMES: [&str; 23] = [
    "provider_model",
    "fallback_models",
    "model_aliases",
    "routes",
    "model_allowlist",
    "system_prompt",
    "cors_origins",
    "memory_enabled",
    "memory_window",
    "retention_days",
    "store_tool_calls",
    "api_key_on_data_plane",
    "unknown_price_policy",
    "show_cost_to_users",
    "rpm_limit",
    "user_rpm_limit",
    "concurrency_limit",
    "user_concurrency_limit",
    "tokens_per_day",
    "user_tokens_per_day",
    "user_tokens_per_month",
    "tag_keys",
    "usage_retention_days",
];

/// A change that is none.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It is not written as a change.
    #[error("`{0}` is no change: write NAME=VALUE")]
    Form(String),
    /// There is no such setting.
    #[error("there is no setting `{name}`")]
    Unknown {
        /// What was written.
        name: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// The value does not fit the setting.
    #[error("`{value}` is no value for `{name}`")]
    Value {
        /// The setting.
        name: &'static str,
        /// What was written.
        value: String,
        /// What would fit.
        #[source]
        source: serde_json::Error,
    },
}

impl Explain for ChangeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::Unknown { nearest: None, .. } => Some(format!("the settings are {}", NAMES.join(", "))),
            Self::Form(_) | Self::Value { .. } => None,
        }
    }
}

/// Shows what is in force and what the draft says.
///
/// # Errors
/// [`Report`]
pub async fn show(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    let project = operator.project_id().await?;
    let view: SettingsView = operator.control.get(&["projects", &project, "settings"]).await?;
    printer.answer(&view, |view| describe(view).to_string())?;
    if view.draft.is_some() && !printer.json() {
        printer.say(
            "put the draft in force with `behest settings deploy`, or drop it with `behest settings discard`",
        );
    }
    Ok(ExitStatus::Success)
}

/// Changes the draft, or begins one from what is in force; with `deploy`, puts it in force.
///
/// # Errors
/// [`Report`]
pub async fn set(
    operator: &Operator,
    changes: &[String],
    deploy: bool,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let changes = changes.iter().map(|change| read_change(change)).collect::<Result<Vec<_>, _>>()?;
    let project = operator.project_id().await?;
    let path = ["projects", project.as_str(), "settings"];
    let view: SettingsView = operator.control.get(&path).await?;
    let mut draft = as_object(&view.draft.unwrap_or(view.deployed));
    for (name, value) in changes {
        match value {
            Some(value) => draft.insert(name.to_owned(), value),
            None => draft.remove(name),
        };
    }
    let view: SettingsView = operator.control.write(Method::PUT, &path, &draft).await?;
    if deploy {
        return self::deploy(operator, printer).await;
    }
    printer.answer(&view, |view| describe(view).to_string())?;
    printer.say("this is a draft: put it in force with `behest settings deploy`");
    Ok(ExitStatus::Success)
}

/// Puts the draft in force.
///
/// # Errors
/// [`Report`]; 409 without a draft.
pub async fn deploy(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    end_draft(operator, "deploy", "the settings are in force", printer).await
}

/// Throws the draft away.
///
/// # Errors
/// [`Report`]; 409 without a draft.
pub async fn discard(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    end_draft(operator, "discard", "the draft is gone", printer).await
}

async fn end_draft(
    operator: &Operator,
    verb: &str,
    done: &str,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let project = operator.project_id().await?;
    operator.control.act(Method::POST, &["projects", &project, verb]).await?;
    let view: SettingsView = operator.control.get(&["projects", &project, "settings"]).await?;
    printer.answer(&view, |view| describe(view).to_string())?;
    printer.say(done);
    Ok(ExitStatus::Success)
}

fn describe(view: &SettingsView) -> Table {
    let deployed = as_object(&view.deployed);
    let draft = view.draft.as_ref().map(as_object);
    let written = |settings: &Map<String, Value>, name: &str| match settings.get(name) {
        None => "(default)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let mut table = match draft {
        Some(_) => Table::new(["setting", "in force", "draft"], ""),
        None => Table::new(["setting", "in force", ""], ""),
    };
    for name in NAMES {
        let now = written(&deployed, name);
        let then = draft.as_ref().map(|draft| written(draft, name)).filter(|then| *then != now);
        table.row([name.to_owned(), now, then.unwrap_or_default()]);
    }
    table
}

/// A change as it is typed; `None` returns to the default. The setting's type decides how its value is read: as a
/// string, as JSON, or as a list with commas.
fn read_change(change: &str) -> Result<(&'static str, Option<Value>), ChangeError> {
    let (name, value) = change.split_once('=').ok_or_else(|| ChangeError::Form(change.to_owned()))?;
    let name = known(name.trim())?;
    if value.is_empty() {
        return Ok((name, None));
    }
    let json = serde_json::from_str::<Value>(value).ok();
    let list = value.split(',').map(|item| Value::from(item.trim())).collect();
    let fits = |value: &Value| serde_json::from_value::<ProjectSettings>(json!({ name: value })).map(drop);
    // `"in quotes"` is JSON; a bare `123` for a text setting is that text.
    let quoted = json.clone().filter(Value::is_string);
    let readings = [quoted, Some(Value::from(value)), json, Some(list)];
    let mut first_refusal = None;
    for reading in readings.into_iter().flatten() {
        match fits(&reading) {
            Ok(()) => return Ok((name, Some(reading))),
            Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
        }
    }
    // The list of readings is never empty, so there was a refusal.
    let source = first_refusal.unwrap_or_else(|| serde::de::Error::custom("nothing fits"));
    Err(ChangeError::Value { name, value: value.to_owned(), source })
}

fn known(name: &str) -> Result<&'static str, ChangeError> {
    let distance = |known: &&str| strsim::damerau_levenshtein(known, name);
    NAMES.into_iter().find(|known| *known == name).ok_or_else(|| ChangeError::Unknown {
        name: name.to_owned(),
        nearest: NAMES.into_iter().min_by_key(distance).filter(|nearest| distance(nearest) <= 3),
    })
}

fn as_object(settings: &ProjectSettings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(object)) => object,
        // A struct of plain values is always written as an object.
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use behest_core::types::control::ProjectSettings;
    use serde_json::{Value, json};

    use super::{NAMES, read_change};

    #[test]
    fn every_setting_is_known_by_name() {
        let error = serde_json::from_value::<ProjectSettings>(json!({ "": null })).expect_err("no setting");
        let message = error.to_string();
        let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        assert_eq!(known, NAMES);
    }

    #[test]
    fn the_setting_decides_how_its_value_is_read() {
        let read =
            |change: &str| read_change(change).map(|(_, value)| value).map_err(|error| error.to_string());
        assert_eq!(read("memory_enabled=true"), Ok(Some(json!(true))));
        assert_eq!(read("memory_window=10"), Ok(Some(json!(10))));
        assert_eq!(read("system_prompt=123"), Ok(Some(json!("123"))));
        assert_eq!(read("system_prompt=\" quoted \""), Ok(Some(json!(" quoted "))));
        assert_eq!(read("system_prompt="), Ok(None));
        assert_eq!(read("api_key_on_data_plane=deny"), Ok(Some(json!("deny"))));
        let origins = json!(["https://a.example", "https://b.example"]);
        assert_eq!(read("cors_origins=https://a.example,https://b.example"), Ok(Some(origins.clone())));
        assert_eq!(read(&format!("cors_origins={origins}")), Ok(Some(origins)));
        assert_eq!(read("cors_origins=[]"), Ok(Some(Value::Array(vec![]))));
        assert_eq!(read("memory_enabled"), Err("`memory_enabled` is no change: write NAME=VALUE".into()));
        assert_eq!(read("memory_enabled=maybe"), Err("`maybe` is no value for `memory_enabled`".into()));
    }
}
