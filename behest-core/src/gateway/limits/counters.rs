//! The counters: what is used and what is held, in every layer at once or in none.
//!
//! A call takes what it may need under a lease and gives back what it did not use. A lease is a row with an id and an
//! expiry; each of its settlements has an id, too. So a settlement or a release that comes twice counts once, and what
//! a crashed process held comes free by itself.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::meter::{Meter, Payer};
use crate::gateway::store::StoreError;

/// What a call may take of one meter: `fixed`, and `per_unit` thousandths for each unit granted, rounded up. Units are
/// output tokens, so one grant decides the tokens and the money of all layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Whatever the answer will be.
    pub fixed: u64,
    /// For each unit of it, in thousandths.
    pub per_unit: u64,
}

impl Amount {
    /// One call.
    pub const ONE: Self = Self { fixed: 1, per_unit: 0 };

    /// The whole amount at so many units.
    #[must_use]
    pub fn at(self, units: u64) -> u64 {
        let variable = (u128::from(self.per_unit) * u128::from(units)).div_ceil(1_000);
        self.fixed.saturating_add(u64::try_from(variable).unwrap_or(u64::MAX))
    }

    /// The most units whose whole amount is at most `available`; `None` when not even the fixed part is.
    #[must_use]
    pub fn units_within(self, available: u64) -> Option<u64> {
        let rest = available.checked_sub(self.fixed)?;
        if self.per_unit == 0 {
            return Some(u64::MAX);
        }
        Some(u64::try_from(u128::from(rest) * 1_000 / u128::from(self.per_unit)).unwrap_or(u64::MAX))
    }
}

/// How a demand takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// For good: it is used from now on, in every meter of this measure and window that concerns the payer, and once
    /// however many demands of the lease say so. Not for models, which nobody knows yet; and never settled again by a charge.
    Spend,
    /// Until it is settled or released.
    Hold,
}

/// One layer's part of a take.
#[derive(Debug, Clone)]
pub struct Demand {
    /// Where it is counted.
    pub meter: Arc<Meter>,
    /// What may be used and held together; `None`: it is only counted and never refuses.
    pub limit: Option<u64>,
    /// How much.
    pub amount: Amount,
    /// How.
    pub taking: Taking,
}

/// A wish of one call, over all of its layers.
#[derive(Debug, Clone)]
pub struct Take {
    /// The lease; one that exists is added to, and lives again if its time was over. Payer and admission are the same
    /// in all takes of a lease.
    pub lease: Uuid,
    /// The call, which its records name; each lease has its own.
    pub operation: Uuid,
    /// Who pays.
    pub payer: Arc<Payer>,
    /// When the call was admitted, in Unix milliseconds: that decides the windows of all it does.
    pub admitted_at: i64,
    /// When the lease ends by itself, in Unix milliseconds.
    pub expires_at: i64,
    /// The layers, in the order in which they refuse. Several may name one meter, each with its own limit: the call
    /// counts once there, at the greatest amount.
    pub demands: Vec<Demand>,
    /// How many units.
    pub units: Units,
}

/// How many units a call is of use with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units {
    /// Fewer are of no use.
    pub least: u64,
    /// As many as such calls mostly need: granted where they fit, whatever that leaves to others.
    pub usual: u64,
    /// More are not wished for.
    pub most: u64,
}

impl Units {
    /// So many and no others.
    #[must_use]
    pub const fn exactly(units: u64) -> Self {
        Self { least: units, usual: units, most: units }
    }
}

/// How a meter stands in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Settled. May be above a limit: that is a debt.
    pub used: u64,
    /// Held by calls under way.
    pub reserved: u64,
    /// When the window ends, in Unix milliseconds.
    pub resets_at: Option<i64>,
}

impl Standing {
    /// What is left of `limit`.
    #[must_use]
    pub const fn remaining(&self, limit: u64) -> u64 {
        limit.saturating_sub(self.used).saturating_sub(self.reserved)
    }
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The units granted.
    pub units: u64,
    /// How each demand's meter stands now, what was taken included.
    pub standings: Vec<Standing>,
}

