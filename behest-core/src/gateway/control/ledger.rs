//! The ledger's upkeep, for the operator: costs reckoned again, and the check of every rule.

use uuid::Uuid;

use super::access::Admin;
use super::{ControlError, projects};
use crate::gateway::ledger::money::NanoUsd;
use crate::gateway::ledger::prices::Price;
use crate::gateway::ledger::record::{Recorded, Rerated};
use crate::gateway::ledger::report::{Granularity, UsageFilter};
use crate::gateway::providers::LOCAL;
use crate::gateway::refusal::Refusal;
use crate::gateway::routing::models::ModelTable;
use crate::gateway::store::ledger::{Finding as Broken, LedgerProject, RecordQuery};
use crate::gateway::{Gateway, clock};
use crate::types::ledger::{Finding, Rerate, RerateReport, VerifyReport};

/// Looked at in one step, and changed in one transaction: few enough not to hold up the ledger.
const AT_ONCE: u32 = 500;
/// A check stops here: whoever has so many findings need not know them all.
const MOST_FINDINGS: u32 = 1_000;
/// By then all attempts of a call are recorded.
const SETTLED_AFTER_MS: i64 = 3_600_000;

/// Reckons the costs of records again, by the price lists in force. The first cost of each stays beside the new one.
pub async fn rerate(gateway: &Gateway, admin: Admin, asked: Rerate) -> Result<RerateReport, Refusal> {
    admin.operator_only()?;
    let instant = |field, text: &str| {
        let problem = "must be an RFC 3339 instant such as 2026-01-31T00:00:00Z, or a date".to_owned();
        clock::parse(text).ok_or(ControlError::Field { field, problem })
    };
    let from = instant("since", &asked.since)?;
    let to = asked.until.as_deref().map(|until| instant("until", until)).transpose()?;
    let to = to.unwrap_or_else(clock::now_ms);
    if from >= to {
        let problem = "must be before `until`".to_owned();
        return Err(ControlError::Field { field: "since", problem }.into());
    }
    let projects = match asked.project_id.as_deref() {
        Some(id) => vec![projects::find(gateway, admin, id).await?.row.id],
        None => gateway.store().ledger_projects().await?.iter().map(|project| project.id).collect(),
    };
    let models = gateway.models();
    let (mut records, mut changed, mut before, mut after) = (0, 0, NanoUsd(0), NanoUsd(0));
    for project_id in projects {
        let (granularity, only, group_by) = (Granularity::Whole, Vec::new(), Vec::new());
        let filter = UsageFilter { project_id, from, to, only, granularity, group_by };
        let mut query = RecordQuery { filter, after: None, limit: AT_ONCE };
        loop {
            let page = gateway.store().records(query.clone()).await?;
            let Some(last) = page.last() else { break };
            query.after = Some(last.place());
            let costs: Vec<_> = page.iter().map(|recorded| (recorded, reckon(&models, recorded))).collect();
            for (recorded, again) in &costs {
                records += 1;
                let old = recorded.cost().unwrap_or_default();
                before.0 = before.0.saturating_add(old.0);
                after.0 = after.0.saturating_add(again.as_ref().map_or(old.0, |again| again.cost.0));
            }
            let costs: Vec<_> = costs
                .into_iter()
                .filter_map(|(recorded, again)| Some((recorded.record.attempt_id, again?)))
                .collect();
            changed += costs.len() as u64;
            if !asked.dry_run && !costs.is_empty() {
                gateway.store().rerate(costs).await?;
            }
        }
    }
    if !asked.dry_run {
        tracing::info!(records, changed, "costs were reckoned again");
    }
    Ok(RerateReport {
        records,
        changed,
        before_usd: before.to_decimal(),
        after_usd: after.to_decimal(),
        catalogue_version: models.version().to_owned(),
        dry_run: asked.dry_run,
    })
}

/// What a record costs by the lists in force, if that is not what it costs already. What no list has a price for keeps
/// what it has, and so does what was charged at the ceiling: nobody knows better now.
fn reckon(models: &ModelTable, recorded: &Recorded) -> Option<Rerated> {
    let record = &recorded.record;
    let price = if record.provider == LOCAL {
        Price::free()
    } else {
        let entry = models.resolve(&record.provider, &record.model)?;
        Price::clone(&*entry.price_of(&record.model, record.admitted_at)?)
    };
    let (cost, version) = (price.of(&record.tokens), &*price.version);
    let stands = recorded.cost() == Some(cost) && recorded.price_version() == Some(version);
    (!stands).then(|| Rerated { cost, price_version: version.to_owned(), at: clock::now_ms() })
}

/// Checks every rule of the ledger, and changes nothing.
pub async fn verify(gateway: &Gateway, admin: Admin) -> Result<VerifyReport, Refusal> {
    admin.operator_only()?;
    let settled = clock::now_ms() - SETTLED_AFTER_MS;
    let most = MOST_FINDINGS as usize;
    let (mut days, mut findings) = (0, Vec::new());
    let projects = gateway.store().ledger_projects().await?;
    'projects: for project in &projects {
        let LedgerProject { id, is_known, .. } = project;
        if !is_known {
            let problem = "there is no such project".to_owned();
            findings.push(finding(*id, Broken { rule: "project", at: id.to_string(), problem }));
        }
        for day in gateway.store().ledger_days(*project).await? {
            // One more than is told tells whether there are more.
            let left = (most + 1).saturating_sub(findings.len());
            if left == 0 {
                break 'projects;
            }
            days += 1;
            let limit = u32::try_from(left).unwrap_or(MOST_FINDINGS);
            let of_day = gateway.store().verify_day(*id, day, settled, limit).await?;
            findings.extend(of_day.into_iter().map(|broken| finding(*id, broken)));
        }
    }
    let is_cut = findings.len() > most;
    findings.truncate(most);
    Ok(VerifyReport { projects: projects.len() as u64, days, findings, is_cut })
}

fn finding(project: Uuid, broken: Broken) -> Finding {
    let Broken { rule, at, problem } = broken;
    Finding { project_id: project.to_string(), rule: rule.to_owned(), at, problem }
}
