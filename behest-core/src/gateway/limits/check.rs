//! Bounds that settings, tiers and budgets share.

use std::ops::RangeInclusive;

/// A field outside its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct BadField {
    /// Which.
    pub field: &'static str,
    /// What it should be.
    pub problem: String,
}

impl BadField {
    pub(crate) fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// What a limit of requests, tokens or calls under way may be.
pub const LIMIT: RangeInclusive<u64> = 1..=1_000_000_000_000;

/// A limit of requests, tokens or calls under way.
///
/// # Errors
/// When it is out of bounds.
pub fn limit(field: &'static str, limit: Option<u64>) -> Result<(), BadField> {
    if limit.is_none_or(|limit| LIMIT.contains(&limit)) {
        return Ok(());
    }
    Err(BadField::new(field, "must be 1 to 1,000,000,000,000; leave it out for the default"))
}

/// For how many days something is kept.
///
/// # Errors
/// When it is out of bounds.
pub fn days(field: &'static str, days: Option<u32>) -> Result<(), BadField> {
    if days.is_none_or(|days| (1..=36_500).contains(&days)) {
        return Ok(());
    }
    Err(BadField::new(field, "must be 1 to 36,500 days"))
}

/// How many messages a session remembers.
///
/// # Errors
/// When it is out of bounds.
pub fn memory_window(window: Option<u32>) -> Result<(), BadField> {
    if window.is_none_or(|window| (1..=1_000).contains(&window)) {
        return Ok(());
    }
    Err(BadField::new("memory_window", "must be 1 to 1,000 messages"))
}

/// What goes in front of every conversation.
///
/// # Errors
/// When it is too long.
pub fn system_prompt(prompt: Option<&str>) -> Result<(), BadField> {
    if prompt.is_none_or(|prompt| prompt.len() <= 256 << 10) {
        return Ok(());
    }
    Err(BadField::new("system_prompt", "must be at most 262,144 bytes"))
}

/// A model's name.
///
/// # Errors
/// When it is empty, too long, or holds control characters.
pub fn model(field: &'static str, model: &str) -> Result<(), BadField> {
    if model.is_empty() || model.len() > 256 || model.chars().any(char::is_control) {
        return Err(BadField::new(field, "needs models' names of 1 to 256 bytes"));
    }
    Ok(())
}

/// A name for people: at most 200 characters, no control characters, not blank. Gives it without blanks around it.
///
/// # Errors
/// When it is not such.
pub fn name(name: &str) -> Result<String, BadField> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(BadField::new("name", "has 1 to 200 characters and no control characters"));
    }
    Ok(name.to_owned())
}
