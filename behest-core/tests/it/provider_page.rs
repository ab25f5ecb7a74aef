//! `docs/providers.md` holds the rules that the code goes by.

use std::fmt::Write as _;
use std::path::Path;

use behest_core::gateway::providers::compatible::Compatible;
use behest_core::gateway::providers::translate::{Rule, Rules};
use behest_core::gateway::providers::{anthropic, cohere, gemini, vertex};

const PROVIDERS: [(&str, Rules); 7] = [
    ("Anthropic", anthropic::RULES),
    ("Gemini", gemini::RULES),
    ("Vertex", vertex::RULES),
    ("Cohere", cohere::RULES),
    ("Mistral", Compatible::Mistral.rules()),
    ("OpenRouter", Compatible::OpenRouter.rules()),
    ("Azure OpenAI", Compatible::Azure.rules()),
];

/// Set, it writes the page's rules anew.
const UPDATE: &str = "BEHEST_UPDATE_DOCS";

fn tables() -> String {
    let mut text = String::new();
    for (name, rules) in PROVIDERS {
        let _ = write!(text, "### {name}\n\n| Parameter | What becomes of it |\n| --- | --- |\n");
        let mut rules = rules.to_vec();
        rules.sort_unstable_by_key(|(parameter, _)| *parameter);
        for (parameter, rule) in rules {
            let said = match rule {
                Rule::Translated(how) => format!("translated: {how}"),
                Rule::Passed => "passed".to_owned(),
                Rule::Dropped => "dropped".to_owned(),
                Rule::Refused(reason) => format!("refused: {reason}"),
            };
            let _ = writeln!(text, "| `{parameter}` | {} |", said.replace('|', "\\|"));
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_page_of_providers_holds_the_rules_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/providers.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, _) = page.split_once("<!-- rules -->\n\n").expect("the rules have their place");
    let wanted = format!("{before}<!-- rules -->\n\n{}", tables().trim_end().to_owned() + "\n");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &wanted).expect("a page that can be written");
        return;
    }
    assert!(
        page == wanted,
        "run the tests once with {UPDATE}=1, and read what has changed in docs/providers.md"
    );
}
