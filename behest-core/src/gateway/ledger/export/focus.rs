//! Records in the columns of FOCUS 1.3, the FinOps Foundation's specification of cost and usage data, Cost and Usage
//! dataset: <https://focus.finops.org/focus-specification/v1-3/>. What it has no column for begins with `x_`.

use serde::Serialize;

use super::super::money::NanoUsd;
use super::super::record::Recorded;
use crate::gateway::clock;
use crate::gateway::limits::window::Window;
use crate::types::mint::Tags;

const HOUR_MS: i64 = 3_600_000;

/// One record.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FocusRow {
    billed_cost: Option<String>,
    billing_account_id: String,
    billing_account_name: Option<String>,
    billing_currency: &'static str,
    billing_period_end: String,
    billing_period_start: String,
    charge_category: &'static str,
    charge_class: Option<String>,
    charge_description: String,
    charge_frequency: &'static str,
    charge_period_end: String,
    charge_period_start: String,
    consumed_quantity: Option<u64>,
    consumed_unit: Option<&'static str>,
    contracted_cost: Option<String>,
    effective_cost: Option<String>,
    host_provider_name: String,
    invoice_issuer_name: String,
    list_cost: Option<String>,
    pricing_quantity: Option<u64>,
    pricing_unit: Option<&'static str>,
    provider_name: String,
    publisher_name: String,
    service_category: &'static str,
    service_name: String,
    service_provider_name: String,
    service_subcategory: &'static str,
    sub_account_id: String,
    sub_account_name: Option<String>,
    sub_account_type: &'static str,
    tags: Tags,
    #[serde(rename = "x_AttemptId")]
    attempt_id: String,
    #[serde(rename = "x_OperationId")]
    operation_id: String,
    #[serde(rename = "x_Attempt")]
    attempt: u32,
    #[serde(rename = "x_AdmittedAt")]
    admitted_at: String,
    #[serde(rename = "x_UserId")]
    user_id: Option<String>,
    #[serde(rename = "x_SessionId")]
    session_id: Option<String>,
    #[serde(rename = "x_Tier")]
    tier: Option<String>,
    #[serde(rename = "x_ApiKeyId")]
    api_key_id: Option<String>,
    #[serde(rename = "x_KeySource")]
    key_source: &'static str,
    #[serde(rename = "x_Status")]
    status: &'static str,
    #[serde(rename = "x_Estimated")]
    estimated: bool,
    #[serde(rename = "x_PriceVersion")]
    price_version: Option<String>,
    #[serde(rename = "x_InputTokens")]
    input_tokens: Option<u64>,
    #[serde(rename = "x_CacheReadTokens")]
    cache_read_tokens: Option<u64>,
    #[serde(rename = "x_CacheWriteTokens")]
    cache_write_tokens: Option<u64>,
    #[serde(rename = "x_CacheWrite1hTokens")]
    cache_write_1h_tokens: Option<u64>,
    #[serde(rename = "x_OutputTokens")]
    output_tokens: Option<u64>,
    #[serde(rename = "x_ReasoningTokens")]
    reasoning_tokens: Option<u64>,
}

impl FocusRow {
    pub(super) fn of(recorded: &Recorded) -> Self {
        let record = &recorded.record;
        let cost = recorded.cost().map(NanoUsd::to_decimal);
        let hour = record.admitted_at.div_euclid(HOUR_MS) * HOUR_MS;
        let month = |instant: Option<i64>| instant.map(clock::rfc3339).unwrap_or_default();
        let tokens = record.tokens;
        let is_known = tokens.input.is_some() || tokens.output.is_some();
        let quantity = is_known.then(|| tokens.total_input().saturating_add(tokens.total_output()));
        Self {
            billed_cost: cost.clone(),
            billing_account_id: record.tenant_id.to_string(),
            billing_account_name: None,
            billing_currency: "USD",
            billing_period_end: month(Window::Month.end(record.admitted_at)),
            billing_period_start: month(Some(Window::Month.start(record.admitted_at))),
            charge_category: "Usage",
            charge_class: None,
            charge_description: format!("{} at {}", record.model, record.provider),
            charge_frequency: "Usage-Based",
            charge_period_end: clock::rfc3339(hour + HOUR_MS),
            charge_period_start: clock::rfc3339(hour),
            consumed_quantity: quantity,
            consumed_unit: quantity.map(|_| "Tokens"),
            contracted_cost: cost.clone(),
            effective_cost: cost.clone(),
            host_provider_name: record.provider.clone(),
            invoice_issuer_name: record.provider.clone(),
            list_cost: cost,
            // Kinds of tokens have prices of their own: there is no one quantity that a price was multiplied with.
            pricing_quantity: None,
            pricing_unit: None,
            provider_name: record.provider.clone(),
            publisher_name: record.provider.clone(),
            service_category: "AI and Machine Learning",
            service_name: record.model.clone(),
            service_provider_name: record.provider.clone(),
            service_subcategory: "Generative AI",
            sub_account_id: record.project_id.to_string(),
            sub_account_name: None,
            sub_account_type: "Project",
            tags: record.tags.clone().unwrap_or_default(),
            attempt_id: record.attempt_id.to_string(),
            operation_id: record.operation_id.to_string(),
            attempt: record.attempt,
            admitted_at: clock::rfc3339(record.admitted_at),
            user_id: record.user_id.clone(),
            session_id: record.session_id.clone(),
            tier: record.tier.clone(),
            api_key_id: record.api_key_id.map(|id| id.to_string()),
            key_source: record.key_source.as_str(),
            status: record.outcome.as_str(),
            estimated: record.estimated,
            price_version: recorded.price_version().map(str::to_owned),
            input_tokens: tokens.input,
            cache_read_tokens: tokens.cache_read,
            cache_write_tokens: tokens.cache_write,
            cache_write_1h_tokens: tokens.cache_write_1h,
            output_tokens: tokens.output,
            reasoning_tokens: tokens.reasoning,
        }
    }
}
