//! Who sees which events, as a list and as they happen.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::access::Admin;
use super::{ControlError, projects};
use crate::gateway::Gateway;
use crate::gateway::refusal::Refusal;
use crate::gateway::store::events::{EventFilter, EventOrder, EventRow};
use crate::gateway::store::{ProjectScope, StoreError};
use crate::types::control::Page;
use crate::types::event::{Event, EventKind};

/// How many events are read at once by somebody who catches up.
const PAGE: u32 = 100;

/// What a caller asks for, within what it may see.
pub async fn filter(
    gateway: &Gateway,
    admin: Admin,
    project: Option<&str>,
    kinds: Option<&str>,
    since: Option<i64>,
) -> Result<EventFilter, Refusal> {
    let scope = match project {
        Some(project) => ProjectScope::Project(projects::find(gateway, admin, project).await?.row.id),
        None => admin.scope(),
    };
    let kinds = kinds.map_or(Ok(Vec::new()), |kinds| kinds.split(',').map(kind).collect())?;
    Ok(EventFilter { scope, kinds, since })
}

fn kind(name: &str) -> Result<EventKind, ControlError> {
    EventKind::parse(name.trim()).ok_or_else(|| {
        let known: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        ControlError::field("kind", format!("is one or more of {}, with commas between", known.join(", ")))
    })
}

/// Reads an event's id out of a request.
pub fn id(field: &'static str, text: &str) -> Result<Uuid, ControlError> {
    text.trim().parse().map_err(|_| ControlError::field(field, "must be the id of an event"))
}

/// Lists events, newest first.
pub async fn list(
    gateway: &Gateway,
    filter: EventFilter,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Page<Event>, Refusal> {
    let mut rows = gateway.store().events(filter, EventOrder::NewestFirst(before), limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    Ok(Page { data: rows.iter().map(EventRow::to_event).collect(), next })
}

/// Somebody who follows events. What it has not read yet waits in the store and not here.
pub struct Follower {
    gateway: Gateway,
    filter: EventFilter,
    last: Uuid,
    ready: VecDeque<Arc<EventRow>>,
    live: Receiver<Arc<EventRow>>,
    /// The store may have what was not heard live.
    behind: bool,
}

impl Follower {
    /// Follows on after `last`; without it from the filter's `since`, and without that from now on.
    pub fn new(gateway: Gateway, filter: EventFilter, last: Option<Uuid>) -> Self {
        let listening = gateway.events().listen();
        let from_start = filter.since.map(|_| Uuid::nil());
        let last = last.or(from_start);
        let behind = last.is_some();
        let last = last.unwrap_or(listening.newest);
        Self { gateway, filter, last, ready: VecDeque::new(), live: listening.live, behind }
    }

    /// The next event; `None` when there will be no more. Nothing is lost when this is dropped half-way.
    ///
    /// # Errors
    /// When the store cannot answer: following on after the last event then leaves none out.
    pub async fn next(&mut self) -> Result<Option<Arc<EventRow>>, StoreError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.last = event.id;
                return Ok(Some(event));
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            match self.live.recv().await {
                Ok(event) if event.id > self.last && self.filter.shows(&event) => {
                    self.last = event.id;
                    return Ok(Some(event));
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        // First of all: what is told from here on is heard, and what was told before is in the store or in `unstored`.
        let listening = self.gateway.events().listen();
        let order = EventOrder::OldestFirst(self.last);
        let rows = self.gateway.store().events(self.filter.clone(), order, PAGE).await?;
        let whole = rows.len() < PAGE as usize;
        self.ready.extend(rows.into_iter().map(Arc::new));
        if whole {
            let last = self.ready.back().map_or(self.last, |event| event.id);
            let unstored = listening.unstored.into_iter();
            self.ready.extend(unstored.filter(|event| event.id > last && self.filter.shows(event)));
            self.live = listening.live;
            self.behind = false;
        }
        Ok(())
    }
}
