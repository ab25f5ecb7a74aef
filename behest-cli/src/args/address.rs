//! Whose address `--base-url` is: the gateway's, and behind `providers add` the provider's.

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::Cli;

const BASE_URL: &str = "--base-url";
/// The provider's address, under a name that nothing else has.
const PROVIDER_URL: &str = "--url";

/// Gives the provider's address its own name, so that the gateway's can stand before the command.
#[must_use]
pub fn told_apart(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let command = Cli::command();
    let takes_value = |argument: &OsString| {
        let long = argument.to_str().and_then(|text| text.strip_prefix("--"));
        let mut options = command.get_arguments().filter(|option| option.get_action().takes_values());
        long.is_some() && options.any(|option| option.get_long() == long)
    };
    let mut at = 0;
    for wanted in ["providers", "add"] {
        while let Some(option) = arguments.get(at).filter(|word| word.as_encoded_bytes().starts_with(b"-")) {
            at += if takes_value(option) { 2 } else { 1 };
        }
        if arguments.get(at).is_none_or(|word| word != wanted) {
            return arguments;
        }
        at += 1;
    }
    for argument in arguments[at..].iter_mut().take_while(|argument| *argument != "--") {
        let Some(text) = argument.to_str() else { continue };
        match text.strip_prefix(BASE_URL) {
            Some("") => *argument = PROVIDER_URL.into(),
            Some(rest) if rest.starts_with('=') => *argument = format!("{PROVIDER_URL}{rest}").into(),
            _ => {}
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_apart(line: &str) -> String {
        let words = super::told_apart(line.split(' ').map(OsString::from).collect());
        words.iter().map(|word| word.to_str().expect("text")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_behind_providers_add_is_it_the_providers() {
        for (typed, meant) in [
            ("providers add x --base-url u", "providers add x --url u"),
            ("providers add --base-url=u x", "providers add --url=u x"),
            (
                "--base-url g --json providers --tenant t add x --base-url u",
                "--base-url g --json providers --tenant t add x --url u",
            ),
        ] {
            assert_eq!(told_apart(typed), meant);
        }
        for same in [
            "providers list --base-url g",
            "--base-url g providers add x",
            "providers --base-url=g add x",
            "chat providers add --base-url g",
            "--project providers add --base-url g",
            "providers add -- --base-url",
            "",
        ] {
            assert_eq!(told_apart(same), same);
        }
    }
}
