//! What a Claude model takes, told from its name.
//!
//! A name that tells nothing (another server's model, say) is held to take whatever is sent: the provider says what it
//! does not know. A newer version than those known here is held to be like the newest of its family.

use crate::gateway::providers::translate::ask::Effort;

/// A model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model(Option<(Family, Version)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Haiku,
    Sonnet,
    Opus,
    /// Fable and Mythos, which behave alike.
    Fable,
}

/// Such as 4.6.
type Version = (u32, u32);

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It cannot.
    Never,
    /// With so many tokens.
    Budget,
    /// It decides itself, guided by an effort.
    Adaptive,
}

/// How a model is kept from thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Off {
    /// By not asking it to.
    Unasked,
    /// By this type of `thinking`.
    Type(&'static str),
    /// It always thinks.
    Never,
}

impl Model {
    pub(super) fn of(name: &str) -> Self {
        let Some((_, name)) = name.split_once("claude-") else { return Self(None) };
        let words: Vec<&str> = name.split(['-', '@', '.', ':']).collect();
        let family = words.iter().find_map(|word| match *word {
            "haiku" => Some(Family::Haiku),
            "sonnet" => Some(Family::Sonnet),
            "opus" => Some(Family::Opus),
            "fable" | "mythos" => Some(Family::Fable),
            _ => None,
        });
        // Larger numbers are dates.
        let mut numbers = words.iter().filter_map(|word| word.parse().ok()).filter(|number| *number < 100);
        let version = numbers.next().map(|major| (major, numbers.next().unwrap_or(0)));
        // Mythos came out as a preview without a number.
        let version = version.or((family == Some(Family::Fable)).then_some((4, 9)));
        Self(family.zip(version))
    }

    pub(super) fn thinking(self) -> Thinking {
        match self.0 {
            None | Some((Family::Fable, _)) => Thinking::Adaptive,
            Some((_, version)) if version < (3, 7) => Thinking::Never,
            Some((_, version)) if version < (4, 6) => Thinking::Budget,
            Some(_) => Thinking::Adaptive,
        }
    }

    pub(super) fn off(self) -> Off {
        match self.0 {
            None => Off::Type("disabled"),
            Some((Family::Fable, _)) => Off::Never,
            Some((_, version)) if version < (5, 0) => Off::Unasked,
            Some((Family::Opus, version)) if version >= (5, 5) => Off::Never,
            Some((Family::Sonnet, version)) if version >= (5, 5) => Off::Type("between_tools"),
            Some(_) => Off::Type("disabled"),
        }
    }

    /// Whether it can be made to call a tool.
    pub(super) fn can_be_forced(self) -> bool {
        match self.0 {
            None | Some((Family::Haiku, _)) => true,
            Some((Family::Sonnet | Family::Opus, version)) => version < (5, 5),
            Some((Family::Fable, version)) => version < (5, 1),
        }
    }

    /// Whether it can be made to call a tool while it thinks: those that think without being asked can.
    pub(super) fn can_be_forced_while_thinking(self) -> bool {
        self.0.is_some_and(|(family, version)| family == Family::Fable || version >= (5, 0))
    }

    /// Whether it takes `temperature`, `top_p` and `top_k` at all.
    pub(super) fn samples(self) -> bool {
        match self.0 {
            None => true,
            Some((Family::Fable, _)) => false,
            Some((Family::Opus, version)) => version < (4, 7),
            Some((_, version)) => version < (5, 0),
        }
    }

    /// Whether it takes `temperature` and `top_p` together.
    pub(super) fn samples_both_ways(self) -> bool {
        self.0.is_none_or(|(_, version)| version < (4, 1))
    }

    /// Whether it knows messages of the role `system`.
    pub(super) fn takes_later_instructions(self) -> bool {
        match self.0 {
            None => false,
            Some((Family::Opus, version)) => version >= (4, 8),
            Some((Family::Fable, version)) => version >= (5, 0),
            Some((Family::Haiku | Family::Sonnet, version)) => version >= (5, 5),
        }
    }

