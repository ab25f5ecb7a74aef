//! The request's way. Every request to a model takes exactly these steps, in this order; each takes the type of the one
//! before it, so a step left out does not compile.

use axum::response::Response;

use super::Gateway;
use super::context::{Configured, Incoming};
use super::refusal::Refusal;
use super::stages::claim::{self, Claiming};
use super::stages::{authenticate, dispatch, locate, read, recall, record, route, select, settings};

/// Answers one chat request.
///
/// # Errors
/// The refusal of the stage that would not let it pass.
pub async fn chat(gateway: &Gateway, incoming: Incoming) -> Result<Response, Refusal> {
    let configured = caller(gateway, incoming).await?; //           who calls, and by which rules
    let request = read::read(gateway, configured).await?; //        body          -> ModelRequest
    // A call with an Idempotency-Key that was answered before is not made again.
    let claimed = match claim::claim(gateway, &request)? {
        Claiming::First(claimed) => claimed,
        Claiming::Repeated(response) => return Ok(response),
    };
    let selected = select::select(gateway, request).await?; //      model name    -> Choice
    let turn = recall::recall(gateway, selected).await?; //         memory        -> Turn
    let plan = route::route(gateway, turn)?; //                     keys, prices  -> Plan
    let reply = dispatch::dispatch(gateway, plan).await?; //        providers     -> Reply
    let response = record::record(gateway, reply).await?; //        the ledger, and the answer
    Ok(claim::keep(claimed, response))
}

/// Answers one request for embeddings: the same way, without a conversation.
///
/// # Errors
/// The refusal of the stage that would not let it pass.
pub async fn embeddings(gateway: &Gateway, incoming: Incoming) -> Result<Response, Refusal> {
    let configured = caller(gateway, incoming).await?;
    let request = read::read_embeddings(gateway, configured).await?;
    let claimed = match claim::claim(gateway, &request)? {
        Claiming::First(claimed) => claimed,
        Claiming::Repeated(response) => return Ok(response),
    };
    let selected = select::select(gateway, request).await?;
    let turn = recall::nothing(selected);
    let plan = route::route(gateway, turn)?;
    let reply = dispatch::dispatch(gateway, plan).await?;
    let response = record::record(gateway, reply).await?;
    Ok(claim::keep(claimed, response))
}

/// Recognises the caller of any data-plane request.
///
/// # Errors
/// The refusal of the stage that would not let it pass.
pub async fn caller(gateway: &Gateway, incoming: Incoming) -> Result<Configured, Refusal> {
    let located = locate::locate(gateway, incoming).await?; //      Host          -> Located
    let known = authenticate::authenticate(gateway, located).await?; // Bearer    -> Known
    Ok(settings::settings(known)) //                                project       -> Configured
}
