//! How a report is split up, as it was typed and as the gateway is asked.

use behest_core::client::UsageQuery;
use serde_json::Value;

/// The groups of a report, and its buckets of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    granularity: String,
    /// As the gateway calls them.
    groups: Vec<String>,
}

impl Plan {
    /// Reads what was typed. A time may stand among the groups; groups without one are over the whole time.
    #[must_use]
    pub fn new(by: Vec<String>, granularity: Option<String>) -> Self {
        let mut time = None;
        let mut groups = Vec::new();
        for name in by {
            match name.trim() {
                "" => {}
                name @ ("minute" | "hour" | "day") => time = Some(name.to_owned()),
                name => {
                    let name = wire_name(name);
                    if !groups.contains(&name) {
                        groups.push(name);
                    }
                }
            }
        }
        let default = if groups.is_empty() { "day" } else { "total" };
        Self { granularity: granularity.or(time).unwrap_or_else(|| default.to_owned()), groups }
    }

    /// Whether a line is about a bucket of time.
    #[must_use]
    pub fn by_time(&self) -> bool {
        self.granularity != "total"
    }

    /// The query that asks for it.
    #[must_use]
    pub fn asked(&self, query: UsageQuery) -> UsageQuery {
        UsageQuery {
            granularity: Some(self.granularity.clone()),
            group_by: (!self.groups.is_empty()).then(|| self.groups.join(",")),
            ..query
        }
    }

    /// What stands above the columns of the groups.
    #[must_use]
    pub fn headings(&self) -> Vec<String> {
        let short = |name: &String| match name.strip_suffix("_id") {
            Some(name) if !name.starts_with("tag:") => name.replace('_', " "),
            _ => name.clone(),
        };
        self.groups.iter().map(short).collect()
    }

    /// A row's values of the groups, in their order.
    #[must_use]
    pub fn groups<'a>(&self, row: Option<&'a Value>) -> Vec<&'a Value> {
        let value = |name: &String| match row {
            // One group is its value, several are an object.
            Some(Value::Object(values)) => values.get(name).unwrap_or(&Value::Null),
            Some(value) => value,
            None => &Value::Null,
        };
        self.groups.iter().map(value).collect()
    }
}

/// The gateway's name for a group; what is unknown goes as it is, and the gateway says what it knows.
fn wire_name(name: &str) -> String {
    if name.starts_with("tag:") {
        return name.to_owned();
    }
    let name = name.replace('-', "_");
    match name.as_str() {
        "user" | "session" | "thread" | "api_key" => format!("{name}_id"),
        "key" => "api_key_id".to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use behest_core::client::UsageQuery;

    use super::Plan;

    fn asked(by: &str, granularity: Option<&str>) -> (Option<String>, Option<String>) {
        let plan = Plan::new(by.split(',').map(str::to_owned).collect(), granularity.map(str::to_owned));
        let query = plan.asked(UsageQuery::default());
        (query.granularity, query.group_by)
    }

    #[test]
    fn a_time_may_stand_among_the_groups_and_groups_alone_are_over_the_whole_time() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(asked("", None), (some("day"), None));
        assert_eq!(asked("user,model", None), (some("total"), some("user_id,model")));
        assert_eq!(asked("hour, api-key,key", None), (some("hour"), some("api_key_id")));
        assert_eq!(asked("tag:cost-centre", Some("day")), (some("day"), some("tag:cost-centre")));
    }
}