    /// Whether it keeps to a schema.
    pub(super) fn keeps_to_schemas(self) -> bool {
        self.0.is_none_or(|(_, version)| version >= (4, 5))
    }

    /// Its word for an effort.
    pub(super) fn effort(self, effort: Effort) -> &'static str {
        match effort {
            Effort::None | Effort::Minimal | Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::Highest if self.knows_xhigh() => "xhigh",
            Effort::Highest => "max",
        }
    }

    fn knows_xhigh(self) -> bool {
        match self.0 {
            None => true,
            Some((Family::Opus, version)) => version >= (4, 7),
            Some((_, version)) => version >= (5, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_family_and_version_however_it_is_written() {
        for (name, wanted) in [
            ("claude-opus-4-5-20251101", Some((Family::Opus, (4, 5)))),
            ("claude-opus-4-20250514", Some((Family::Opus, (4, 0)))),
            ("claude-3-7-sonnet-latest", Some((Family::Sonnet, (3, 7)))),
            ("claude-haiku-4-5@20251001", Some((Family::Haiku, (4, 5)))),
            ("us.anthropic.claude-sonnet-4-6-v1:0", Some((Family::Sonnet, (4, 6)))),
            ("anthropic/claude-sonnet-5.5", Some((Family::Sonnet, (5, 5)))),
            ("claude-fable-5-1", Some((Family::Fable, (5, 1)))),
            ("claude-mythos-preview", Some((Family::Fable, (4, 9)))),
            ("claude-sonnet", None),
            ("claude-next-7", None),
            ("kimi-k3", None),
        ] {
            assert_eq!(Model::of(name).0, wanted, "{name}");
        }
    }

    /// As the documents of November 2026 have it, model by model.
    #[test]
    fn each_model_takes_what_its_documents_say() {
        use Off::{Never, Type, Unasked};
        use Thinking::{Adaptive, Budget};
        // Thinking, turned off, forced to call, samples, later instructions, the highest effort.
        let table = [
            ("claude-3-5-haiku-20241022", Thinking::Never, Unasked, true, true, false, "max"),
            ("claude-opus-4-1", Budget, Unasked, true, true, false, "max"),
            ("claude-haiku-4-5", Budget, Unasked, true, true, false, "max"),
            ("claude-opus-4-5", Budget, Unasked, true, true, false, "max"),
            ("claude-sonnet-4-6", Adaptive, Unasked, true, true, false, "max"),
            ("claude-opus-4-6", Adaptive, Unasked, true, true, false, "max"),
            ("claude-opus-4-7", Adaptive, Unasked, true, false, false, "xhigh"),
            ("claude-opus-4-8", Adaptive, Unasked, true, false, true, "xhigh"),
            ("claude-sonnet-5", Adaptive, Type("disabled"), true, false, false, "xhigh"),
            ("claude-opus-5", Adaptive, Type("disabled"), true, false, true, "xhigh"),
            ("claude-haiku-5-5", Adaptive, Type("disabled"), true, false, true, "xhigh"),
            ("claude-sonnet-5-5", Adaptive, Type("between_tools"), false, false, true, "xhigh"),
            ("claude-opus-5-5", Adaptive, Never, false, false, true, "xhigh"),
            ("claude-fable-5", Adaptive, Never, true, false, true, "xhigh"),
            ("claude-mythos-5-1", Adaptive, Never, false, false, true, "xhigh"),
            ("claude-mythos-preview", Adaptive, Never, true, false, false, "max"),
            ("somebody-elses", Adaptive, Type("disabled"), true, true, false, "xhigh"),
        ];
        for (name, thinking, off, forced, samples, instructions, highest) in table {
            let model = Model::of(name);
            let is = (model.thinking(), model.off(), model.can_be_forced(), model.samples());
            assert_eq!(is, (thinking, off, forced, samples), "{name}");
            let is = (model.takes_later_instructions(), model.effort(Effort::Highest));
            assert_eq!(is, (instructions, highest), "{name}");
        }
    }
}
