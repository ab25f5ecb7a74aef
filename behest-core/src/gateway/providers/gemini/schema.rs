//! JSON Schemas as Gemini takes them.
//!
//! `parametersJsonSchema` and `responseJsonSchema` take JSON Schema itself, not the OpenAPI subset of `parameters` and
//! `responseSchema`. Keywords outside of the documented list (`pattern`, `minLength`, `exclusiveMinimum`, ...) are not
//! refused there, only not enforced, so they stay: the model still reads them. Two things are put differently. `const` is
//! outside of the list while an `enum` of one says the same and is enforced; and beside a `$ref` nothing may stand that
//! does not begin with `$`.

use serde_json::{Map, Value};

/// Keywords whose value is a schema.
const SCHEMA: &[&str] = &["items", "additionalProperties", "not", "contains"];
/// Keywords whose value is a list of schemas.
const SCHEMAS: &[&str] = &["anyOf", "oneOf", "allOf", "prefixItems"];
/// Keywords whose value maps names to schemas.
const NAMED: &[&str] = &["properties", "patternProperties", "$defs", "definitions"];

/// The schema as Gemini takes it.
pub(super) fn clean(schema: Value) -> Value {
    let Value::Object(fields) = schema else { return schema };
    let refers = fields.contains_key("$ref");
    let mut cleaned = Map::new();
    for (keyword, value) in fields {
        if refers && !keyword.starts_with('$') {
            continue;
        }
        match value {
            value if SCHEMA.contains(&&*keyword) => cleaned.insert(keyword, clean(value)),
            Value::Array(list) if SCHEMAS.contains(&&*keyword) => {
                cleaned.insert(keyword, list.into_iter().map(clean).collect())
            }
            Value::Object(named) if NAMED.contains(&&*keyword) => {
                let named = named.into_iter().map(|(name, schema)| (name, clean(schema)));
                cleaned.insert(keyword, Value::Object(named.collect()))
            }
            value @ (Value::String(_) | Value::Number(_)) if keyword == "const" => {
                cleaned.insert("enum".to_owned(), Value::from(vec![value]))
            }
            value => cleaned.insert(keyword, value),
        };
    }
    Value::Object(cleaned)
}

/// Whether arguments of this schema hold nothing: Gemini wants no schema for such a function.
pub(super) fn is_empty(schema: &Value) -> bool {
    let Value::Object(fields) = schema else { return true };
    let no_properties =
        fields.get("properties").is_none_or(|named| named.as_object().is_none_or(Map::is_empty));
    let open = fields.get("additionalProperties").is_some_and(|more| more != &Value::Bool(false));
    let composed = ["$ref", "anyOf", "oneOf", "allOf", "patternProperties"];
    no_properties && !open && !composed.iter().any(|keyword| fields.contains_key(*keyword))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn const_becomes_an_enum_of_one_and_a_reference_stands_alone_at_any_depth() {
        let schema = json!({
            "type": "object",
            "properties": {
                "const": {"type": "string", "const": "city", "pattern": "^c"},
                "place": {"$ref": "#/$defs/place", "description": "Where.", "$comment": "kept"},
                "either": {"anyOf": [{"const": 1}, {"const": true}, {"type": "array", "items": {"const": "x"}}]},
            },
            "$defs": {"place": {"type": "object", "additionalProperties": {"const": 2}}},
        });
        let wanted = json!({
            "type": "object",
            "properties": {
                "const": {"type": "string", "enum": ["city"], "pattern": "^c"},
                "place": {"$ref": "#/$defs/place", "$comment": "kept"},
                "either": {"anyOf": [{"enum": [1]}, {"const": true}, {"type": "array", "items": {"enum": ["x"]}}]},
            },
            "$defs": {"place": {"type": "object", "additionalProperties": {"enum": [2]}}},
        });
        assert_eq!(clean(schema), wanted);
    }

    #[test]
    fn only_a_schema_without_anything_in_it_is_left_out() {
        for empty in [json!({}), json!({"type": "object", "properties": {}, "additionalProperties": false})] {
            assert!(is_empty(&empty), "{empty}");
        }
        for full in [
            json!({"type": "object", "properties": {"a": {}}}),
            json!({"type": "object", "additionalProperties": true}),
            json!({"$ref": "#/$defs/a"}),
        ] {
            assert!(!is_empty(&full), "{full}");
        }
    }
}
