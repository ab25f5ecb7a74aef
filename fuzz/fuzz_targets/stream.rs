//! What a provider streams never brings a reader down, and is understood the same wherever its bytes are cut.
//!
//! The first byte picks the provider, the second how long the pieces are.
#![no_main]

use std::collections::VecDeque;

use behest_core::gateway::providers::compatible::Compatible;
use behest_core::gateway::providers::streaming::EventReader;
use behest_core::gateway::providers::translate::chunks::Writer;
use behest_core::gateway::providers::translated::{ANTHROPIC, COHERE, DialectReader, GEMINI};
use behest_core::gateway::providers::{Chunk, ProviderError, openai};
use behest_core::sse::{DONE, Event, Framer};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;

fuzz_target!(|input: &[u8]| {
    let [provider, length, bytes @ ..] = input else { return };
    let whole = read(*provider, [bytes]);
    assert_eq!(whole, read(*provider, bytes.chunks(1)), "cut into single bytes");
    let length = usize::from(*length).max(1);
    assert_eq!(whole, read(*provider, bytes.chunks(length)), "cut into pieces of {length}");
});

/// What the client gets, each chunk as text, and how it ends.
fn read<'b>(provider: u8, pieces: impl IntoIterator<Item = &'b [u8]>) -> (Vec<String>, String) {
    let mut reader = reader(provider);
    let mut framer = Framer::new(LIMIT);
    let mut said = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_event() {
                Ok(None) => break,
                Ok(Some(event)) => match reader.read(event, &mut said) {
                    Ok(false) => {}
                    end => return (said, format!("{end:?}")),
                },
                Err(error) => return (said, error.to_string()),
            }
        }
    }
    let last = framer.finish().expect("what is below the limit stays below it");
    let end = last.map(|event| reader.read(event, &mut said));
    let complete = reader.finish(&mut said);
    (said, format!("{end:?} {complete}"))
}

/// A reader as the gateway has one.
enum Reader {
    OpenAi(openai::Reader),
    Dialect(Box<dyn DialectReader>, Writer),
}

fn reader(provider: u8) -> Reader {
    let compatible = |compatible| Reader::OpenAi(openai::Reader::new(compatible));
    let dialect = |reader| Reader::Dialect(reader, Writer::new("id".to_owned(), "model".to_owned(), 0));
    match provider % 7 {
        0 => compatible(None),
        1 => compatible(Some(Compatible::Mistral)),
        2 => compatible(Some(Compatible::OpenRouter)),
        3 => compatible(Some(Compatible::Azure)),
        4 => dialect((ANTHROPIC.reader)()),
        5 => dialect((GEMINI.reader)()),
        _ => dialect((COHERE.reader)()),
    }
}

impl Reader {
    fn read(&mut self, event: Event, said: &mut Vec<String>) -> Result<bool, ProviderError> {
        match self {
            Self::OpenAi(reader) => {
                let mut chunks = VecDeque::new();
                let end = reader.read(event, &mut chunks)?;
                said.extend(chunks.into_iter().map(|chunk: Chunk| format!("{chunk:?}")));
                Ok(end)
            }
            Self::Dialect(..) if event.data.trim_ascii() == DONE => Ok(true),
            Self::Dialect(reader, writer) => {
                let events = reader.read(&event)?;
                said.extend(
                    events.into_iter().filter_map(|event| writer.write(event)).map(|chunk| chunk.to_string()),
                );
                Ok(false)
            }
        }
    }

    fn finish(&mut self, said: &mut Vec<String>) -> bool {
        match self {
            Self::OpenAi(reader) => reader.finish(&mut VecDeque::new()),
            Self::Dialect(reader, writer) => {
                said.extend(writer.usage().map(|usage| usage.to_string()));
                reader.is_complete()
            }
        }
    }
}
