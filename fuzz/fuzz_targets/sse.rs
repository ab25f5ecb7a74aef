//! The framer gives the same events wherever the bytes are cut, and never one above its limit.
#![no_main]

use behest_core::sse::{Event, Framer, SseError};
use libfuzzer_sys::fuzz_target;

/// Small, so that the fuzzer comes to it.
const LIMIT: usize = 64;

fuzz_target!(|input: &[u8]| {
    let Some((&length, bytes)) = input.split_first() else { return };
    let whole = events([bytes]);
    assert_eq!(whole, events(bytes.chunks(1)), "cut into single bytes");
    assert_eq!(whole, events(bytes.chunks(usize::from(length).max(1))), "cut into pieces of {length}");
    assert!(whole.0.iter().all(|event| event.data.len() <= LIMIT), "an event is above the limit");
});

fn events<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> (Vec<Event>, Option<SseError>) {
    let mut framer = Framer::new(LIMIT);
    let mut events = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    match framer.finish() {
        Ok(last) => events.extend(last),
        Err(error) => return (events, Some(error)),
    }
    (events, None)
}
