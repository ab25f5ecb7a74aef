//! The parameters that stand for themselves.

use serde_json::{Map, Number, Value, json};

use super::model::Model;
use super::request::Writer;
use crate::gateway::providers::translate::{Ask, text_of};

/// `temperature`, `top_p` and `top_k`. At 1 the model's own probabilities count, with both providers: a value below
/// means the same, and one above is more than Anthropic has.
pub(super) fn sampling(writer: &mut Writer, ask: &mut Ask, model: Model, thinks: bool) {
    let unless_one = |number: Option<Number>| number.filter(|number| number.as_f64() != Some(1.0));
    let (temperature, top_p) = (unless_one(ask.temperature.take()), unless_one(ask.top_p.take()));
    let top_k = ask.other.remove("top_k");
    let free = model.samples() && !thinks;
    let mut heated = false;
    if let Some(temperature) = temperature {
        if !free {
            writer.drop("temperature");
        } else if temperature.as_f64().is_some_and(|temperature| temperature > 1.0) {
            writer.set("temperature", 1);
            writer.drop("temperature");
            heated = true;
        } else {
            writer.set("temperature", temperature);
            heated = true;
        }
    }
    if let Some(top_p) = top_p {
        let near_one = top_p.as_f64().is_some_and(|top_p| top_p >= 0.95);
        if (free || model.samples() && near_one) && (!heated || model.samples_both_ways()) {
            writer.set("top_p", top_p);
        } else {
            writer.drop("top_p");
        }
    }
    if let Some(top_k) = top_k {
        if free {
            writer.set("top_k", top_k);
        } else {
            writer.drop("top_k");
        }
    }
}

/// Anthropic refuses white space alone.
pub(super) fn stop(writer: &mut Writer, stop: Vec<String>) {
    let (kept, blank): (Vec<String>, Vec<String>) =
        stop.into_iter().partition(|text| !text.trim().is_empty());
    if !blank.is_empty() {
        writer.drop("stop");
    }
    if !kept.is_empty() {
        writer.set("stop_sequences", kept);
    }
}

/// Who asks, by a name that says nothing of the person.
pub(super) fn metadata(writer: &mut Writer, other: &mut Map<String, Value>) {
    let mut metadata = match other.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    let theirs = metadata.remove("user_id");
    if !metadata.is_empty() {
        writer.drop("metadata");
    }
    let (identifier, user) = (other.remove("safety_identifier"), other.remove("user"));
    if let Some(id) = text_of(theirs.as_ref().or(identifier.as_ref()).or(user.as_ref())) {
        writer.set("metadata", json!({ "user_id": id }));
    }
}

/// Anthropic has its own words for two of OpenAI's, and none for the others.
pub(super) fn service_tier(writer: &mut Writer, tier: Option<Value>) {
    match text_of(tier.as_ref()) {
        None => {}
        Some(tier @ ("auto" | "standard_only")) => writer.set("service_tier", tier),
        Some("default") => writer.set("service_tier", "standard_only"),
        Some(_) => writer.drop("service_tier"),
    }
}
