//! A provider's own books, and the gateway's ledger to be held against them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use behest_core::types::usage_record::UsageEntry;
use serde_json::{Value, json};

use super::answer::Answer;
use super::scripted::{Gate, Seen};
use super::{Faulty, eventually};

/// In the price list, with the prices below.
pub const MODEL: &str = "gpt-4o-mini";
/// Nano-dollars for a token of input, and of output.
const PRICES: [u64; 2] = [150, 600];
/// Tokens in one event of a stream.
pub const EVENT: u64 = 4;

/// Nano-dollars.
pub const fn cost(input: u64, output: u64) -> u64 {
    input * PRICES[0] + output * PRICES[1]
}

/// The settings of a gateway whose provider keeps books.
pub fn settings() -> String {
    format!(
        "[limits]\nproject_rpm = 1000000\n[providers.openai]\nbase_url = \"{}/v1\"\nlocal = true\n\
         api_key_env = \"FAKE_KEY\"\nmodels = [\"{MODEL}\"]\n",
        super::UPSTREAM
    )
}

/// One request as the provider knows it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub input: u64,
    /// What it has written of its answer so far, which it bills for.
    pub written: Arc<AtomicU64>,
    /// It answered with an error and bills nothing.
    pub refused: bool,
}

impl Entry {
    pub fn output(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// What it bills, in nano-dollars.
    pub fn bill(&self) -> u64 {
        if self.refused { 0 } else { cost(self.input, self.output()) }
    }
}

/// Every request, by its case and in the order of their coming, and the gates of the streams.
#[derive(Debug, Clone, Default)]
pub struct Books {
    entries: Arc<Mutex<HashMap<String, Vec<Entry>>>>,
    gates: Arc<Mutex<HashMap<String, Vec<Gate>>>>,
}

impl Books {
    /// Opens the account of a request.
    pub fn open(&self, case: &str, seen: &Seen, refused: bool) -> Entry {
        let words = seen.json()["messages"].to_string().split(' ').count();
        let entry = Entry { input: words as u64, written: Arc::default(), refused };
        self.entries.lock().expect("no panic").entry(case.to_owned()).or_default().push(entry.clone());
        entry
    }

    /// A copy of them.
    pub fn entries(&self) -> BTreeMap<String, Vec<Entry>> {
        self.entries.lock().expect("no panic").clone().into_iter().collect()
    }

    /// What the provider bills in all.
    pub fn bill(&self) -> u64 {
        self.entries().values().flatten().map(Entry::bill).sum()
    }

    /// A gate for each event of a stream but the first: it is opened by whoever has read the one before. So the provider
    /// writes as models do, slower than the network takes it, and never has more than one event on its way.
    pub fn gates(&self, case: &str, events: usize) -> Vec<Gate> {
        let gates: Vec<Gate> = (0..events).map(|_| Gate::new()).collect();
        if let Some(first) = gates.first() {
            first.open();
        }
        self.gates.lock().expect("no panic").insert(case.to_owned(), gates.clone());
        gates
    }

    /// So many events of a stream were read.
    pub fn has_read(&self, case: &str, events: usize) {
        let gates = self.gates.lock().expect("no panic");
        gates
            .get(case)
            .into_iter()
            .flatten()
            .take(events + 1)
            .filter(|gate| !gate.is_open())
            .for_each(Gate::open);
    }
}

/// The most tokens of an answer that a request allows.
pub fn bound(seen: &Seen) -> u64 {
    let body = seen.json();
    let bounds = ["max_tokens", "max_completion_tokens"].map(|name| body[name].as_u64());
    bounds.into_iter().flatten().min().unwrap_or(u64::MAX)
}

/// A question of a case.
pub fn question(faulty: &Faulty, case: &str, body: &Value) -> reqwest::RequestBuilder {
    let request = faulty.http.post(faulty.url("/v1/chat/completions")).bearer_auth(&faulty.key);
    request.header("x-session-id", case).json(body)
}

fn admin(faulty: &Faulty, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
    let path = format!("/v1/projects/{}/{path}", faulty.gateway().text("project_id"));
    faulty.http.request(method, faulty.url(&path)).header("x-admin-secret", &faulty.admin_secret)
}

/// Makes something of the project's.
pub async fn make(faulty: &Faulty, path: &str, body: &Value) {
    let made = Answer::of(admin(faulty, reqwest::Method::POST, path).json(body)).await;
    assert_eq!(made.status, 201, "{made:?}");
}

/// Reads something of the project's.
pub async fn read(faulty: &Faulty, path: &str) -> Value {
    let read = Answer::of(admin(faulty, reqwest::Method::GET, path)).await;
    assert_eq!(read.status, 200, "{read:?}");
    read.json()
}

/// A budget of so many nano-dollars, over all time.
pub fn budget(name: &str, scope: &str, limit: u64) -> Value {
    json!({ "name": name, "scope": scope, "window": "total", "limit_usd": limit as f64 / 1e9 })
}

/// Decimal dollars as nano-dollars.
pub fn nano(usd: &str) -> u64 {
    let (whole, part) = usd.split_once('.').unwrap_or((usd, ""));
    format!("{whole}{part:0<9}").parse().expect("decimal dollars")
}

/// The whole ledger, by case and in the order of each call's attempts.
pub async fn ledger(faulty: &Faulty) -> BTreeMap<String, Vec<UsageEntry>> {
    let mut records: BTreeMap<String, Vec<UsageEntry>> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = read(faulty, &format!("usage/records?limit=1000{cursor}")).await;
        for record in page["data"].as_array().expect("records") {
            let record: UsageEntry = serde_json::from_value(record.clone()).expect("a record");
            records.entry(record.session_id.clone().expect("a case")).or_default().push(record);
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    records.values_mut().for_each(|attempts| attempts.sort_by_key(|record| record.attempt));
    records
}

/// What a record costs, in nano-dollars.
pub fn charged(record: &UsageEntry) -> u64 {
    nano(record.cost_usd.as_deref().expect("a cost"))
}

/// Waits until nothing is under way, then checks that a budget has used what the ledger says, and holds nothing; gives
/// what that is, in nano-dollars.
pub async fn agrees(faulty: &Faulty, budget: &str) -> u64 {
    faulty.is_quiet().await;
    eventually("nothing is held", async || {
        read(faulty, &format!("budgets/{budget}")).await["standing"]["reserved_usd"] == 0.0
    })
    .await;
    let sum: u64 = ledger(faulty).await.values().flatten().map(charged).sum();
    let standing = read(faulty, &format!("budgets/{budget}")).await["standing"].clone();
    let used = standing["used_usd"].as_f64().expect("a sum");
    assert_eq!((used * 1e9).round() as u64, sum, "{budget}: {standing}");
    sum
}
