//! Mistral's embeddings: OpenAI's, but for the names of two fields and for the form, which is numbers alone.

use crate::gateway::body::Fields;
use crate::gateway::providers::compatible::rename;
use crate::gateway::providers::translate::Rule::{Dropped, Passed, Translated};
use crate::gateway::providers::translate::Rules;
use crate::gateway::providers::translate::embed::ENCODED_HERE;

/// What becomes of each parameter.
pub const RULES: Rules = &[
    ("dimensions", Translated("`output_dimension`")),
    ("encoding_format", ENCODED_HERE),
    ("input", Passed),
    ("metadata", Passed),
    ("model", Translated("the same")),
    ("output_dimension", Passed),
    ("output_dtype", Passed),
    ("user", Dropped),
];

/// Patches the fields.
pub fn patch(fields: &mut Fields) {
    rename(fields, "dimensions", "output_dimension");
    fields.take("encoding_format");
}
