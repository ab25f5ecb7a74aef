//! What becomes of each parameter of a request. The table that a provider's code goes by is the one that the documents
//! show.

use serde_json::{Map, Value};

use super::TranslateError;

/// What becomes of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It is said in the provider's own words, as this says.
    Translated(&'static str),
    /// It goes on as it is: the provider knows it, too.
    Passed,
    /// It is left out, and `X-Behest-Dropped-Params` says so: the answer is still one to what was asked.
    Dropped,
    /// The request is refused with 400, for this reason: without it the answer would be one to something else.
    Refused(&'static str),
}

/// The rules of a provider, by parameter. One that is not listed is unknown to OpenAI's dialect and to us: it goes on as
/// it is, so that a parameter of the provider's own, or a new one, works; the provider says what it does not know.
pub type Rules = &'static [(&'static str, Rule)];

/// A request's parameters after the rules.
#[derive(Debug, Default, PartialEq)]
pub struct Sorted {
    /// To be translated.
    pub asked: Map<String, Value>,
    /// To be copied as they are.
    pub passed: Map<String, Value>,
    /// Left out, by name, in the order in which they came.
    pub dropped: Vec<String>,
}

/// Sorts a request's parameters. `null` is the same as leaving one out, and so is what asks for nothing: a value that
/// `is_default` knows is neither dropped nor refused.
///
/// # Errors
/// [`TranslateError::Unsupported`] for a parameter that the rules refuse.
pub fn sort(
    provider: &'static str,
    rules: Rules,
    parameters: Map<String, Value>,
) -> Result<Sorted, TranslateError> {
    let mut sorted = Sorted::default();
    for (name, value) in parameters {
        if value.is_null() {
            continue;
        }
        match rules.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule) {
            Some(Rule::Translated(_)) => {
                sorted.asked.insert(name, value);
            }
            Some(Rule::Passed) | None => {
                sorted.passed.insert(name, value);
            }
            Some(_) if is_default(&name, &value) => {}
            Some(Rule::Dropped) => sorted.dropped.push(name),
            Some(Rule::Refused(reason)) => {
                return Err(TranslateError::unsupported(name, provider, reason));
            }
        }
    }
    Ok(sorted)
}

/// Whether the value asks for what happens anyway.
pub(in crate::gateway::providers) fn is_default(name: &str, value: &Value) -> bool {
    match name {
        "n" => value.as_u64() == Some(1),
        "logprobs" | "store" => value == &Value::Bool(false),
        "top_logprobs" | "frequency_penalty" | "presence_penalty" => value.as_f64() == Some(0.0),
        "logit_bias" | "metadata" => value.as_object().is_some_and(Map::is_empty),
        "modalities" => value == &serde_json::json!(["text"]),
        "service_tier" => value == "auto" || value == "default",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULES: Rules = &[
        ("temperature", Rule::Translated("the same")),
        ("metadata", Rule::Passed),
        ("logit_bias", Rule::Dropped),
        ("n", Rule::Refused("it gives one answer; ask again for another")),
    ];

    fn sorted(parameters: Value) -> Result<Sorted, TranslateError> {
        let Value::Object(parameters) = parameters else { panic!("an object") };
        sort("somebody", RULES, parameters)
    }

    #[test]
    fn each_parameter_goes_its_own_way_and_none_is_lost_silently() {
        let parameters = json!({
            "temperature": 1, "metadata": {"a": "b"}, "logit_bias": {"7": 1}, "top_k": 5, "seed": null, "n": 1,
        });
        let sorted = sorted(parameters).expect("sorted");
        assert_eq!(Value::from(sorted.asked), json!({"temperature": 1}));
        assert_eq!(Value::from(sorted.passed), json!({"metadata": {"a": "b"}, "top_k": 5}));
        assert_eq!(sorted.dropped, ["logit_bias"]);
    }

    #[test]
    fn what_would_change_the_question_is_refused_with_its_reason() {
        let error = sorted(json!({"n": 2})).expect_err("a refusal");
        assert_eq!(
            error.to_string(),
            "`n` cannot be sent to somebody: it gives one answer; ask again for another"
        );
        assert_eq!(sorted(json!({"logit_bias": {}, "n": 1})).expect("sorted"), Sorted::default());
    }
}
