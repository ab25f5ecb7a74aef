//! How each family of models is told how much to think.

use serde_json::{Value, json};

use crate::gateway::providers::translate::ask::Effort;

/// What a model makes of `thinkingConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// It answers 400 to one: Gemini 2.0 and before, and Gemma.
    Unthinking,
    /// Gemini 2.5: `thinkingBudget`, in tokens.
    Budget {
        /// The smallest. Only where it is 0 thinking can be switched off.
        least: u32,
        /// The largest.
        most: u32,
    },
    /// Gemini 3 and after, and whatever has no number in its name: `thinkingLevel`.
    Level {
        /// Whether it knows `MINIMAL`.
        minimal: bool,
    },
}

/// The flash models up to 3.6 know `MINIMAL`; the pro models, and 3.7 and 3.8, answer 400 to it.
const MINIMAL: &[&str] = &["gemini-3-flash", "gemini-3.1-flash", "gemini-3.5-flash", "gemini-3.6-flash"];
const UNTHINKING: &[&str] = &["gemini-1", "gemini-2.0", "gemini-pro", "gemma-"];

impl Family {
    /// By the model's name, with or without what stands before it.
    pub(super) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        if begins(UNTHINKING) {
            Self::Unthinking
        } else if begins(&["gemini-2.5-pro"]) {
            Self::Budget { least: 128, most: 32_768 }
        } else if begins(&["gemini-2"]) {
            Self::Budget { least: 0, most: 24_576 }
        } else {
            Self::Level { minimal: begins(MINIMAL) }
        }
    }

    /// Gemini 3 and after: they answer 400 to a call without its signature, and take pictures in a call's result.
    pub(super) fn is_third(self) -> bool {
        matches!(self, Self::Level { .. })
    }

    /// The `thinkingConfig` for an effort; `None` where the model does not think. Budgets are those that Google's own
    /// OpenAI-compatible service takes for the same words. Who asks for thoughts gets to see them.
    pub(super) fn config(self, effort: Effort) -> Option<Value> {
        let shown = effort != Effort::None;
        match self {
            Self::Unthinking => None,
            Self::Budget { least, most } => {
                let budget = match effort {
                    Effort::None => least,
                    Effort::Minimal | Effort::Low => 1_024,
                    Effort::Medium => 8_192,
                    Effort::High => 24_576,
                    Effort::Highest => most,
                };
                Some(json!({ "thinkingBudget": budget, "includeThoughts": shown }))
            }
            Self::Level { minimal } => {
                let level = match effort {
                    Effort::None | Effort::Minimal if minimal => "MINIMAL",
                    Effort::None | Effort::Minimal | Effort::Low => "LOW",
                    Effort::Medium => "MEDIUM",
                    Effort::High | Effort::Highest => "HIGH",
                };
                Some(json!({ "thinkingLevel": level, "includeThoughts": shown }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_is_told_in_its_own_way() {
        let told = |model: &str, effort| Family::of(model).config(effort).unwrap_or_default().to_string();
        for (model, effort, wanted) in [
            ("gemini-2.0-flash", Effort::High, "null"),
            ("gemma-3-27b-it", Effort::High, "null"),
            ("gemini-2.5-flash", Effort::None, r#"{"thinkingBudget":0,"includeThoughts":false}"#),
            ("gemini-2.5-pro", Effort::None, r#"{"thinkingBudget":128,"includeThoughts":false}"#),
            ("gemini-2.5-pro", Effort::Highest, r#"{"thinkingBudget":32768,"includeThoughts":true}"#),
            ("gemini-2.5-flash-lite", Effort::Highest, r#"{"thinkingBudget":24576,"includeThoughts":true}"#),
            ("gemini-3.8-flash", Effort::None, r#"{"thinkingLevel":"LOW","includeThoughts":false}"#),
            (
                "gemini-3.5-flash-lite",
                Effort::Minimal,
                r#"{"thinkingLevel":"MINIMAL","includeThoughts":true}"#,
            ),
            ("gemini-3.1-pro-preview", Effort::Minimal, r#"{"thinkingLevel":"LOW","includeThoughts":true}"#),
            (
                "models/gemini-flash-latest",
                Effort::Medium,
                r#"{"thinkingLevel":"MEDIUM","includeThoughts":true}"#,
            ),
            ("gemini-4-something", Effort::Highest, r#"{"thinkingLevel":"HIGH","includeThoughts":true}"#),
        ] {
            assert_eq!(told(model, effort), wanted, "{model} {effort:?}");
        }
    }
}
