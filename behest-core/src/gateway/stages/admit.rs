//! Requests per minute and per day, and calls under way: every layer at once, or none.

use std::sync::Arc;

use uuid::Uuid;

use crate::gateway::config::FailureMode;
use crate::gateway::context::{Admitted, Allowed, Caller};
use crate::gateway::limits::admission::{Admission, CallId};
use crate::gateway::limits::counters::{Amount, Denied, Take, Taking, Units};
use crate::gateway::limits::exceeded::Exceeded;
use crate::gateway::limits::layers::{self, Layer};
use crate::gateway::limits::meter::{Measure, Payer};
use crate::gateway::limits::reservation::tell_refusal;
use crate::gateway::limits::window::Window;
use crate::gateway::refusal::Refusal;
use crate::gateway::{Gateway, clock};

/// Counts the call, and gives it its place among those under way.
///
/// # Errors
/// The first layer that has none left.
pub async fn admit(gateway: &Gateway, allowed: Allowed) -> Result<Admitted, Refusal> {
    let Allowed { incoming, caller } = allowed;
    let payer = Arc::new(Payer::of(&caller.principal));
    let call = CallId { operation: Uuid::now_v7(), admitted_at: clock::now_ms(), payer };
    let limits = &gateway.config().limits;
    let admission = if limits.enabled {
        let layers = layers::of_requests(&caller.settings.limits, &call.payer);
        match take(gateway, &caller, &call, &layers).await {
            Ok(()) => Admission::new(call, Some(Arc::clone(gateway.counters()))),
            Err(Refusal::Store(error)) if limits.when_unavailable.requests == FailureMode::Open => {
                tracing::warn!(%error, "requests cannot be counted, and pass");
                Admission::new(call, None)
            }
            Err(refusal) => return Err(refusal),
        }
    } else {
        Admission::new(call, None)
    };
    Ok(Admitted { incoming, caller, admission: Arc::new(admission) })
}

async fn take(gateway: &Gateway, caller: &Caller, call: &CallId, layers: &[Layer]) -> Result<(), Refusal> {
    // A request of this minute is used however the call ends; one of the day, once a provider is asked.
    let taking = |layer: &Layer| match (layer.meter.measure, layer.meter.window) {
        (Measure::Requests, Window::Minute) => Taking::Spend,
        _ => Taking::Hold,
    };
    let take = Take {
        lease: call.operation,
        operation: call.operation,
        payer: Arc::clone(&call.payer),
        admitted_at: call.admitted_at,
        expires_at: call.admitted_at.saturating_add(gateway.config().lease_ms()),
        demands: layers.iter().map(|layer| layer.demand(Amount::ONE, taking(layer))).collect(),
        units: Units::default(),
    };
    let sees = caller.sees();
    match gateway.counters().take(take).await {
        Ok(grant) => {
            for (layer, standing) in layers.iter().zip(&grant.standings) {
                caller.trace.rates.note(layer, standing, sees.wide);
            }
            Ok(())
        }
        Err(Denied::Full { demand, standing }) => {
            let layer = &layers[demand];
            caller.trace.rates.note(layer, &standing, sees.wide);
            let exceeded = Exceeded::new(layer, standing, 1, call.admitted_at, sees);
            let tenant = caller.principal.tenant;
            tell_refusal(gateway.events(), tenant, layer, &exceeded, false, call.admitted_at);
            Err(exceeded.into())
        }
        Err(Denied::Store(error)) => Err(error.into()),
    }
}
