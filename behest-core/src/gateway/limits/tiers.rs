//! Tiers: a user's entitlement laid over its project's settings.

use super::check::{self, BadField};
use super::policy::Defaults;
use crate::gateway::settings::Settings;
use crate::types::control::ProjectSettings;
use crate::types::tier::{ResolvedTier, TierOverrides};

/// The tiers that every project has.
pub const BUILT_IN: [&str; 3] = ["free", "pro", "max"];
/// The most tiers that a project makes.
pub const MOST: u32 = 100;
/// The longest name, in bytes.
pub const MAX_NAME: usize = 64;

/// What a built-in tier changes.
#[must_use]
pub fn built_in(name: &str) -> Option<TierOverrides> {
    let (per_minute, per_day, tokens) = match name {
        "free" => (10, 100, 50_000),
        "pro" => (60, 10_000, 2_000_000),
        "max" => (300, 100_000, 20_000_000),
        _ => return None,
    };
    Some(TierOverrides {
        rpm_limit: Some(per_minute),
        requests_per_day: Some(per_day),
        tokens_per_day: Some(tokens),
        ..TierOverrides::default()
    })
}

/// Checks the name of a tier.
///
/// # Errors
/// When nobody could carry it.
pub fn check_name(name: &str) -> Result<(), BadField> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(plain) {
        let rule = "has 1 to 64 characters of A-Z, a-z, 0-9, `-`, `.` and `_`";
        return Err(BadField::new("name", rule));
    }
    if ["1", "2", "3"].contains(&name) {
        return Err(BadField::new("name", "must not be 1, 2 or 3: those are `free`, `pro` and `max`"));
    }
    Ok(())
}

/// Checks what no type can, so that every stored tier can be put in force.
///
/// # Errors
/// The field that is out of its bounds.
pub fn check(overrides: &TierOverrides) -> Result<(), BadField> {
    for (field, limit) in [
        ("rpm_limit", overrides.rpm_limit),
        ("requests_per_day", overrides.requests_per_day),
        ("tokens_per_day", overrides.tokens_per_day),
        ("tokens_per_month", overrides.tokens_per_month),
        ("concurrency_limit", overrides.concurrency_limit),
    ] {
        check::limit(field, limit)?;
    }
    check::memory_window(overrides.memory_window)?;
    check::system_prompt(overrides.system_prompt.as_deref())?;
    overrides.provider_model.as_ref().map_or(Ok(()), |model| check::model("provider_model", model))
}

/// Lays a tier over the built-in one of its name.
#[must_use]
pub fn over(own: &TierOverrides, built_in: &TierOverrides) -> TierOverrides {
    TierOverrides {
        rpm_limit: own.rpm_limit.or(built_in.rpm_limit),
        requests_per_day: own.requests_per_day.or(built_in.requests_per_day),
        tokens_per_day: own.tokens_per_day.or(built_in.tokens_per_day),
        tokens_per_month: own.tokens_per_month.or(built_in.tokens_per_month),
        concurrency_limit: own.concurrency_limit.or(built_in.concurrency_limit),
        memory_enabled: own.memory_enabled.or(built_in.memory_enabled),
        memory_window: own.memory_window.or(built_in.memory_window),
        store_tool_calls: own.store_tool_calls.or(built_in.store_tool_calls),
        provider_model: own.provider_model.clone().or_else(|| built_in.provider_model.clone()),
        system_prompt: own.system_prompt.clone().or_else(|| built_in.system_prompt.clone()),
    }
}

