//! The request's way. Every request to a model takes exactly these steps, in this order; each takes the type of the one
//! before it, so a step left out does not compile.

use axum::response::Response;

use super::Gateway;
use super::context::{Allowed, Incoming};
use super::refusal::Refusal;
use super::stages::claim::{self, Claiming};
use super::stages::{
    admit, authenticate, dispatch, locate, read, recall, record, reserve, route, select, settings, switches,
};

/// Answers one chat request.
///
/// # Errors
/// The refusal of the stage that would not let it pass.
pub async fn chat(gateway: &Gateway, incoming: Incoming) -> Result<Response, Refusal> {
    let allowed = caller(gateway, incoming).await?; //              who calls, and by which rules
    let admitted = admit::admit(gateway, allowed).await?; //        requests      -> Admitted
    let request = read::read(gateway, admitted).await?; //          body          -> ModelRequest
    // A call with an Idempotency-Key that was answered before is not made again.
    let claimed = match claim::claim(gateway, &request)? {
        Claiming::First(claimed) => claimed,
        Claiming::Repeated(response) => return Ok(response),
    };
    let selected = select::select(gateway, request).await?; //      model name    -> Choice
    let turn = recall::recall(gateway, selected).await?; //         memory        -> Turn
    let plan = route::route(gateway, turn)?; //                     keys, prices  -> Plan
    let reserved = reserve::reserve(gateway, plan).await?; //       tokens, money -> Reserved
    let reply = dispatch::dispatch(gateway, reserved).await?; //    providers     -> Reply
    let response = record::record(gateway, reply).await?; //        the ledger, and the answer
    Ok(claim::keep(claimed, response))
}

/// Answers one request for embeddings: the same way, without a conversation.
///
/// # Errors
/// The refusal of the stage that would not let it pass.
pub async fn embeddings(gateway: &Gateway, incoming: Incoming) -> Result<Response, Refusal> {
    let allowed = caller(gateway, incoming).await?;
    let admitted = admit::admit(gateway, allowed).await?;
    let request = read::read_embeddings(gateway, admitted).await?;
    let claimed = match claim::claim(gateway, &request)? {
        Claiming::First(claimed) => claimed,
        Claiming::Repeated(response) => return Ok(response),
    };
    let selected = select::select(gateway, request).await?;
    let turn = recall::nothing(selected);
    let plan = route::route(gateway, turn)?;
    let reserved = reserve::reserve(gateway, plan).await?;
    let reply = dispatch::dispatch(gateway, reserved).await?;
    let response = record::record(gateway, reply).await?;
    Ok(claim::keep(claimed, response))
}

/// Recognises the caller of any data-plane request.
///
/// # Errors
/// The refusal of the stage that would not let it pass.
pub async fn caller(gateway: &Gateway, incoming: Incoming) -> Result<Allowed, Refusal> {
    let located = locate::locate(gateway, incoming).await?; //      Host          -> Located
    let known = authenticate::authenticate(gateway, located).await?; // Bearer    -> Known
    let configured = settings::settings(known)?; //                 project, tier -> Configured
    Ok(switches::switches(gateway, configured)?) //                 kill switches -> Allowed
}
