//! What the two programs behind `make bench` are made of.
//!
//! `fake-upstream` answers like an OpenAI-compatible provider and like Anthropic, with bytes made before the first request.
//! `load` asks one address for the same answer again and again and prints what it saw. `benches/run`
//! puts nginx or Behest between the two; `docs/performance.md` tells the method.

pub mod client;
pub mod events;
pub mod figures;
pub mod messages;
pub mod schedule;
pub mod timer;
pub mod upstream;
