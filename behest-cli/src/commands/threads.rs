//! `behest threads`: an end user's conversations.

use std::fmt::Write as _;

use behest_core::client::{CallOptions, ThreadQuery};
use behest_core::types::thread::ThreadMessage;
use serde_json::Value;

use crate::identity::Identity;
use crate::printer::{Printer, Table, printable};
use crate::report::{ExitStatus, Report};

/// Lists threads, newest first.
///
/// # Errors
/// [`Report`]
pub async fn list(identity: &Identity, limit: Option<u32>, printer: Printer) -> Result<ExitStatus, Report> {
    let query = ThreadQuery { limit, before: None };
    let threads = identity.client.threads().list(&query, &CallOptions::default()).await?;
    printer.answer(&threads, |threads| {
        let mut table = Table::new(["thread", "title", "messages", "last message"], "no threads");
        for thread in threads {
            table.row([
                thread.id.clone(),
                thread.title.clone().unwrap_or_default(),
                thread.messages_count.to_string(),
                thread.last_message_at.clone(),
            ]);
        }
        table.to_string()
    })?;
    Ok(ExitStatus::Success)
}

/// Shows a thread's messages, oldest first.
///
/// # Errors
/// [`Report`]
pub async fn show(identity: &Identity, thread: &str, printer: Printer) -> Result<ExitStatus, Report> {
    let messages = identity.client.threads().messages(thread, &CallOptions::default()).await?;
    printer.answer(&messages, |messages| transcript(messages))?;
    Ok(ExitStatus::Success)
}

/// Deletes a thread.
///
/// # Errors
/// [`Report`]
pub async fn delete(identity: &Identity, thread: &str, printer: Printer) -> Result<ExitStatus, Report> {
    identity.client.threads().delete(thread, &CallOptions::default()).await?;
    printer.say(format_args!("deleted thread {thread}"));
    Ok(ExitStatus::Success)
}

fn transcript(messages: &[ThreadMessage]) -> String {
    let mut text = String::new();
    for message in messages {
        let cut = if message.incomplete { " (cut off)" } else { "" };
        let content = match &message.content {
            Value::String(content) => content.clone(),
            Value::Null => "(no text)".to_owned(),
            parts => parts.to_string(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}{cut}, {}:", printable(&message.role), message.created_at);
        let _ = writeln!(text, "{}\n", printable(&content));
    }
    text.truncate(text.trim_end().len());
    text
}
