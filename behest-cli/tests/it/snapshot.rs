//! Inline snapshots of exit code, standard output and standard error.

use std::sync::LazyLock;

/// What differs from run to run, and only that.
pub static FILTERS: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    vec![
        (r"(?:/[\w.-]+)+/home-[\w]+", "[HOME]"),
        (r"the port \d{4,5}", "the port [PORT]"),
        (r"(127\.0\.0\.1|localhost):\d{4,5}", "$1:[PORT]"),
        (r"behest_sk_live_[0-9a-f]{32}", "behest_sk_live_[KEY]"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[ID]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
        (r"\d+\.\d s\b", "[SECONDS] s"),
        (r"(?i)behest \d+\.\d+\.\d+", "behest [VERSION]"),
    ]
});

/// Runs a command and compares what it does with the snapshot.
macro_rules! behest_snapshot {
    ($command:expr, @$snapshot:literal) => {{
        let output = $command.run().to_string();
        insta::with_settings!({ filters => $crate::snapshot::FILTERS.clone() }, {
            insta::assert_snapshot!(output, @$snapshot);
        });
    }};
}
