//! Usage and billing: sums over the ledger, within one project.

use axum::extract::{Request, State};
use axum::response::Response;
use uuid::Uuid;

use super::data::caller;
use crate::gateway::context::{Caller, CredentialKind, Incoming};
use crate::gateway::control::{ControlError, access, projects};
use crate::gateway::ledger::record::KeySource;
use crate::gateway::ledger::report::{Granularity, GroupBy, Sums, UsageFilter, UsageRow};
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::edge::EdgeError;
use crate::gateway::serve::extract::{Captured, Query};
use crate::gateway::serve::respond;
use crate::gateway::{Gateway, clock};
use crate::types::mint::Role;
use crate::types::problem::Problem;
use crate::types::usage::{
    BilledModel, BillingReport, BillingSide, BillingWindow, UsageBucket, UsageReport, UsageTotals,
};

/// How far back a query reaches when it does not say.
const DEFAULT_WINDOW_DAYS: i64 = 30;
/// A report above this many buckets is refused rather than cut.
const MAX_BUCKETS: i64 = 50_000;

/// Reports what was used, by bucket of time
///
/// A user sees itself only; an API key sees its project, or with `X-End-User-Id` that user.
#[utoipa::path(
    get, path = "/v1/usage", tag = "data plane", operation_id = "getUsage",
    params(
        ("from" = Option<String>, Query, description = "First instant; 30 days ago when absent"),
        ("to" = Option<String>, Query, description = "Instant after the last; now when absent"),
        ("granularity" = Option<String>, Query, description = "minute, hour or day"),
        ("user_id" = Option<String>, Query, description = "One end user"),
        ("session_id" = Option<String>, Query, description = "One session"),
        ("model" = Option<String>, Query, description = "One model"),
        ("group_by" = Option<String>, Query, description = "model, provider, user_id, session_id, thread_id, api_key_id, tier, status or tag:NAME"),
        ("X-End-User-Id" = Option<String>, Header, description = "The end user, with an API key"),
    ),
    responses((status = 200, description = "The report", body = UsageReport), (status = "4XX", description = "Refused", body = Problem)),
    security(("bearer" = []))
)]
pub async fn get_usage(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (caller, query) = caller(&gateway, request).await?;
    let filter = filter(&query, caller.principal.project, visible_user(&caller, query.get("user_id"))?)?;
    report(&gateway, filter).await
}

/// Reports what a project used, every user included
#[utoipa::path(
    get, path = "/v1/projects/{id}/usage", tag = "control plane", operation_id = "getProjectUsage",
    params(
        ("id" = String, Path, description = "The project's id or slug"),
        ("from" = Option<String>, Query, description = "First instant; 30 days ago when absent"),
        ("to" = Option<String>, Query, description = "Instant after the last; now when absent"),
        ("granularity" = Option<String>, Query, description = "minute, hour or day"),
        ("user_id" = Option<String>, Query, description = "One end user"),
        ("session_id" = Option<String>, Query, description = "One session"),
        ("model" = Option<String>, Query, description = "One model"),
        ("group_by" = Option<String>, Query, description = "model, provider, user_id, session_id, thread_id, api_key_id, tier, status or tag:NAME"),
    ),
    responses((status = 200, description = "The report", body = UsageReport), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = []))
)]
pub async fn get_project_usage(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let incoming = Incoming::from_request(request);
    let admin = access::admin(&gateway, &incoming.head).await?;
    let project = projects::find(&gateway, admin, captured.at(0)).await?;
    let query = Query::of(&incoming.head);
    let user = query.get("user_id").map(str::to_owned);
    report(&gateway, filter(&query, project.row.id, user)?).await
}

