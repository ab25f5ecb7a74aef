//! Names that the list does not have, as far as they can be told: dated snapshots of listed models, and new models of
//! known families.

use std::sync::Arc;

use super::{ModelEntry, ModelTable};

/// How the names of a maker's models begin. A letter or digit after it must not go on a number: `o1` is not `o10`.
const FAMILIES: [(&str, &str); 13] = [
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
    ("mistral-", "mistral"),
    ("ministral-", "mistral"),
    ("codestral-", "mistral"),
    ("magistral-", "mistral"),
    ("devstral-", "mistral"),
    ("command-", "cohere"),
];

impl ModelTable {
    /// A provider's model by its listed name, or the listed one that it is a snapshot of.
    #[must_use]
    pub fn resolve(&self, provider: &str, model: &str) -> Option<&Arc<ModelEntry>> {
        self.find(provider, model).or_else(|| self.snapshot(provider, model))
    }

    /// The listed model of any provider that `model` is a snapshot of: the longest name, the maker's own before others'.
    /// Its price is that of the listed model, which a snapshot has had so far at every provider that we know.
    #[must_use]
    pub fn by_prefix(&self, model: &str) -> Option<&Arc<ModelEntry>> {
        let maker = family(model);
        self.providers
            .keys()
            .filter_map(|provider| self.snapshot(provider, model))
            .max_by_key(|entry| (entry.name.len(), maker == Some(entry.provider.as_str())))
    }

    /// The provider to ask for a model, however little is known of it: who lists it, its maker before others; who lists
    /// the model that it is a snapshot of; the maker of its family.
    #[must_use]
    pub fn provider_of(&self, model: &str) -> Option<&str> {
        let maker = family(model);
        let lists = |provider: &&str| self.find(provider, model).is_some();
        maker
            .filter(lists)
            .or_else(|| self.providers.keys().map(String::as_str).find(lists))
            .or_else(|| self.by_prefix(model).map(|entry| entry.provider.as_str()))
            .or(maker)
    }

    fn snapshot(&self, provider: &str, model: &str) -> Option<&Arc<ModelEntry>> {
        let cuts = model.char_indices().rev().filter(|(_, letter)| matches!(letter, '-' | '@'));
        cuts.filter(|(at, _)| is_snapshot(&model[*at..]))
            .find_map(|(at, _)| self.find(provider, &model[..at]))
    }
}

/// Who makes the models whose names begin like this one.
#[must_use]
pub fn family(model: &str) -> Option<&'static str> {
    let begins = |prefix: &str| {
        model
            .strip_prefix(prefix)
            .is_some_and(|rest| prefix.ends_with('-') || rest.is_empty() || rest.starts_with('-'))
    };
    FAMILIES.iter().find(|(prefix, _)| begins(prefix)).map(|(_, provider)| *provider)
}

/// Whether a provider has the models whose names begin like this one: their maker, and Google at both of its services.
#[must_use]
pub fn is_of_family(provider: &str, model: &str) -> bool {
    family(model).is_some_and(|maker| maker == provider || (maker == "gemini" && provider == "vertex"))
}

/// Whether what follows a listed name tells only which of its snapshots is meant: a date or a number with leading
/// zeros, `-latest`, or `-preview` with or without a date. A word more is another model at another price.
fn is_snapshot(suffix: &str) -> bool {
    let date = |text: &str| {
        let digits =
            text.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        // 2026-01-31, 20260131, 0131 or 2601, 01-2026, 01-31, and Google's 001.
        digits && matches!(lengths[..], [4, 2, 2] | [8] | [4] | [2, 4] | [2, 2] | [3])
    };
    if let Some(version) = suffix.strip_prefix('@') {
        return date(version) || version == "latest";
    }
    let Some(rest) = suffix.strip_prefix('-') else { return false };
    rest == "latest"
        || date(rest)
        || rest
            .strip_prefix("preview")
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix('-').is_some_and(date))
}

/// Whether `model` is `listed` mistyped: two letters off at most, with the same digits. A model with another number is a
/// new one.
#[must_use]
pub fn is_slip_of(listed: &str, model: &str) -> bool {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    listed != model && strsim::osa_distance(listed, model) <= 2 && digits(listed) == digits(model)
}
