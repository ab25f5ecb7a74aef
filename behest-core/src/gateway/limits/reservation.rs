//! What a call may use: set aside in every layer before a provider is asked, extended while it answers, settled by what
//! was used, and given back at its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use uuid::Uuid;

use super::admission::CallId;
use super::budgets;
use super::counters::{Amount, Charge, Counters, Demand, Denied, Grant, Standing, Take, Units};
use super::exceeded::{Exceeded, Sees};
use super::layers::Layer;
use super::meter::{Measure, Meter, Subject};
use crate::gateway::clock;
use crate::gateway::events::{Events, Raised};
use crate::gateway::ledger::money::NanoUsd;
use crate::gateway::ledger::record::{Reserved, Tokens};
use crate::gateway::refusal::{Refusal, Refuse as _};
use crate::types::event::EventKind;
use crate::types::problem::Code;

/// An answer that outgrows what is set aside for it gets as much again, and at least this many tokens at a time.
const SMALLEST_EXTENSION: u64 = 256;

/// One layer with what the call takes of it.
#[derive(Debug, Clone)]
pub struct Share {
    /// The layer.
    pub layer: Layer,
    /// For the prompt, and for each token of the answer.
    pub amount: Amount,
}

/// What is set aside for a call. Dropping it gives back what was not used, whatever path the request took.
pub struct Reservation {
    call: CallId,
    tenant: Uuid,
    /// `None` where nothing is limited.
    counters: Option<Arc<dyn Counters>>,
    events: Arc<Events>,
    lease: Uuid,
    lease_ms: i64,
    shares: Vec<Share>,
    sees: Sees,
    /// Tokens of the prompt that were set aside.
    prompt: u64,
    /// Tokens of the answer that are set aside for one attempt.
    units: AtomicU64,
    /// How many attempts what is set aside is enough for.
    covers: AtomicU64,
    /// The most tokens that an answer may have, where that is less than it could have.
    bound: Option<u64>,
    /// Where the provider itself ends all of the answers, if it was told to.
    end: Option<u64>,
}

/// Everything that a reservation is made of.
pub struct Parts {
    /// The call.
    pub call: CallId,
    /// The tenant, for events.
    pub tenant: Uuid,
    /// Where it is counted.
    pub counters: Option<Arc<dyn Counters>>,
    /// Who is told.
    pub events: Arc<Events>,
    /// How long a lease lasts, in milliseconds.
    pub lease_ms: i64,
    /// The layers.
    pub shares: Vec<Share>,
    /// Which numbers the caller sees.
    pub sees: Sees,
    /// Tokens of the prompt.
    pub prompt: u64,
}

impl Reservation {
    /// Takes `units` tokens of an answer, as few and as many as are of use, with the prompt, in every layer or in none.
    ///
    /// # Errors
    /// The layer that refused.
    pub async fn take(parts: Parts, units: Units) -> Result<(Self, Vec<Standing>), Taken> {
        let mut reservation = Self::new(parts, units.most);
        let amount = |share: &Share| share.amount;
        match reservation.take_more(amount, units).await {
            Ok(Grant { units, standings }) => {
                *reservation.units.get_mut() = units;
                Ok((reservation, standings))
            }
            Err(denied) => Err(Taken { denied, reservation }),
        }
    }

    /// Of a call that passes although the counters cannot answer.
    #[must_use]
    pub fn without(parts: Parts, units: u64) -> Self {
        Self::new(Parts { counters: None, ..parts }, units)
    }

    fn new(parts: Parts, units: u64) -> Self {
        let Parts { call, tenant, counters, events, lease_ms, shares, sees, prompt } = parts;
        Self {
            call,
            tenant,
            counters,
            events,
            lease: Uuid::now_v7(),
            lease_ms,
            shares,
            sees,
            prompt,
            units: AtomicU64::new(units),
            covers: AtomicU64::new(1),
            bound: None,
            end: None,
        }
    }

    /// Lets an answer have at most so many tokens.
    pub const fn bind(&mut self, bound: u64) {
        self.bound = Some(bound);
    }

    /// The provider is told to end the call's answers after so many tokens.
    pub const fn ends_at(&mut self, end: Option<u64>) {
        self.end = end;
    }

    /// Whether the provider itself ends the answers within what is set aside, if it keeps to what it was told.
    #[must_use]
    pub fn ends_by_itself(&self) -> bool {
        self.end.is_some_and(|end| end <= self.units())
    }

    /// The most tokens that an answer may have, where that is less than it could have.
    #[must_use]
    pub const fn bound(&self) -> Option<u64> {
        self.bound
    }

