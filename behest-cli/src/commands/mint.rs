//! `behest mint`: a token for one end user.

use behest_core::client::MintOptions;
use serde::Serialize;

use crate::identity;
use crate::printer::Printer;
use crate::report::{ExitStatus, Report};
use crate::settings::Connection;

/// What `--json` prints.
#[derive(Serialize)]
struct MintedJson<'m> {
    token: &'m str,
    user_id: &'m str,
    session_id: &'m str,
    ttl: u64,
    expires_at: &'m str,
}

/// Makes a token and prints it alone.
///
/// # Errors
/// [`Report`]
pub async fn run(
    user: String,
    options: MintOptions,
    connection: &Connection,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let identity = identity::identify(connection, Some(&user)).await?;
    let options = MintOptions { user_id: Some(user.clone()), ..options };
    let minted = identity.client.auth().mint(&options).await?;
    let json = MintedJson {
        token: minted.token.expose(),
        user_id: &user,
        session_id: &minted.session_id,
        ttl: minted.ttl,
        expires_at: &minted.expires_at,
    };
    printer.answer(&json, |json| json.token.to_owned())?;
    printer.say(format_args!(
        "a token for {user} until {} ({} s), session {}",
        minted.expires_at, minted.ttl, minted.session_id
    ));
    Ok(ExitStatus::Success)
}
