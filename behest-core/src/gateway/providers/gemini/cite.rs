//! Sources and probabilities of an answer in OpenAI's words.

use serde_json::{Map, Value, json};

use crate::gateway::providers::translate::text_of;

/// OpenAI's `url_citation` for each source that a place of the text leans on, and for each that none names. `text` is the
/// answer's so far.
pub(super) fn citations(grounding: Option<&Value>, recited: Option<&Value>, text: &str) -> Vec<Value> {
    let mut citations = Vec::new();
    let chunks = list(grounding, "groundingChunks");
    let mut unnamed: Vec<usize> = (0..chunks.len()).collect();
    for support in list(grounding, "groundingSupports") {
        let place = support.get("segment").and_then(|segment| place(segment, text));
        let indices = list(Some(support), "groundingChunkIndices").iter().filter_map(Value::as_u64);
        for index in indices.filter_map(|index| usize::try_from(index).ok()) {
            unnamed.retain(|other| *other != index);
            citations.extend(chunks.get(index).and_then(source).map(|source| cited(source, place)));
        }
    }
    citations.extend(
        unnamed.into_iter().filter_map(|index| source(&chunks[index])).map(|source| cited(source, None)),
    );
    // Gemini calls them `citationSources`, Vertex `citations`.
    for source in list(recited, "citationSources").iter().chain(list(recited, "citations")) {
        if source.get("uri").is_some() {
            citations.push(cited(source, place(source, text)));
        }
    }
    citations
}

fn list<'v>(value: Option<&'v Value>, name: &str) -> &'v [Value] {
    value.and_then(|value| value.get(name)).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What a chunk is from: `web`, `retrievedContext`, `maps`.
fn source(chunk: &Value) -> Option<&Value> {
    chunk.as_object()?.values().find(|source| source.get("uri").is_some())
}

fn cited(source: &Value, place: Option<(usize, usize)>) -> Value {
    let mut citation = Map::new();
    if let Some((start, end)) = place {
        citation.insert("start_index".to_owned(), Value::from(start));
        citation.insert("end_index".to_owned(), Value::from(end));
    }
    citation.insert("url".to_owned(), source.get("uri").cloned().unwrap_or_default());
    if let Some(title) = source.get("title") {
        citation.insert("title".to_owned(), title.clone());
    }
    json!({ "type": "url_citation", "url_citation": citation })
}

/// Where a segment is, in characters, as OpenAI counts; Gemini counts bytes of a part. `None` where that is not certain.
fn place(segment: &Value, text: &str) -> Option<(usize, usize)> {
    let number =
        |name| segment.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    if number("partIndex").unwrap_or(0) != 0 {
        return None;
    }
    let (start, end) = (number("startIndex").unwrap_or(0), number("endIndex")?);
    let quoted = text.get(start..end)?;
    if text_of(segment.get("text")).is_some_and(|wanted| wanted != quoted) {
        return None;
    }
    let start = text[..start].chars().count();
    Some((start, start + quoted.chars().count()))
}

/// The entries of OpenAI's `logprobs.content` in a `logprobsResult`.
pub(super) fn logprobs(result: &Value) -> Vec<Value> {
    let top = list(Some(result), "topCandidates");
    let token = |candidate: &Value| {
        let text = text_of(candidate.get("token")).unwrap_or_default();
        json!({ "token": text, "logprob": candidate.get("logProbability"), "bytes": text.as_bytes() })
    };
    let entry = |(index, chosen): (usize, &Value)| {
        let mut entry = token(chosen);
        entry["top_logprobs"] = list(top.get(index), "candidates").iter().map(token).collect();
        entry
    };
    list(Some(result), "chosenCandidates").iter().enumerate().map(entry).collect()
}
