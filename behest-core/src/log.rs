//! What the library says of its own work: nothing, unless `BEHEST_LOG` asks for it.

use std::io::IsTerminal as _;
use std::sync::Once;

use tracing_subscriber::EnvFilter;

use crate::env;

static STARTED: Once = Once::new();

/// Writes to standard error what `BEHEST_LOG` asks for: a level, such as `debug`, which is about Behest alone, or levels
/// by module, such as `behest_core=debug,hyper=info`. Nothing where it is unset or no filter, or where the program has a
/// subscriber of its own. The first call in a process decides.
///
/// Calls are told by code, status and time; keys, tokens and conversations never are.
pub fn start() {
    STARTED.call_once(|| {
        let Some(text) = env::read(env::LOG) else { return };
        let about = if text.contains(['=', ',']) { text } else { format!("behest_core={text}") };
        let Ok(filter) = EnvFilter::builder().parse(about) else { return };
        // Fails where the program has a subscriber already, which then decides what is written.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal() && env::read(env::NO_COLOR).is_none())
            .try_init();
    });
}
