//! How much is to be embedded, counted without holding any of it: a list of token ids takes many times its bytes once it
//! is read into memory.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::body::Fields;
use super::ledger::estimate;

/// The most inputs of one call, as OpenAI has it.
const MOST_INPUTS: usize = 2_048;
/// The most token ids of one call over all of its inputs, as OpenAI has it.
const MOST_IDS: usize = 300_000;
/// The most values in all the other fields together. None is known that takes so many.
const MOST_VALUES: usize = 10_000;

/// A request that is too large to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooMuch {
    /// Texts, or lists of token ids.
    #[error("has more than {MOST_INPUTS} inputs, the most in one call: send them in several calls")]
    Inputs,
    /// Token ids.
    #[error("has more than {MOST_IDS} token ids, the most in one call: send them in several calls")]
    Ids,
    /// What stands beside the input.
    #[error(
        "is one of the fields that hold more than {MOST_VALUES} values beside the input, the most in one call"
    )]
    Values,
}

/// What `input` holds. Texts and lists count as inputs, a list of ids alone as one; what is of no form that we know
/// counts as its parts, and is the provider's to understand.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Inputs {
    /// Texts and lists.
    parts: usize,
    /// Numbers that stand in `input` itself.
    own_ids: usize,
    /// All other values that are no texts.
    inner: usize,
    /// Of texts, estimated.
    text_tokens: u64,
}

impl Inputs {
    /// Counts what is to be embedded.
    ///
    /// # Errors
    /// When it is more than a call may have.
    pub fn of(input: &RawValue) -> Result<Self, TooMuch> {
        let mut inputs = Self::default();
        // Whoever reads it again stops where this does, and so what comes after an error need not be counted.
        let _ = count(input, &mut |depth, text| inputs.add(depth, text));
        inputs.check().map(|()| inputs)
    }

    fn add(&mut self, depth: usize, seen: Seen) -> bool {
        match (depth, seen) {
            (0, Seen::List) => {}
            (0 | 1, Seen::Text(_) | Seen::List | Seen::Object) => self.parts += 1,
            (0 | 1, Seen::Number) => self.own_ids += 1,
            _ => self.inner += 1,
        }
        if let Seen::Text(bytes) = seen {
            self.text_tokens += estimate::text(bytes);
        }
        self.check().is_ok()
    }

    fn check(&self) -> Result<(), TooMuch> {
        if self.parts > MOST_INPUTS {
            return Err(TooMuch::Inputs);
        }
        if self.own_ids + self.inner > MOST_IDS { Err(TooMuch::Ids) } else { Ok(()) }
    }

    /// How many vectors are to come.
    #[must_use]
    pub fn number(&self) -> usize {
        self.parts + usize::from(self.own_ids > 0)
    }

    /// How many tokens there are: counted where they are ids, else estimated.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.text_tokens + (self.own_ids + self.inner) as u64
    }
}

/// Checks what stands beside the input, which providers may have to be told in other words.
///
/// # Errors
/// The name of the field that is too much.
pub fn check_others(fields: &Fields) -> Result<(), (String, TooMuch)> {
    let mut values = 0;
    for (name, value) in fields.iter().filter(|(name, _)| *name != "input") {
        let _ = count(value, &mut |_, _| {
            values += 1;
            values <= MOST_VALUES
        });
        if values > MOST_VALUES {
            return Err((name.to_owned(), TooMuch::Values));
        }
    }
    Ok(())
}

/// A value, as it is come by.
#[derive(Clone, Copy)]
enum Seen {
    /// With its length in bytes.
    Text(usize),
    List,
    Object,
    /// A number, or a word of JSON's.
    Number,
}

/// Told of each value and how deep it stands; false ends the count.
type Tell<'t> = &'t mut dyn FnMut(usize, Seen) -> bool;

fn count(value: &RawValue, tell: Tell<'_>) -> Result<(), serde_json::Error> {
    Counter { depth: 0, tell }.deserialize(&mut serde_json::Deserializer::from_str(value.get()))
}