/// The settings that bind a user of a tier.
#[must_use]
pub fn settings(project: &Settings, tier: &TierOverrides) -> Settings {
    let mut settings = project.clone();
    let limits = &mut settings.limits;
    limits.user_rpm = tier.rpm_limit.unwrap_or(limits.user_rpm);
    limits.user_requests_per_day = tier.requests_per_day.or(limits.user_requests_per_day);
    limits.user_tokens_per_day = tier.tokens_per_day.unwrap_or(limits.user_tokens_per_day);
    limits.user_tokens_per_month = tier.tokens_per_month.or(limits.user_tokens_per_month);
    limits.user_concurrency = tier.concurrency_limit.or(limits.user_concurrency);
    settings.memory_enabled = tier.memory_enabled.unwrap_or(settings.memory_enabled);
    settings.memory_window = tier.memory_window.unwrap_or(settings.memory_window);
    settings.store_tool_calls = tier.store_tool_calls.unwrap_or(settings.store_tool_calls);
    if let Some(model) = &tier.provider_model {
        settings.default_model = Some(model.clone());
    }
    if let Some(prompt) = &tier.system_prompt {
        // Empty, it takes the project's away.
        settings.system_prompt = Some(prompt.clone()).filter(|prompt| !prompt.is_empty());
    }
    settings
}

/// What holds for a tier's users, and where each value comes from. `settings` are those that [`settings`] made of `own`
/// over the built-in tier of this name over `project`.
#[must_use]
pub fn resolved(
    name: &str,
    own: Option<&TierOverrides>,
    project: &ProjectSettings,
    settings: &Settings,
    defaults: &Defaults,
) -> ResolvedTier {
    let empty = TierOverrides::default();
    let own = own.unwrap_or(&empty);
    let built_in = built_in(name).unwrap_or_default();
    let source = |tier: bool, built_in: bool, project: bool| match (tier, built_in, project) {
        (true, ..) => "tier",
        (_, true, _) => "built-in tier",
        (.., true) => "project",
        _ => "gateway",
    };
    /// A field of both tiers, with whether the project has a say in it.
    macro_rules! sources {
        ($($field:ident: $project:expr),+ $(,)?) => {
            [$((stringify!($field), source(own.$field.is_some(), built_in.$field.is_some(), $project))),+]
        };
    }
    let sources = sources! {
        rpm_limit: project.user_rpm_limit.is_some() || (project.rpm_limit.is_some() && defaults.shares_requests()),
        requests_per_day: false,
        tokens_per_day: project.user_tokens_per_day.is_some(),
        tokens_per_month: project.user_tokens_per_month.is_some(),
        concurrency_limit: project.user_concurrency_limit.is_some(),
        memory_enabled: project.memory_enabled.is_some(),
        memory_window: project.memory_window.is_some(),
        store_tool_calls: project.store_tool_calls.is_some(),
        provider_model: project.provider_model.is_some(),
        system_prompt: project.system_prompt.is_some(),
    };
    let limits = &settings.limits;
    ResolvedTier {
        name: name.to_owned(),
        rpm_limit: limits.user_rpm,
        requests_per_day: limits.user_requests_per_day,
        tokens_per_day: limits.user_tokens_per_day,
        tokens_per_month: limits.user_tokens_per_month,
        concurrency_limit: limits.user_concurrency,
        memory_enabled: settings.memory_enabled,
        memory_window: settings.memory_window,
        store_tool_calls: settings.store_tool_calls,
        provider_model: settings.default_model.clone(),
        system_prompt: settings.system_prompt.clone(),
        sources: sources.into_iter().map(|(field, source)| (field.to_owned(), source.to_owned())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_tiers_are_the_contracts() {
        let numbers = |name: &str| {
            let tier = built_in(name).expect("a tier");
            (tier.rpm_limit, tier.requests_per_day, tier.tokens_per_day)
        };
        assert_eq!(numbers("free"), (Some(10), Some(100), Some(50_000)));
        assert_eq!(numbers("pro"), (Some(60), Some(10_000), Some(2_000_000)));
        assert_eq!(numbers("max"), (Some(300), Some(100_000), Some(20_000_000)));
        assert_eq!(built_in("gold"), None);
        assert!(BUILT_IN.iter().all(|name| built_in(name).is_some()));
    }

    #[test]
    fn a_tier_is_named_in_plain_characters() {
        for good in ["free", "gold-2", "a.b_C", "4", &"x".repeat(64)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "two words", "ü", "a/b", "1", "2", "3", &"x".repeat(65)] {
            assert_eq!(check_name(bad).expect_err("a bad name").field, "name", "{bad}");
        }
    }
}