    /// The tokens of the answer that are set aside.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.units.load(Ordering::Relaxed)
    }

    /// How many more tokens of an answer every layer that refuses has room for.
    #[must_use]
    pub fn room(&self, standings: &[Standing]) -> u64 {
        let shares = self.shares.iter().zip(standings).filter(|(share, _)| share.layer.refuses());
        let room = shares.map(|(share, standing)| {
            let more = Amount { fixed: 0, ..share.amount };
            more.units_within(standing.remaining(share.layer.limit)).unwrap_or(0)
        });
        room.min().unwrap_or(u64::MAX)
    }

    /// The tokens of the prompt that were set aside.
    #[must_use]
    pub const fn prompt(&self) -> u64 {
        self.prompt
    }

    /// The call that it is for.
    #[must_use]
    pub const fn call(&self) -> &CallId {
        &self.call
    }

    /// Whether any layer refuses what goes above it.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.counters.is_some() && self.shares.iter().any(|share| share.layer.refuses())
    }

    /// What an attempt may use, for its record.
    #[must_use]
    pub fn reserved(&self, cost: Option<NanoUsd>) -> Option<Reserved> {
        self.counters.is_some().then(|| Reserved { tokens: self.prompt.saturating_add(self.units()), cost })
    }

    /// Makes sure that an attempt has its share: the first has it already, and each one beside or after it that used
    /// something gets one of its own.
    ///
    /// # Errors
    /// The layer that refused, or trouble of the counters.
    pub async fn cover(&self) -> Result<(), Denied> {
        if self.covers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        {
            return Ok(());
        }
        let units = self.units();
        self.take_more(|share| share.amount, Units::exactly(units)).await.map(drop)
    }

    /// Sets aside more for an answer that has outgrown its share.
    ///
    /// # Errors
    /// The layer in which nothing is left.
    pub async fn extend(&self) -> Result<(), Denied> {
        let units = self.units();
        let double = units.max(SMALLEST_EXTENSION);
        // No more than its provider can use, if that keeps to what it was told.
        let wish = match self.end {
            Some(end) if end > units => double.min(end - units),
            _ => double,
        };
        let amount = |share: &Share| Amount { fixed: 0, ..share.amount };
        let units = Units { least: 1, usual: SMALLEST_EXTENSION.min(wish), most: wish };
        let grant = self.take_more(amount, units).await?;
        self.units.fetch_add(grant.units, Ordering::Relaxed);
        Ok(())
    }

    /// An answer ends because it could not be extended: an event tells which layer is used up.
    pub fn tell_cut(&self, denied: Denied) {
        match denied {
            Denied::Full { demand, standing } => drop(self.exceeded(demand, standing, 1, true)),
            Denied::Store(error) => tracing::error!(%error, "an answer could not be extended"),
        }
    }

    /// Settles an attempt: what it used takes the place of what was set aside for it. Never fails.
    pub fn settle(&self, attempt: Uuid, model: &str, tokens: &Tokens, cost: Option<NanoUsd>) {
        let Some(counters) = &self.counters else { return };
        let used = tokens.total_input().saturating_add(tokens.total_output());
        if used == 0 {
            // Its share is untouched: the next attempt has it.
            self.covers.fetch_add(1, Ordering::Relaxed);
        }
        let money = cost.map_or(0, |cost| u64::try_from(cost.0).unwrap_or(0));
        let charge = Charge {
            lease: self.lease,
            entry: attempt,
            model: Arc::from(model),
            requests: 0,
            tokens: used,
            money,
        };
        for (meter, standing) in counters.settle(charge) {
            if meter.measure == Measure::Money {
                self.tell_thresholds(&meter, &standing, money);
            }
        }
    }

    /// Puts the end of its lease off, for an answer that takes long.
    pub fn renew(&self) {
        if let Some(counters) = &self.counters {
            counters.renew(self.lease, self.lease_end());
        }
    }

    /// When its leases end by themselves, counted from now.
    #[must_use]
    pub fn lease_end(&self) -> i64 {
        clock::now_ms().saturating_add(self.lease_ms)
    }

    async fn take_more(&self, amount: impl Fn(&Share) -> Amount, units: Units) -> Result<Grant, Denied> {
        let Some(counters) = &self.counters else {
            return Ok(Grant { units: units.most, standings: Vec::new() });
        };
        let demand =
            |share: &Share| -> Demand { share.layer.demand(amount(share), super::counters::Taking::Hold) };
        let take = Take {
            lease: self.lease,
            operation: self.call.operation,
            payer: Arc::clone(&self.call.payer),
            admitted_at: self.call.admitted_at,
            expires_at: self.lease_end(),
            demands: self.shares.iter().map(demand).collect(),
            units,
        };
        counters.take(take).await
    }

    /// The refusal of one of its layers, which has less left than `least` tokens of an answer take; an event tells of it,
    /// once a minute for each subject.
    #[must_use]
    pub fn exceeded(&self, demand: usize, standing: Standing, least: u64, cut: bool) -> Exceeded {
        // Counters name one of the demands that they were given, and those are made of the shares.
        let share = &self.shares[demand];
        let now = clock::now_ms();
        // What is cut has had its prompt.
        let amount = if cut { Amount { fixed: 0, ..share.amount } } else { share.amount };
        let needed = amount.at(least);
        let exceeded = Exceeded::new(&share.layer, standing, needed, now, self.sees);
        tell_refusal(&self.events, self.tenant, &share.layer, &exceeded, cut, now);
        exceeded
    }

    /// Why an attempt got no share of its own.
    #[must_use]
    pub fn refusal(&self, denied: Denied) -> Refusal {
        match denied {
            Denied::Full { demand, standing } => self.exceeded(demand, standing, self.units(), false).into(),
            Denied::Store(error) => error.into(),
        }
    }

    /// Tells of each threshold of a budget that this charge has crossed.
    fn tell_thresholds(&self, meter: &Arc<Meter>, standing: &Standing, money: u64) {
        let budgets =
            self.shares.iter().filter_map(|share| Some((&share.layer, share.layer.budget.as_ref()?)));
        for (layer, budget) in budgets.filter(|(layer, _)| layer.meter == *meter) {
            let before = standing.used.saturating_sub(money);
            let part = |percent: u8| u128::from(layer.limit) * u128::from(percent);
            for percent in budgets::thresholds(&budget.terms).iter().copied() {
                let is_crossed = u128::from(before) * 100 < part(percent)
                    && u128::from(standing.used) * 100 >= part(percent);
                if !is_crossed {
                    continue;
                }
                let usd = |nano: u64| NanoUsd(i64::try_from(nano).unwrap_or(i64::MAX)).to_decimal();
                let window = meter.window.start(self.call.admitted_at);
                self.events.raise(Raised {
                    kind: EventKind::BudgetThreshold,
                    tenant: Some(self.tenant),
                    project: Some(meter.project),
                    message: format!(
                        "the budget `{}` has reached {percent}%: ${} of ${} are spent",
                        budget.terms.name,
                        usd(standing.used),
                        usd(layer.limit)
                    ),
                    data: json!({
                        "budget": budget.terms.name,
                        "scope": budget.terms.scope,
                        "subject": subject_text(&meter.subject),
                        "percent": percent,
                        "used_usd": NanoUsd(i64::try_from(standing.used).unwrap_or(i64::MAX)).as_usd(),
                        "limit_usd": budget.terms.limit_usd,
                        "resets_at": standing.resets_at.map(clock::rfc3339),
                    }),
                    once: Some(format!(
                        "threshold:{}:{}:{window}:{percent}:{}",
                        budget.id,
                        subject_key(&meter.subject),
                        layer.limit
                    )),
                });
            }
        }
    }
}

