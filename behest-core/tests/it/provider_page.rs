//! `docs/providers.md` and `docs/embeddings.md` hold the rules that the code goes by.

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

const EMBEDDERS: [(&str, Rules); 6] = [
    ("Gemini", gemini::EMBEDDINGS_RULES),
    ("Vertex", gemini::PREDICT_RULES),
    ("Cohere", cohere::EMBEDDINGS_RULES),
    ("Mistral", Compatible::Mistral.embeddings_rules()),
    ("OpenRouter", Compatible::OpenRouter.embeddings_rules()),
    ("Azure OpenAI", Compatible::Azure.embeddings_rules()),
];

/// Set, it writes the pages' rules anew.
const UPDATE: &str = "BEHEST_UPDATE_DOCS";

fn tables(providers: &[(&str, Rules)]) -> String {
    let mut text = String::new();
    for (name, rules) in providers {
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

#[track_caller]
fn holds(page: &str, providers: &[(&str, Rules)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(&path).expect("the page");
    let (before, _) = text.split_once("<!-- rules -->\n\n").expect("the rules have their place");
    let wanted = format!("{before}<!-- rules -->\n\n{}", tables(providers).trim_end().to_owned() + "\n");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &wanted).expect("a page that can be written");
        return;
    }
    assert!(text == wanted, "run the tests once with {UPDATE}=1, and read what has changed in docs/{page}");
}

#[test]
fn the_page_of_providers_holds_the_rules_of_the_code() {
    holds("providers.md", &PROVIDERS);
}

#[test]
fn the_page_of_embeddings_holds_the_rules_of_the_code() {
    holds("embeddings.md", &EMBEDDERS);
}
