//! The table as others see it: what it knows, what a price is on a day, and what a name means.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::gateway::clock;

const NOW: i64 = 1_800_000_000_000;

#[test]
fn the_embedded_table_is_read_and_knows_the_common_models() {
    let table = ModelTable::embedded();
    assert!(table.entries().count() > 300);
    let entry = table.find("openai", "gpt-4o-mini").expect("listed");
    let price = entry.price_at(NOW).expect("a price");
    assert_eq!((price.input, price.output), (PicoUsdPerToken(150_000), PicoUsdPerToken(600_000)));
    assert!(price.version.starts_with("litellm-"), "{}", price.version);
    assert!(entry.context.is_some() && entry.capabilities.tools && entry.mode == Mode::Chat);
    let vectors = table.find("openai", "text-embedding-3-small").expect("listed");
    assert_eq!((vectors.mode, vectors.dimensions), (Mode::Embeddings, Some(1_536)));
    let claude =
        table.find("anthropic", "claude-sonnet-4-5").expect("listed").price_at(NOW).expect("a price");
    assert_eq!(claude.cache_write_1h, Some(PicoUsdPerToken(6_000_000)));
    assert!(claude.batch.is_some_and(|batch| batch.input == Some(PicoUsdPerToken(1_500_000))));
    assert!(table.find("vertex", "gemini-2.5-flash").is_some());
    assert!(table.find("openai", "no-such-model").is_none());
}

#[test]
fn the_ceiling_is_at_least_every_rate_of_the_list() {
    let table = ModelTable::embedded();
    let ceiling = table.ceiling().expect("a dearest price");
    for (_, price) in table.entries().flat_map(|entry| entry.prices()) {
        assert!(ceiling.input >= price.input && ceiling.output >= price.output);
        assert!(ceiling.cache_write >= price.cache_write && ceiling.cache_write_1h >= price.cache_write_1h);
        for tier in &price.tiers {
            assert!(Some(ceiling.input) >= tier.rates.input && Some(ceiling.output) >= tier.rates.output);
        }
    }
}

#[test]
fn the_table_is_written_in_the_form_that_it_is_read_in() {
    let table = ModelTable::embedded();
    let text = serde_json::to_string(&written(&table)).expect("JSON");
    assert_eq!(ModelTable::default().with(&text).expect("read again"), *table);
}

#[test]
fn an_update_replaces_adds_and_removes_and_its_prices_have_its_version() {
    let update = json!({
        "version": "acme-7",
        "models": {
            "openai/gpt-4o-mini": { "context": 5, "prices": [{ "input": 7, "output": 8 }] },
            "acme/large": { "capabilities": ["tools", "json_schema"] },
            "openai/gpt-4o": null,
        },
    });
    let before = ModelTable::embedded();
    let table = before.with(&update.to_string()).expect("an update");
    let mini = table.find("openai", "gpt-4o-mini").expect("listed");
    let price = mini.price_at(0).expect("a price since ever");
    assert_eq!((mini.context, mini.max_output, price.input.0, &*price.version), (Some(5), None, 7, "acme-7"));
    let large = table.find("acme", "large").expect("listed");
    assert!(large.capabilities.tools && large.capabilities.json_schema && !large.capabilities.images);
    assert_eq!(large.price_at(NOW), None);
    assert!(table.find("openai", "gpt-4o").is_none() && before.find("openai", "gpt-4o").is_some());
    assert_eq!(table.entries().count(), before.entries().count());
}

#[test]
fn what_is_wrong_is_named_with_its_model_its_field_and_its_numbers() {
    let wrong = |value: serde_json::Value| {
        let error = ModelTable::default().with(&value.to_string()).expect_err("refused");
        error.to_string()
    };
    let model = |value: serde_json::Value| wrong(json!({ "version": "v", "models": { "a/b": value } }));
    let price = |value: serde_json::Value| model(json!({ "prices": [value] }));
    let told = [
        wrong(json!([])),
        wrong(json!({ "version": "v" })),
        wrong(json!({ "version": "", "models": {} })),
        wrong(json!({ "version": "v", "models": {}, "modles": {} })),
        wrong(json!({ "version": "v", "effective_from": "yesterday", "models": {} })),
        wrong(json!({ "version": "v", "models": { "gpt-4o": {} } })),
        model(json!({ "contxt": 1 })),
        model(json!({ "context": 0 })),
        model(json!({ "context": -1 })),
        model(json!({ "capabilities": ["telepathy"] })),
        price(json!({ "input": 1 })),
        price(json!({ "input": 2.5, "output": 1 })),
        price(json!({ "input": 1, "output": 2_000_000_000_000_u64 })),
        price(json!({ "input": 1, "output": 1, "effective_from": "2026-02-30" })),
        price(json!({ "input": 1, "output": 1, "batch": { "cache_read": 2_000_000_000_000_u64 } })),
        price(json!({ "input": 1, "output": 1, "tiers": [
            { "above_input_tokens": 2 }, { "above_input_tokens": 2 },
        ] })),
        model(json!({ "prices": [
            { "input": 1, "output": 1, "effective_from": "2026-02-02" },
            { "input": 1, "output": 1, "effective_from": "2026-02-01" },
        ] })),
    ]
    .join("\n");
    insta::assert_snapshot!(told);
}

