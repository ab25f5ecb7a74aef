//! Usage and billing: sums over the ledger, within one project.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Map, Value};

use super::data::caller;
use crate::gateway::context::{Caller, CredentialKind, Incoming};
use crate::gateway::control::{ControlError, access, projects};
use crate::gateway::ledger::record::KeySource;
use crate::gateway::ledger::report::{Dimension, Sums, UsageFilter, UsageRow};
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::extract::{Captured, Query};
use crate::gateway::serve::respond;
use crate::gateway::serve::usage_query::{self, Page};
use crate::gateway::{Gateway, clock};
use crate::types::mint::Role;
use crate::types::problem::Problem;
use crate::types::usage::{
    BilledModel, BillingReport, BillingSide, BillingWindow, UsageBucket, UsageReport, UsageTotals,
};

/// Reports what was used, by bucket of time
///
/// A user sees itself only; an API key sees its project, or with `X-End-User-Id` that user.
#[utoipa::path(
    get, path = "/v1/usage", tag = "data plane", operation_id = "getUsage",
    params(
        ("from" = Option<String>, Query, description = "First instant; 30 days ago when absent"),
        ("to" = Option<String>, Query, description = "Instant after the last; now when absent"),
        ("granularity" = Option<String>, Query, description = "minute, hour, day or total"),
        ("group_by" = Option<String>, Query, description = "model, provider, user_id, session_id, thread_id, api_key_id, tier, status, key_source or tag:NAME, several with commas between; minute, hour or day among them is the granularity"),
        ("user_id" = Option<String>, Query, description = "One end user"),
        ("session_id" = Option<String>, Query, description = "One session"),
        ("thread_id" = Option<String>, Query, description = "One thread"),
        ("model" = Option<String>, Query, description = "One model"),
        ("provider" = Option<String>, Query, description = "One provider"),
        ("tier" = Option<String>, Query, description = "One tier"),
        ("api_key_id" = Option<String>, Query, description = "One API key, by its id"),
        ("status" = Option<String>, Query, description = "ok, cancelled, failed, timed_out, incomplete, cut or lost"),
        ("key_source" = Option<String>, Query, description = "platform or byok"),
        ("tag" = Option<String>, Query, description = "One value of a tag, as NAME:VALUE or NAME=VALUE"),
        ("limit" = Option<u32>, Query, description = "So many rows of the breakdown at once; all of them when absent"),
        ("cursor" = Option<String>, Query, description = "Where the last page ended: its `next`"),
        ("X-End-User-Id" = Option<String>, Header, description = "The end user, with an API key"),
    ),
    responses((status = 200, description = "The report", body = UsageReport), (status = "4XX", description = "Refused", body = Problem)),
    security(("bearer" = []))
)]
pub async fn get_usage(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (caller, query) = caller(&gateway, request).await?;
    let user = visible_user(&caller, query.get("user_id"))?;
    let filter = usage_query::filter(&query, caller.principal.project, user)?;
    report(&gateway, &query, filter).await
}

/// Reports what a project used, every user included
#[utoipa::path(
    get, path = "/v1/projects/{id}/usage", tag = "control plane", operation_id = "getProjectUsage",
    params(
        ("id" = String, Path, description = "The project's id or slug"),
        ("from" = Option<String>, Query, description = "First instant; 30 days ago when absent"),
        ("to" = Option<String>, Query, description = "Instant after the last; now when absent"),
        ("granularity" = Option<String>, Query, description = "minute, hour, day or total"),
        ("group_by" = Option<String>, Query, description = "model, provider, user_id, session_id, thread_id, api_key_id, tier, status, key_source or tag:NAME, several with commas between; minute, hour or day among them is the granularity"),
        ("user_id" = Option<String>, Query, description = "One end user"),
        ("session_id" = Option<String>, Query, description = "One session"),
        ("thread_id" = Option<String>, Query, description = "One thread"),
        ("model" = Option<String>, Query, description = "One model"),
        ("provider" = Option<String>, Query, description = "One provider"),
        ("tier" = Option<String>, Query, description = "One tier"),
        ("api_key_id" = Option<String>, Query, description = "One API key, by its id"),
        ("status" = Option<String>, Query, description = "ok, cancelled, failed, timed_out, incomplete, cut or lost"),
        ("key_source" = Option<String>, Query, description = "platform or byok"),
        ("tag" = Option<String>, Query, description = "One value of a tag, as NAME:VALUE or NAME=VALUE"),
        ("limit" = Option<u32>, Query, description = "So many rows of the breakdown at once; all of them when absent"),
        ("cursor" = Option<String>, Query, description = "Where the last page ended: its `next`"),
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
    report(&gateway, &query, usage_query::filter(&query, project.row.id, user)?).await
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
    let user = visible_user(&caller, query.get("user_id"))?;
    let filter = usage_query::filter(&query, caller.principal.project, user)?;
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

async fn report(gateway: &Gateway, query: &Query, mut filter: UsageFilter) -> Result<Response, Refusal> {
    let page = Page::read(query, &mut filter)?;
    let rows = gateway.store().usage(filter.clone()).await?;
    let mut all = Sums::default();
    rows.iter().for_each(|row| all += row.sums);
    let (rows, next) = page.of(rows, &filter)?;
    let breakdown = rows.into_iter().map(|row| bucket(&filter.group_by, row)).collect();
    Ok(respond::ok(&UsageReport { totals: totals(all), breakdown, next }))
}

fn bucket(group_by: &[Dimension], row: UsageRow) -> UsageBucket {
    let value = |group: Option<String>| group.map_or(Value::Null, Value::String);
    let mut groups = row.groups.into_iter().map(value);
    let group = match group_by {
        [] => None,
        [_] => groups.next(),
        several => {
            let named = several.iter().map(|dimension| dimension.name().into_owned()).zip(groups);
            Some(Value::Object(named.collect::<Map<_, _>>()))
        }
    };
    UsageBucket { timestamp: clock::rfc3339(row.bucket), group, totals: totals(row.sums) }
}

fn totals(sums: Sums) -> UsageTotals {
    UsageTotals {
        requests: sums.requests,
        calls: sums.calls,
        tokens: sums.input + sums.output,
        input_tokens: sums.input,
        output_tokens: sums.output,
        cost_usd: sums.cost.as_usd(),
        unpriced_requests: sums.unpriced,
        estimated_requests: sums.estimated,
    }
}
