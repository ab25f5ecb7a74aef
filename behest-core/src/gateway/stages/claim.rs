//! `Idempotency-Key`: a call that is repeated gets the answer that its first had.

use std::mem::discriminant;

use axum::body::Body;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::gateway::context::ModelRequest;
use crate::gateway::idempotency::{Claim, Claimed, IdempotencyKey, Kept, Scope};
use crate::gateway::refusal::{Refusal, Refuse};
use crate::types::problem::Code;

/// Why a key does not lead to an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// The first call is still under way.
    #[error("the call with this Idempotency-Key is still under way: ask for its answer again in a moment")]
    UnderWay,
    /// The key was used for something else.
    #[error("this Idempotency-Key came before with another body: use a new key for each call")]
    OtherBody,
}

impl Refuse for ClaimError {
    fn code(&self) -> Code {
        match self {
            Self::OtherBody => Code::ValidationError,
            Self::UnderWay => Code::Conflict,
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::OtherBody => 422,
            Self::UnderWay => self.code().status(),
        }
    }

    fn param(&self) -> Option<&str> {
        Some("Idempotency-Key")
    }

    fn retry_after(&self) -> Option<u64> {
        matches!(self, Self::UnderWay).then_some(1)
    }

    fn should_retry(&self) -> Option<bool> {
        matches!(self, Self::UnderWay).then_some(true)
    }
}

/// The first call with a key, or one without; or the answer to one that came before.
pub enum Claiming {
    /// The call is to be made; its answer is kept where a key came.
    First(Option<Claimed>),
    /// The answer.
    Repeated(Response),
}

/// Takes the request's key, if it has one.
pub fn claim(gateway: &Gateway, request: &ModelRequest) -> Result<Claiming, Refusal> {
    let Some(IdempotencyKey { key, digest }) = &request.idempotency else {
        return Ok(Claiming::First(None));
    };
    let principal = &request.caller.principal;
    let scope = Scope {
        project: principal.project,
        user: principal.user.clone(),
        operation: discriminant(&request.operation),
        key: key.clone(),
    };
    match gateway.answers().claim(scope, *digest) {
        Claim::First(claimed) => Ok(Claiming::First(Some(claimed))),
        Claim::Answered(stored) => {
            let mut response = Response::new(Body::from(stored.body.clone()));
            *response.status_mut() = stored.status;
            *response.headers_mut() = stored.headers.clone();
            Ok(Claiming::Repeated(response))
        }
        Claim::UnderWay => Err(ClaimError::UnderWay.into()),
        Claim::OtherBody => Err(ClaimError::OtherBody.into()),
    }
}

/// Keeps the answer while it goes out, where a key came.
#[must_use]
pub fn keep(claimed: Option<Claimed>, response: Response) -> Response {
    match claimed {
        Some(claimed) => Kept::response(response, claimed),
        None => response,
    }
}