#[test]
fn a_snapshot_is_its_models_and_a_variant_is_not() {
    let table = ModelTable::embedded();
    let of = |model| table.by_prefix(model).map(|entry| (entry.provider.as_str(), entry.name.as_str()));
    for snapshot in
        ["gpt-4o-2099-01-01", "gpt-4o-latest", "gpt-4o-0131", "gpt-4o-preview", "gpt-4o-preview-2099-01-01"]
    {
        assert_eq!(of(snapshot), Some(("openai", "gpt-4o")), "{snapshot}");
    }
    assert_eq!(of("claude-sonnet-4-5-20990101"), Some(("anthropic", "claude-sonnet-4-5")));
    assert_eq!(of("gemini-2.5-flash-preview-09-2099"), Some(("gemini", "gemini-2.5-flash")));
    assert_eq!(of("gemini-2.5-flash-001"), Some(("gemini", "gemini-2.5-flash")));
    for other in
        ["gpt-4o-tiny", "gpt-4o-preview-tts", "gpt-4o-5", "gpt-4o-", "gpt-4o", "gpt-4o-20-99", "-0131", ""]
    {
        assert_ne!(
            of(other).map(|(_, name)| name),
            Some("gpt-4o").filter(|_| other != "gpt-4o-20-99"),
            "{other}"
        );
    }

    let price =
        table.by_prefix("gpt-4o-2099-01-01").and_then(|entry| entry.price_of("gpt-4o-2099-01-01", NOW));
    assert!(price.is_some_and(|price| price.version.ends_with(" as gpt-4o")));
    assert_eq!(
        table.resolve("openai", "gpt-4o-2024-08-06").map(|entry| entry.name.as_str()),
        Some("gpt-4o-2024-08-06")
    );
}

#[test]
fn a_new_model_of_a_known_family_is_its_makers() {
    let table = ModelTable::embedded();
    let cases = [
        ("gpt-99", Some("openai")),
        ("o3-colossal", Some("openai")),
        ("o30", None),
        ("claude-haiku-99", Some("anthropic")),
        ("gemini-99-pro", Some("gemini")),
        ("command-z", Some("cohere")),
        ("mistral-colossal", Some("mistral")),
        // Azure lists it as well, and its maker comes first.
        ("gpt-4o", Some("openai")),
        ("llama3", None),
    ];
    for (model, provider) in cases {
        assert_eq!(table.provider_of(model), provider, "{model}");
    }
}

fn dated(days: &[u32]) -> ModelEntry {
    let price = |day: &u32| {
        let date = clock::rfc3339(i64::from(*day) * 86_400_000);
        json!({ "effective_from": &date[..10], "input": day, "output": 0 })
    };
    let prices: Vec<_> = days.iter().map(price).collect();
    let update = json!({ "version": "v", "models": { "a/b": { "prices": prices } } });
    let table = ModelTable::default().with(&update.to_string()).expect("an update");
    ModelEntry::clone(table.find("a", "b").expect("listed"))
}

proptest! {
    #[test]
    fn a_price_never_goes_back_in_time_and_is_always_known_after_the_first(
        days in prop::collection::btree_set(1_u32..40_000, 1..8),
        mut instants in prop::collection::vec(0_i64..40_001 * 86_400_000, 1..20),
    ) {
        let days: Vec<u32> = days.into_iter().collect();
        let entry = dated(&days);
        instants.sort_unstable();
        let mut last = None;
        for instant in instants {
            let found = entry.price_at(instant).map(|price| price.input.0);
            let newest = days.iter().rev().find(|day| i64::from(**day) * 86_400_000 <= instant);
            prop_assert_eq!(found, newest.map(|day| u64::from(*day)));
            prop_assert!(found >= last);
            last = found;
        }
    }
}
