//! A stream of server-sent events that is followed on when it breaks off.

use std::time::Duration;

use behest_core::sse::{Event, Framer};
use futures_util::stream::{self, Stream};
use reqwest::{Method, Response};
use tokio::time::sleep;

use super::{Control, ControlError};

/// One event above this is none of the gateway's.
const LARGEST_EVENT: usize = 1024 * 1024;
/// How long to wait before the first new try, and at most.
const WAITS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// What came.
pub enum Followed {
    /// An event.
    Event(Event),
    /// The stream has broken off, and is being opened again.
    BrokenOff,
    /// It is open again.
    GoesOn,
}

/// Follows a stream for ever.
pub struct Follower<'a> {
    control: &'a Control,
    path: Vec<&'a str>,
    query: Vec<(&'a str, Option<&'a str>)>,
    last_id: Option<String>,
    open: Option<(Response, Framer)>,
    wait: Duration,
}

impl<'a> Follower<'a> {
    /// Opens the stream.
    ///
    /// # Errors
    /// [`ControlError`] when there is none.
    pub async fn open(
        control: &'a Control,
        path: &[&'a str],
        query: &[(&'a str, Option<&'a str>)],
    ) -> Result<Self, ControlError> {
        let mut follower = Self {
            control,
            path: path.to_vec(),
            query: query.to_vec(),
            last_id: None,
            open: None,
            wait: WAITS.0,
        };
        follower.open = Some(follower.opened().await?);
        Ok(follower)
    }

    async fn opened(&self) -> Result<(Response, Framer), ControlError> {
        let url = self.control.url(&self.path, &self.query);
        let mut request = self.control.streams.request(Method::GET, url);
        if let Some(id) = &self.last_id {
            request = request.header("last-event-id", id);
        }
        Ok((self.control.begin(request).await?, Framer::new(LARGEST_EVENT)))
    }

    /// What comes, until the gateway does not let the stream go on. Who stops waiting for the next item loses nothing.
    pub fn into_stream(self) -> impl Stream<Item = Result<Followed, ControlError>> + use<'a> {
        stream::try_unfold(self, |mut follower| async move {
            let followed = follower.next().await?;
            Ok(Some((followed, follower)))
        })
    }

    async fn next(&mut self) -> Result<Followed, ControlError> {
        loop {
            let Some((response, framer)) = &mut self.open else {
                sleep(self.wait).await;
                match self.opened().await {
                    Ok(open) => {
                        self.open = Some(open);
                        return Ok(Followed::GoesOn);
                    }
                    Err(error) if is_passing(&error) => self.wait = (self.wait * 2).min(WAITS.1),
                    Err(error) => return Err(error),
                }
                continue;
            };
            let piece = match framer.next_event() {
                Ok(Some(event)) => {
                    self.wait = WAITS.0;
                    if let Some(id) = &event.id {
                        self.last_id = Some(String::from_utf8_lossy(id).into_owned());
                    }
                    return Ok(Followed::Event(event));
                }
                Ok(None) => response.chunk().await.ok().flatten(),
                Err(_) => None,
            };
            let Some(piece) = piece else {
                // However it ended: it is opened again.
                self.open = None;
                return Ok(Followed::BrokenOff);
            };
            framer.push(&piece);
        }
    }
}

/// Whether the gateway may take the next try.
fn is_passing(error: &ControlError) -> bool {
    match error {
        ControlError::Unreachable { .. } | ControlError::Broken { .. } => true,
        ControlError::Refused { status, .. } => matches!(status, 429 | 500..),
        _ => false,
    }
}
