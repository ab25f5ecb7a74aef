//! JSON Schemas that Anthropic can enforce: objects are closed, and limits that it does not know move into the
//! description, where the model reads them.

use serde_json::{Map, Value};

/// What the documents list as not supported.
const LIMITS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
];
/// The values of `format` that it knows.
const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];
/// Where schemas stand by name, in a list, and alone.
const NAMED: &[&str] = &["properties", "$defs", "definitions", "patternProperties"];
const LISTED: &[&str] = &["anyOf", "allOf", "oneOf", "prefixItems"];
const ALONE: &[&str] = &["items", "additionalProperties", "not"];

/// The schema as it can be enforced.
pub(super) fn enforceable(schema: Value) -> Value {
    let Value::Object(mut schema) = schema else { return schema };
    for (key, inner) in &mut schema {
        let inners: Box<dyn Iterator<Item = &mut Value>> = match inner {
            Value::Object(named) if NAMED.contains(&key.as_str()) => Box::new(named.values_mut()),
            Value::Array(listed) if LISTED.contains(&key.as_str()) => Box::new(listed.iter_mut()),
            alone if ALONE.contains(&key.as_str()) => Box::new(std::iter::once(alone)),
            _ => continue,
        };
        inners.for_each(|inner| *inner = enforceable(inner.take()));
    }
    describe_limits(&mut schema);
    if is_object(&schema) && !schema.contains_key("additionalProperties") {
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    Value::Object(schema)
}

fn describe_limits(schema: &mut Map<String, Value>) {
    let is_limit = |key: &str, value: &Value| match key {
        "minItems" => value.as_u64().is_some_and(|least| least > 1),
        "format" => value.as_str().is_some_and(|format| !FORMATS.contains(&format)),
        _ => LIMITS.contains(&key),
    };
    let (limits, rest): (Map<_, _>, Map<_, _>) =
        std::mem::take(schema).into_iter().partition(|(key, value)| is_limit(key, value));
    *schema = rest;
    if limits.is_empty() {
        return;
    }
    let limits: Vec<String> = limits.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    let limits = limits.join(", ");
    let description = match schema.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description} ({limits})"),
        None => limits,
    };
    schema.insert("description".to_owned(), Value::from(description));
}

fn is_object(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => schema.contains_key("properties"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_become_descriptions_and_objects_are_closed_but_names_stay() {
        let schema = json!({
            "type": "object",
            "properties": {
                "minimum": {"type": "integer", "minimum": 0, "description": "The least."},
                "list": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": ["object", "null"]}},
                "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "regex"}]},
                "open": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
            },
        });
        let wanted = json!({
            "type": "object",
            "properties": {
                "minimum": {"type": "integer", "description": "The least. (minimum: 0)"},
                "list": {
                    "type": "array", "minItems": 1, "description": "maxItems: 3",
                    "items": {"type": ["object", "null"], "additionalProperties": false},
                },
                "when": {"anyOf": [
                    {"type": "string", "format": "date"},
                    {"type": "string", "description": "format: \"regex\""},
                ]},
                "open": {
                    "type": "object",
                    "additionalProperties": {"type": "string", "description": "minLength: 1"},
                },
            },
            "additionalProperties": false,
        });
        assert_eq!(enforceable(schema), wanted);
        assert_eq!(enforceable(json!(true)), json!(true));
    }
}
