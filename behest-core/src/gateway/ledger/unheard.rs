//! What a provider has written of a stream that nobody heard: it goes on until it notices that nobody listens, and it
//! bills for that. Nobody can know how much it was, so this errs on the side of the bill.

use std::time::Duration;

use tokio::time::Instant;

/// Tokens a second of a model that has not shown how fast it is: more than most write.
const USUAL_RATE: u64 = 100;
/// How long it takes a provider to notice. What came within less than this tells of no rate.
const NOTICE: Duration = Duration::from_millis(250);

/// How fast a stream comes.
#[derive(Debug)]
pub struct Pace {
    sent: Instant,
    /// When its first and its last words came.
    heard: Option<(Instant, Instant)>,
    /// Tokens of its largest event.
    largest: u64,
}

impl Pace {
    /// Of an answer that was asked for now.
    #[must_use]
    pub fn begin() -> Self {
        Self { sent: Instant::now(), heard: None, largest: 0 }
    }

    /// An event of so many tokens came.
    pub fn hear(&mut self, tokens: u64) {
        let now = Instant::now();
        let (first, _) = self.heard.unwrap_or((now, now));
        self.heard = Some((first, now));
        self.largest = self.largest.max(tokens);
    }

    /// What was written beyond the `heard` tokens, if nobody listens from now on: one more event of the largest size,
    /// and as much as comes at this pace in the silence before now and until the provider notices. A model that has
    /// said nothing yet may be thinking, which is billed as well.
    #[must_use]
    pub fn unheard(&self, heard: u64) -> u64 {
        let (first, last) = self.heard.unwrap_or((self.sent, self.sent));
        let rate = per_second(heard, (last - first).max(NOTICE)).max(USUAL_RATE);
        let silence = milliseconds(last.elapsed() + NOTICE);
        self.largest.saturating_add(rate.saturating_mul(silence).div_ceil(1_000))
    }
}

fn per_second(tokens: u64, time: Duration) -> u64 {
    tokens.saturating_mul(1_000) / milliseconds(time).max(1)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_provider_may_be_thinking() {
        let pace = Pace::begin();
        assert_eq!(pace.unheard(0), 25, "until it notices");
        advance(Duration::from_secs(10)).await;
        assert_eq!(pace.unheard(0), 1_025);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_goes_on_at_its_own_pace() {
        let mut pace = Pace::begin();
        advance(Duration::from_secs(10)).await;
        for _ in 0..100 {
            advance(Duration::from_millis(20)).await;
            pace.hear(8);
        }
        // 800 tokens in 1.98 s are 404 a second: 101 of them in a quarter of one, and one more event.
        assert_eq!(pace.unheard(800), 101 + 8);
        advance(Duration::from_millis(750)).await;
        assert_eq!(pace.unheard(800), 404 + 8);
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_at_once_tells_of_at_most_as_much_again() {
        let mut pace = Pace::begin();
        pace.hear(500);
        assert_eq!(pace.unheard(500), 500 + 500);
    }
}