struct Counter<'t> {
    depth: usize,
    tell: Tell<'t>,
}

impl Counter<'_> {
    fn tell<E: Error>(&mut self, seen: Seen) -> Result<(), E> {
        if (self.tell)(self.depth, seen) { Ok(()) } else { Err(E::custom("too much")) }
    }

    fn inner(&mut self) -> Counter<'_> {
        Counter { depth: self.depth + 1, tell: &mut *self.tell }
    }
}

impl<'de> DeserializeSeed<'de> for Counter<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counter<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E: Error>(mut self, _: bool) -> Result<(), E> {
        self.tell(Seen::Number)
    }

    fn visit_i64<E: Error>(mut self, _: i64) -> Result<(), E> {
        self.tell(Seen::Number)
    }

    fn visit_u64<E: Error>(mut self, _: u64) -> Result<(), E> {
        self.tell(Seen::Number)
    }

    fn visit_f64<E: Error>(mut self, _: f64) -> Result<(), E> {
        self.tell(Seen::Number)
    }

    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        self.tell(Seen::Number)
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.tell(Seen::Text(text.len()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.tell(Seen::List)?;
        while list.next_element_seed(self.inner())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        self.tell(Seen::Object)?;
        while object.next_key_seed(self.inner())?.is_some() {
            object.next_value_seed(self.inner())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(json: String) -> Result<(usize, u64), TooMuch> {
        let raw = RawValue::from_string(json).expect("json");
        Inputs::of(&raw).map(|inputs| (inputs.number(), inputs.tokens()))
    }

    fn list(item: &str, times: usize) -> String {
        format!("[{}]", vec![item; times].join(","))
    }

    #[test]
    fn every_form_is_counted() {
        for (json, wanted) in [
            (r#""hello""#, (1, 2)),
            (r#""""#, (1, 0)),
            (r#"["hello","a"]"#, (2, 3)),
            ("[]", (0, 0)),
            ("[1,2,3]", (1, 3)),
            ("[[1],[2,3]]", (2, 3)),
            ("[[]]", (1, 0)),
            ("{}", (1, 0)),
        ] {
            assert_eq!(counted(json.to_owned()), Ok(wanted), "{json}");
        }
    }

    #[test]
    fn the_bounds_are_openais() {
        assert_eq!(counted(list("\"a\"", 2_048)), Ok((2_048, 2_048)));
        assert_eq!(counted(list("\"a\"", 2_049)), Err(TooMuch::Inputs));
        assert_eq!(counted(list("[1]", 2_049)), Err(TooMuch::Inputs));
        assert_eq!(counted(list("1", 300_000)), Ok((1, 300_000)));
        assert_eq!(counted(list("1", 300_001)), Err(TooMuch::Ids));
        assert_eq!(counted(list(&list("1", 3_000), 100)), Ok((100, 300_000)));
        assert_eq!(counted(list(&list("1", 3_001), 100)), Err(TooMuch::Ids));
    }

    #[test]
    fn no_odd_form_gets_around_them() {
        for json in [
            format!("[{}]", list("[]", 300_001)),
            format!("[{}]", list("\"\"", 300_001)),
            format!("[{}]", list("{\"a\":null}", 150_001)),
            format!("{{\"a\":{}}}", list("1.5", 300_001)),
            format!("[{}]", list("true", 300_001)),
        ] {
            assert!(matches!(counted(json), Err(TooMuch::Ids)));
        }
        let fields = format!(r#"{{"model":"m","input":{},"more":{}}}"#, list("1", 20_000), list("1", 9_990));
        let fields: Fields = serde_json::from_str(&fields).expect("an object");
        assert_eq!(check_others(&fields), Ok(()));
        let fields = format!(r#"{{"input":"a","more":{}}}"#, list("1", 10_000));
        let fields: Fields = serde_json::from_str(&fields).expect("an object");
        assert_eq!(check_others(&fields), Err(("more".to_owned(), TooMuch::Values)));
    }
}