/// A take that was denied, with the reservation that it was to be: it holds nothing, and knows its layers.
pub struct Taken {
    /// Why.
    pub denied: Denied,
    /// Which.
    pub reservation: Reservation,
}

/// Raises the event of a refusal: one a minute for each layer and subject.
pub fn tell_refusal(events: &Events, tenant: Uuid, layer: &Layer, exceeded: &Exceeded, cut: bool, now: i64) {
    let kind = match exceeded.code() {
        Code::BudgetExceeded => EventKind::BudgetExceeded,
        _ => EventKind::LimitExceeded,
    };
    let subject = subject_text(&layer.meter.subject);
    let mut data = exceeded.facts();
    data["subject"] = json!(subject);
    data["cut"] = json!(cut);
    let what = if cut { "ended an answer" } else { "refused a call" };
    events.raise(Raised {
        kind,
        tenant: Some(tenant),
        project: Some(layer.meter.project),
        message: format!("{} {what}", exceeded.whose()),
        data,
        once: Some(format!(
            "{}:{}:{}:{}:{}:{}",
            kind.as_str(),
            layer.meter.project,
            layer.name.as_str(),
            layer.budget.as_ref().map(|budget| budget.id.to_string()).unwrap_or_default(),
            subject_key(&layer.meter.subject),
            now.div_euclid(60_000)
        )),
    });
}

/// Whose sum it is, apart from all others of its budget or limit.
#[must_use]
pub fn subject_key(subject: &Subject) -> String {
    let text = subject_text(subject).unwrap_or_default();
    match subject {
        Subject::Session { user: Some(user), .. } => format!("{}:{user}:{text}", user.len()),
        _ => text,
    }
}

/// Whose sum it is, for people.
#[must_use]
pub fn subject_text(subject: &Subject) -> Option<String> {
    match subject {
        Subject::Address(address) => Some(address.to_string()),
        Subject::Project => None,
        Subject::User(text) | Subject::Tier(text) | Subject::Model(text) => Some(text.to_string()),
        Subject::Session { session, .. } => Some(session.to_string()),
        Subject::ApiKey(id) => Some(id.to_string()),
        Subject::Tag { name, value } => Some(format!("{name}={value}")),
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(counters) = &self.counters {
            counters.release(self.lease);
        }
    }
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reservation").field("lease", &self.lease).finish_non_exhaustive()
    }
}
