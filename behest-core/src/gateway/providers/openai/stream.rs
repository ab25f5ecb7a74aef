//! OpenAI's events: each is a chunk already.

use std::collections::{BTreeMap, VecDeque};

use super::reply;
use crate::gateway::providers::compatible::{Compatible, number_annotations};
use crate::gateway::providers::streaming::EventReader;
use crate::gateway::providers::{Chunk, ProviderError};
use crate::sse::{DONE, Event};

/// Reads a stream.
#[derive(Debug)]
pub struct Reader {
    compatible: Option<Compatible>,
    /// How many annotations each choice has.
    annotations: BTreeMap<u64, u64>,
    done: bool,
    /// A choice has said why it ended. Some servers leave `[DONE]` out; without either the answer broke off.
    finished: bool,
}

impl Reader {
    /// A reader of a stream in OpenAI's words, or in those of a provider that is compatible.
    #[must_use]
    pub fn new(compatible: Option<Compatible>) -> Self {
        Self { compatible, annotations: BTreeMap::new(), done: false, finished: false }
    }
}

impl EventReader for Reader {
    fn read(&mut self, event: Event, chunks: &mut VecDeque<Chunk>) -> Result<bool, ProviderError> {
        if event.data.trim_ascii() == DONE {
            self.done = true;
            return Ok(true);
        }
        let data = match self.compatible.and_then(|compatible| compatible.mend(&event.data)) {
            Some(mended) => number_annotations(&mended, &mut self.annotations).unwrap_or(mended),
            None => event.data,
        };
        let chunk = reply::chunk(data)?;
        self.finished |= chunk.summary.finish_reason.is_some();
        chunks.push_back(chunk);
        Ok(false)
    }

    fn finish(&mut self, _: &mut VecDeque<Chunk>) -> bool {
        self.done || self.finished
    }
}
