//! The access token at hand: asked for once however many calls need it, and anew before it ends.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::watch;
use tokio::time::Instant;

use super::account::{Account, BadAccount, File};
use super::place::Place;
use super::source::{self, Granted, Source};
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::http::HttpClients;
use crate::secret::Secret;

/// So long before its end a token is asked for anew; calls go on under the old one meanwhile.
const EARLY: Duration = Duration::from_secs(300);
/// So long before its end it is used no more: a call takes its time to arrive.
const MARGIN: Duration = Duration::from_secs(30);
/// The pause after a failure, doubled with each one that follows, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The type that stands in a credential for the metadata server. Only the operator's configuration makes one.
pub(super) const METADATA: &str = "metadata_server";

/// A token, ready to send.
#[derive(Clone)]
pub struct Token {
    /// The token itself.
    pub secret: Secret,
    /// The header that carries it.
    pub bearer: HeaderValue,
    /// From when on it is renewed.
    renew_at: Instant,
    /// Until when it is used.
    until: Instant,
}

/// Gives access tokens of one account. Clones share them.
#[derive(Clone)]
pub struct Tokens(Arc<Shared>);

struct Shared {
    source: Source,
    state: Mutex<State>,
}

type Outcome = Result<Token, ProviderError>;

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// The request under way. Its other end lives in the task that asks, whoever of the callers goes away.
    flight: Option<watch::Receiver<Option<Outcome>>>,
    /// The last failure, and until when nobody asks again.
    failed: Option<(Instant, ProviderError)>,
    failures: u32,
}

enum Now {
    Token(Token),
    Failed(ProviderError),
    Wait(watch::Receiver<Option<Outcome>>),
}

impl Tokens {
    /// From a provider's credential, with where Vertex is called under it. `local` allows another token server than
    /// Google's; `platform` the metadata server.
    ///
    /// # Errors
    /// [`BadAccount`] when it cannot be used.
    pub fn read(credential: &Secret, local: bool, platform: bool) -> Result<(Self, Place), BadAccount> {
        let file = File::read(credential)?;
        let (source, place) = if platform && file.kind.as_deref() == Some(METADATA) {
            let place = file.place()?;
            let base_url = file.token_uri.ok_or(BadAccount::Missing { member: "token_uri" })?;
            (Source::Metadata { base_url }, place)
        } else {
            let (account, place) = Account::read(credential, local)?;
            (Source::Account { account, local }, place)
        };
        Ok((Self(Arc::new(Shared { source, state: Mutex::default() })), place))
    }

    /// A token that holds. Whoever finds one never waits; without one all wait for the same request.
    ///
    /// # Errors
    /// Why there is none. After a failure the same error stands for a while, so that an outage is not multiplied.
    pub async fn get(&self, http: &HttpClients) -> Outcome {
        // Twice: the runtime that a request began on may end before it, and take it along.
        for _ in 0..2 {
            let mut flight = match self.look(http) {
                Now::Token(token) => return Ok(token),
                Now::Failed(error) => return Err(error),
                Now::Wait(flight) => flight,
            };
            let landed = flight.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
            if let Ok(Some(outcome)) = landed {
                return outcome;
            }
        }
        Err(ProviderError::Unreachable("the token server: the request was abandoned".to_owned()))
    }

    /// Drops a token that Vertex did not take, unless another one has come since.
    pub fn forget(&self, token: &Token) {
        let mut state = self.state();
        if state.token.as_ref().is_some_and(|current| current.secret == token.secret) {
            state.token = None;
        }
    }

    fn look(&self, http: &HttpClients) -> Now {
        let now = Instant::now();
        let mut state = self.state();
        // Its other end is gone: it will never land.
        if state.flight.as_ref().is_some_and(|flight| flight.has_changed().is_err()) {
            state.flight = None;
        }
        let pausing = state.failed.as_ref().filter(|(until, _)| now < *until).map(|(_, error)| error.clone());
        if let Some(token) = state.token.clone().filter(|token| now < token.until) {
            if now >= token.renew_at && state.flight.is_none() && pausing.is_none() {
                self.ask(&mut state, http);
            }
            return Now::Token(token);
        }
        if let Some(flight) = &state.flight {
            return Now::Wait(flight.clone());
        }
        if let Some(error) = pausing {
            return Now::Failed(error);
        }
        Now::Wait(self.ask(&mut state, http))
    }

    fn ask(&self, state: &mut State, http: &HttpClients) -> watch::Receiver<Option<Outcome>> {
        let (land, flight) = watch::channel(None);
        state.flight = Some(flight.clone());
        let (tokens, http) = (self.clone(), http.clone());
        // A task of its own: the caller that began it may leave, and the others still wait.
        tokio::spawn(async move {
            let outcome = tokens.0.source.ask(&http).await.and_then(|granted| ready(granted, Instant::now()));
            tokens.landed(&outcome);
            // All may have gone.
            let _ = land.send(Some(outcome));
        });
        flight
    }

    fn landed(&self, outcome: &Outcome) {
        let mut state = self.state();
        state.flight = None;
        match outcome {
            Ok(token) => {
                *state = State { token: Some(token.clone()), ..State::default() };
            }
            Err(error) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << state.failures.min(6)).min(LONGEST_PAUSE);
                state.failures = state.failures.saturating_add(1);
                state.failed = Some((Instant::now() + pause, error.clone()));
                tracing::warn!(
                    error = error.without_words(),
                    pause_seconds = pause.as_secs(),
                    "Vertex: no access token could be had"
                );
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Short lives get short margins: a metadata server gives what is left of a token of its own.
fn ready(granted: Granted, now: Instant) -> Outcome {
    let Granted { token, lifetime } = granted;
    let mut bearer =
        HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| source::no_token())?;
    bearer.set_sensitive(true);
    let renew_at = now + lifetime - EARLY.min(lifetime / 2);
    let until = now + lifetime - MARGIN.min(lifetime / 10);
    Ok(Token { secret: token, bearer, renew_at, until })
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokens").finish_non_exhaustive()
    }
}
