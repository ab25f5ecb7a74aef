//! Takes what is in the outbox to the webhooks. Each has a courier of its own, so a slow one delays nobody else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::address;
use super::schedule::next_try;
use super::secrets;
use crate::gateway::auth::seal::Sealer;
use crate::gateway::clock;
use crate::gateway::providers::exchange;
use crate::gateway::providers::http::HttpClients;
use crate::gateway::store::webhooks::{DeliveryRow, WebhookRow};
use crate::gateway::store::{Store, StoreError};

/// How many deliveries to one webhook may be under way.
const AT_ONCE: u32 = 4;
/// How long an address has for its answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How soon the store is asked again after it failed.
const RETRY: Duration = Duration::from_secs(5);
/// How long nothing is looked at when there is no news.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The couriers' master.
pub(super) struct Couriers {
    pub store: Arc<dyn Store>,
    pub sealer: Arc<Sealer>,
    pub http: HttpClients,
    /// Changes when there is something new in the outbox or among the webhooks.
    pub news: watch::Sender<()>,
}

/// What a try brought.
#[derive(Default)]
struct Outcome {
    status: Option<u16>,
    error: Option<String>,
    retry_after: Option<u64>,
}

impl Couriers {
    /// Keeps a courier for each webhook, until dropped.
    pub(super) async fn run(self: Arc<Self>) {
        let mut news = self.news.subscribe();
        let mut couriers: HashMap<Uuid, AbortOnDropHandle<()>> = HashMap::new();
        loop {
            let wait = match self.store.webhooks().await {
                Ok(rows) => {
                    let active = rows.iter().filter(|row| row.disabled_at.is_none());
                    let active: HashSet<Uuid> = active.map(|row| row.id).collect();
                    couriers.retain(|id, courier| active.contains(id) && !courier.is_finished());
                    for id in active {
                        couriers.entry(id).or_insert_with(|| {
                            AbortOnDropHandle::new(tokio::spawn(Arc::clone(&self).serve(id)))
                        });
                    }
                    LONGEST
                }
                Err(error) => {
                    tracing::warn!(%error, "webhooks wait for the store");
                    RETRY
                }
            };
            // Either way there is reason to look again.
            let _ = tokio::time::timeout(wait, news.changed()).await;
        }
    }

    /// One webhook's courier.
    async fn serve(self: Arc<Self>, id: Uuid) {
        let mut news = self.news.subscribe();
        loop {
            news.mark_unchanged();
            let wait = match self.round(id).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, webhook = %id, "deliveries wait for the store");
                    RETRY
                }
            };
            let _ = tokio::time::timeout(wait, news.changed()).await;
        }
    }

    /// Delivers what is due; gives how long there is nothing more to do.
    async fn round(&self, id: Uuid) -> Result<Duration, StoreError> {
        loop {
            let Some(webhook) = self.store.webhook(id).await?.filter(|row| row.disabled_at.is_none()) else {
                return Ok(LONGEST);
            };
            let due = self.store.due_deliveries(id, clock::now_ms(), AT_ONCE).await?;
            if due.is_empty() {
                break;
            }
            try_join_all(due.into_iter().map(|delivery| self.deliver(&webhook, delivery))).await?;
        }
        let next = self.store.next_delivery(id).await?;
        let wait = next.map(|at| Duration::from_millis(u64::try_from(at - clock::now_ms()).unwrap_or(0)));
        Ok(wait.map_or(LONGEST, |wait| wait.min(LONGEST)))
    }

    async fn deliver(&self, webhook: &WebhookRow, mut delivery: DeliveryRow) -> Result<(), StoreError> {
        let Outcome { status, error, retry_after } = self.send(webhook, &delivery).await;
        let now = clock::now_ms();
        let gone = status == Some(410);
        delivery.tries += 1;
        delivery.last_at = Some(now);
        delivery.last_status = status;
        delivery.last_error = error;
        delivery.delivered = status.is_some_and(|status| (200..300).contains(&status));
        let again = if delivery.delivered || gone {
            None
        } else {
            next_try(delivery.tries, retry_after, fastrand::f64())
        };
        delivery.next_at = again.map(|wait| now + wait);
        if !delivery.delivered && again.is_none() {
            // Never the address: its path may be as good as a credential.
            tracing::error!(
                webhook = %webhook.id, event = %delivery.event, tries = delivery.tries, status,
                error = delivery.last_error, "an event could not be delivered and is given up"
            );
        }
        self.store.note_delivery(delivery).await?;
        if gone {
            tracing::warn!(webhook = %webhook.id, "a webhook's address answered 410: nothing more is sent there");
            self.store.disable_webhook(webhook.id, now).await?;
        }
        Ok(())
    }

    async fn send(&self, webhook: &WebhookRow, delivery: &DeliveryRow) -> Outcome {
        let failed = |error: &str| Outcome { error: Some(error.to_owned()), ..Outcome::default() };
        let request = match self.request(webhook, delivery) {
            Ok(request) => request,
            Err(error) => return failed(error),
        };
        match tokio::time::timeout(PATIENCE, self.http.to(webhook.local).request(request)).await {
            Ok(Ok(response)) => Outcome {
                status: Some(response.status().as_u16()),
                error: None,
                retry_after: exchange::retry_after(response.headers()),
            },
            Ok(Err(error)) => failed(&exchange::root_of(&error)),
            Err(_) => failed("there was no answer within 15 seconds"),
        }
    }

    fn request(
        &self,
        webhook: &WebhookRow,
        delivery: &DeliveryRow,
    ) -> Result<Request<Full<Bytes>>, &'static str> {
        let url = address::check(&webhook.url, webhook.local).map_err(|_| "the address is not allowed")?;
        let signer = secrets::open(webhook, &self.sealer).ok_or("the secret cannot be read: add it again")?;
        let (id, timestamp) = (delivery.event.to_string(), clock::now_seconds());
        let signature = signer.sign(&id, timestamp, &delivery.body);
        Request::builder()
            .method(Method::POST)
            .uri(url)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(header::USER_AGENT, concat!("behest/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(Full::new(Bytes::from(delivery.body.clone())))
            .map_err(|_| "the address is no URI")
    }
}