/// Why nothing was taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Denied {
    /// A layer has too little left.
    #[error("demand {demand} does not fit")]
    Full {
        /// Which of the demands: the first that refuses.
        demand: usize,
        /// How its meter stands.
        standing: Standing,
    },
    /// The counters cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an attempt used of its lease, in every measure.
#[derive(Debug, Clone)]
pub struct Charge {
    /// The lease.
    pub lease: Uuid,
    /// What is settled: an attempt, or the call itself. Unique in the lease: the same one counts once.
    pub entry: Uuid,
    /// The model that it was used on.
    pub model: Arc<str>,
    /// Calls.
    pub requests: u64,
    /// Tokens.
    pub tokens: u64,
    /// Nano-dollars.
    pub money: u64,
}

/// What is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Leases that have not ended.
    pub leases: u64,
    /// When the oldest of them was admitted, in Unix milliseconds.
    pub oldest: Option<i64>,
    /// Calls held, over all meters.
    pub concurrency: u64,
    /// Tokens held, over all meters.
    pub tokens: u64,
    /// Nano-dollars held, over all meters.
    pub money: u64,
    /// Meters in memory.
    pub meters: u64,
}

/// Counters behind one interface: `limits/memory.rs` for one process, and what replicas share later. Every one of them
/// passes the same suite.
#[async_trait]
pub trait Counters: Send + Sync + 'static {
    /// Takes every demand, or none of them.
    ///
    /// The units granted are as many as are wished for, but no more than leave seven eighths of what each limited meter
    /// has left to others; yet as many as are usual where they fit, and no fewer than are of use. A demand without a limit never refuses, nor does one that
    /// takes nothing at the fewest units: a free model passes an exhausted budget.
    ///
    /// A meter of a minute is named by every call of its subject, with or without a limit; the others by those whose
    /// limits they are. They count all that concerns them either way.
    ///
    /// # Errors
    /// [`Denied::Full`] for the first demand that does not fit at the fewest units, with its standing before the take;
    /// [`Denied::Store`] when the ledger cannot say what was used before.
    async fn take(&self, take: Take) -> Result<Grant, Denied>;
    /// Replaces what a lease holds by what was used: in every meter that counts the charge, named by a demand or not.
    /// Never fails, and may leave a debt; what is held beyond it stays held for further attempts. Counted once for
    /// each entry, and for a day after the lease's time is over, but not after its release: the attempt's record goes
    /// to the ledger, and its charge here, before that. Gives how the meters stand that it was counted in; counters that
    /// settle in the background give none.
    fn settle(&self, charge: Charge) -> Vec<(Arc<Meter>, Standing)>;
    /// Puts the end of a lease off; one that has ended stays so.
    fn renew(&self, lease: Uuid, expires_at: i64);
    /// Ends a lease: what it still holds comes free, and what it spent stays. Idempotent.
    fn release(&self, lease: Uuid);
    /// How meters stand.
    ///
    /// # Errors
    /// When the counters cannot answer.
    async fn standings(&self, meters: Vec<Arc<Meter>>, now: i64) -> Result<Vec<Standing>, StoreError>;
    /// Ends the leases whose time is over, and forgets meters that nobody needs; gives how many leases it ended. To be
    /// called every few seconds.
    fn sweep(&self, now: i64) -> usize;
    /// What is under way.
    fn gauges(&self) -> Gauges;
}

/// What the ledger knows of a meter's window.
#[derive(Debug, Clone)]
pub struct Question {
    /// The meter.
    pub meter: Arc<Meter>,
    /// Its first instant, in Unix milliseconds.
    pub from: i64,
    /// The one after its last.
    pub to: i64,
}

/// Where the truth is: counters in memory are only as old as their process.
#[async_trait]
pub trait Truth: Send + Sync + 'static {
    /// Sums what committed records say of each question, after everything settled before this call is committed, and
    /// without the records of `except`, which are calls still under way.
    ///
    /// # Errors
    /// When the ledger cannot answer.
    async fn spent(&self, questions: Vec<Question>, except: Vec<Uuid>) -> Result<Vec<u64>, StoreError>;
}
