//! The provider: asked, asked again where that may help, and cancelled when nobody waits any more.

use std::time::Duration;

use futures_util::StreamExt as _;
use uuid::Uuid;

use crate::gateway::Gateway;
use crate::gateway::context::{Content, Plan, Reply};
use crate::gateway::ledger::attempt::{Attempt, settled};
use crate::gateway::ledger::record::Outcome;
use crate::gateway::providers::{Answer, ChatCall, ProviderError, ProviderFailure, adapter};
use crate::gateway::refusal::{Refusal, Refuse};
use crate::gateway::store::StoreError;
use crate::types::problem::Code;

/// How often a provider is asked for one call.
const MAX_ATTEMPTS: u32 = 3;
/// A provider that wants a longer pause than this is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long a call waits for its place in the ledger.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why no provider was asked.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The gateway is going down.
    #[error("the gateway is shutting down")]
    Draining,
}

impl Refuse for DispatchError {
    fn code(&self) -> Code {
        Code::Unavailable
    }
}

/// Asks the provider. Each attempt has its own record; a client that goes away drops this future, and with it the
/// request to the provider and the wait before the next one.
pub async fn dispatch(gateway: &Gateway, mut plan: Plan) -> Result<Reply, Refusal> {
    if gateway.drain().has_begun() {
        return Err(DispatchError::Draining.into());
    }
    let operation_id = Uuid::now_v7();
    let mut attempts = 1;
    loop {
        if !gateway.store().ledger_state().healthy {
            // Paying a provider for what cannot be written down would be spending nobody can account for.
            return Err(StoreError::Unavailable("the ledger cannot be written".to_owned()).into());
        }
        let permit = gateway.journal().permit(PATIENCE).await?;
        let mut attempt =
            Attempt::begin(gateway.store_handle(), gateway.mailbox(), permit, &plan, operation_id)?;
        let asked = tokio::select! {
            biased;
            asked = ask(gateway, &plan) => asked,
            () = gateway.drain().deadline() => {
                settled(attempt.settle(Outcome::Incomplete)).await?;
                return Err(DispatchError::Draining.into());
            }
        };
        match asked {
            Ok(content) => {
                attempt.answered(plan.turn.memory.take());
                return Ok(Reply { plan, attempts, attempt, content });
            }
            Err(error) => {
                let pause = if attempts < MAX_ATTEMPTS { pause_before_next(&error, attempts) } else { None };
                settle_failed(attempt, &error).await?;
                let Some(pause) = pause else {
                    let provider = plan.turn.model.upstream.name.clone();
                    return Err(ProviderFailure { provider, source: error }.into());
                };
                tracing::debug!(error = error.without_words(), attempts, "the provider is asked again");
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = gateway.drain().deadline() => return Err(DispatchError::Draining.into()),
                }
                attempts += 1;
            }
        }
    }
}

async fn ask(gateway: &Gateway, plan: &Plan) -> Result<Content, ProviderError> {
    let upstream = &plan.turn.model.upstream;
    let call = ChatCall {
        upstream,
        model: &plan.turn.model.name,
        body: plan.body.clone(),
        stream: plan.turn.request.stream,
        traceparent: plan.turn.request.head.headers.get("traceparent"),
        http: gateway.http(),
        timeouts: gateway.config().timeouts,
    };
    match adapter(upstream.dialect).chat(call).await? {
        Answer::Whole(whole) => Ok(Content::Whole(whole)),
        Answer::Stream(mut rest) => {
            let first = rest.next().await.transpose()?;
            Ok(Content::Stream { first, rest })
        }
    }
}

async fn settle_failed(mut attempt: Attempt, error: &ProviderError) -> Result<(), Refusal> {
    let outcome = match error {
        ProviderError::TimedOut { .. } => Outcome::TimedOut,
        _ => Outcome::Failed,
    };
    if matches!(
        error,
        ProviderError::Rejected { .. } | ProviderError::Failed { .. } | ProviderError::Unreachable(_)
    ) {
        attempt.refused();
    }
    settled(attempt.settle(outcome)).await?;
    Ok(())
}

/// How long to wait before the provider is asked again; `None` when that would not help.
fn pause_before_next(error: &ProviderError, attempts: u32) -> Option<Duration> {
    let backoff = Duration::from_millis(250) * 2_u32.pow(attempts - 1);
    match error {
        ProviderError::Unreachable(_) | ProviderError::NoAnswer => Some(backoff),
        ProviderError::Failed { status: 408 | 429 | 500 | 502 | 503 | 504 | 529, retry_after, .. } => {
            let wait = retry_after.map_or(backoff, Duration::from_secs);
            (wait <= LONGEST_WAIT).then_some(wait)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let failed =
            |status, retry_after| ProviderError::Failed { status, message: String::new(), retry_after };
        let wait =
            |error: ProviderError, attempts| pause_before_next(&error, attempts).map(|wait| wait.as_millis());
        assert_eq!(wait(failed(503, None), 1), Some(250));
        assert_eq!(wait(failed(503, None), 2), Some(500));
        assert_eq!(wait(failed(429, Some(3)), 1), Some(3_000));
        assert_eq!(wait(failed(429, Some(60)), 1), None);
        assert_eq!(wait(failed(401, None), 1), None);
        assert_eq!(wait(ProviderError::BrokeOff, 1), None);
        assert_eq!(
            wait(
                ProviderError::TimedOut { phase: crate::gateway::providers::Phase::FirstByte, seconds: 1 },
                1
            ),
            None
        );
        assert_eq!(wait(ProviderError::Unreachable(String::new()), 1), Some(250));
    }
}
