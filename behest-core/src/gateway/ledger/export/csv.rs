//! Lines of CSV (RFC 4180) that a spreadsheet takes for text and never for a formula.

use bytes::Bytes;
use serde_json::Value;

/// The names of an object's fields as a line.
pub(super) fn names(row: &Value) -> Bytes {
    let names = row.as_object().into_iter().flat_map(|fields| fields.keys().map(String::as_str));
    (names.collect::<Vec<_>>().join(",") + "\n").into()
}

/// The values of an object's fields as a line, without its end.
pub(super) fn line(row: &Value, line: &mut Vec<u8>) {
    for (index, value) in row.as_object().into_iter().flat_map(|fields| fields.values()).enumerate() {
        if index > 0 {
            line.push(b',');
        }
        match value {
            Value::Null => {}
            Value::String(text) => cell(text, line),
            Value::Bool(_) | Value::Number(_) => line.extend_from_slice(value.to_string().as_bytes()),
            // What holds nothing is empty, and the rest is JSON.
            Value::Array(items) if items.is_empty() => {}
            Value::Object(fields) if fields.is_empty() => {}
            Value::Array(_) | Value::Object(_) => cell(&value.to_string(), line),
        }
    }
}

/// A text that begins like a formula gets an apostrophe in front: end users choose their ids, and whoever opens the
/// file must not run them.
fn cell(text: &str, line: &mut Vec<u8>) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let is_quoted = is_formula || text.contains(['"', ',', '\n', '\r']) || text.trim() != text;
    if !is_quoted {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    if is_formula {
        line.push(b'\'');
    }
    line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: &Value) -> String {
        let mut text = Vec::new();
        line(value, &mut text);
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn cells_are_quoted_where_they_must_be_and_formulas_are_disarmed() {
        for (value, wanted) in [
            (json!("ann"), "ann"),
            (json!("O'Hara, \"Ann\""), "\"O'Hara, \"\"Ann\"\"\""),
            (json!("two\nlines"), "\"two\nlines\""),
            (json!("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\""),
            (json!("+1"), "\"'+1\""),
            (json!("-1"), "\"'-1\""),
            (json!("@SUM(A1)"), "\"'@SUM(A1)\""),
            (json!("\t=1"), "\"'\t=1\""),
            (json!(" =1"), "\" =1\""),
            (json!(null), ""),
            (json!(7), "7"),
            (json!(true), "true"),
            (json!([]), ""),
            (json!({}), ""),
            (json!({ "team": "search" }), "\"{\"\"team\"\":\"\"search\"\"}\""),
        ] {
            assert_eq!(written(&json!({ "a": 1, "b": value, "c": "z" })), format!("1,{wanted},z"));
        }
        assert_eq!(names(&json!({ "a": 1, "b": 2 })), "a,b\n");
    }
}