/// Reports what was paid with whose keys
#[utoipa::path(
    get, path = "/v1/billing/usage", tag = "data plane", operation_id = "getBillingUsage",
    params(
        ("from" = Option<String>, Query, description = "First instant; 30 days ago when absent"),
        ("to" = Option<String>, Query, description = "Instant after the last; now when absent"),
        ("X-End-User-Id" = Option<String>, Header, description = "The end user, with an API key"),
    ),
    responses((status = 200, description = "The bill", body = BillingReport), (status = "4XX", description = "Refused", body = Problem)),
    security(("bearer" = []))
)]
pub async fn get_billing_usage(
    State(gateway): State<Gateway>,
    request: Request,
) -> Result<Response, Refusal> {
    let (caller, query) = caller(&gateway, request).await?;
    let filter = filter(&query, caller.principal.project, visible_user(&caller, query.get("user_id"))?)?;
    let mut bill = BillingReport {
        project_id: filter.project_id.to_string(),
        window: BillingWindow { from: clock::rfc3339(filter.from), to: clock::rfc3339(filter.to) },
        platform: BillingSide::default(),
        byok: BillingSide::default(),
    };
    let (mut platform, mut byok) = (Sums::default(), Sums::default());
    for row in gateway.store().billing(filter).await? {
        let (side, sums) = match row.key_source {
            KeySource::Platform => (&mut bill.platform, &mut platform),
            KeySource::Byok => (&mut bill.byok, &mut byok),
        };
        side.by_model.push(BilledModel { model: row.model, totals: totals(row.sums) });
        *sums += row.sums;
    }
    bill.platform.totals = totals(platform);
    bill.byok.totals = totals(byok);
    Ok(respond::ok(&bill))
}

/// Whose records the caller sees: everybody's, or one user's.
fn visible_user(caller: &Caller, asked: Option<&str>) -> Result<Option<String>, ControlError> {
    let principal = &caller.principal;
    let own = principal.user.as_deref();
    let sees_all = match principal.credential {
        // With X-End-User-Id the key speaks for that user.
        CredentialKind::ApiKey { .. } => own.is_none(),
        CredentialKind::Minted | CredentialKind::Local { .. } => principal.role > Role::User,
    };
    match (sees_all, asked, own) {
        (true, asked, _) => Ok(asked.map(str::to_owned)),
        (false, Some(asked), Some(own)) if asked != own => {
            Err(ControlError::Forbidden("a user sees its own usage only"))
        }
        (false, _, own) => Ok(own.map(str::to_owned)),
    }
}

fn filter(query: &Query, project_id: Uuid, user_id: Option<String>) -> Result<UsageFilter, EdgeError> {
    let bad = |field, problem: String| EdgeError::Query { field, problem };
    let granularity = match query.get("granularity") {
        None => Granularity::default(),
        Some(name) => Granularity::parse(name)
            .ok_or_else(|| bad("granularity", "must be minute, hour or day".to_owned()))?,
    };
    let group_by =
        match query.get("group_by") {
            None => None,
            Some(name) => Some(GroupBy::parse(name).ok_or_else(|| {
                bad("group_by", format!("must be {} or tag:NAME", GroupBy::NAMES.join(", ")))
            })?),
        };
    // One past now, so that a record of this very millisecond is in.
    let to = query.instant("to")?.unwrap_or_else(|| clock::now_ms() + 1);
    let from = query.instant("from")?.unwrap_or(to - DEFAULT_WINDOW_DAYS * 86_400_000);
    if from >= to {
        return Err(bad("from", "must be before `to`".to_owned()));
    }
    if (to - from) / granularity.milliseconds() > MAX_BUCKETS {
        let problem = format!("gives more than {MAX_BUCKETS} buckets in this window: take a longer one");
        return Err(bad("granularity", problem));
    }
    Ok(UsageFilter {
        project_id,
        from,
        to,
        user_id,
        session_id: query.get("session_id").map(str::to_owned),
        model: query.get("model").map(str::to_owned),
        granularity,
        group_by,
    })
}

async fn report(gateway: &Gateway, filter: UsageFilter) -> Result<Response, Refusal> {
    let grouped = filter.group_by.is_some();
    let rows = gateway.store().usage(filter).await?;
    let mut all = Sums::default();
    let bucket = |row: UsageRow| UsageBucket {
        timestamp: clock::rfc3339(row.bucket),
        group: grouped.then(|| row.group.map_or(serde_json::Value::Null, serde_json::Value::String)),
        totals: totals(row.sums),
    };
    let breakdown = rows
        .into_iter()
        .map(|row| {
            all += row.sums;
            bucket(row)
        })
        .collect();
    Ok(respond::ok(&UsageReport { totals: totals(all), breakdown }))
}

fn totals(sums: Sums) -> UsageTotals {
    UsageTotals {
        requests: sums.requests,
        tokens: sums.input + sums.output,
        input_tokens: sums.input,
        output_tokens: sums.output,
        cost_usd: sums.cost.as_usd(),
        unpriced_requests: sums.unpriced,
        estimated_requests: sums.estimated,
    }
}
