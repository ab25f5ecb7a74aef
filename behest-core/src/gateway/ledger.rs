//! The ledger: one record for every attempt at a provider, committed before the answer ends.

pub mod attempt;
pub mod estimate;
pub mod export;
pub mod journal;
pub mod mailbox;
pub mod media;
pub mod money;
pub mod prices;
pub mod record;
pub mod report;
pub mod sample;
pub mod tokenizer;
pub mod unheard;
