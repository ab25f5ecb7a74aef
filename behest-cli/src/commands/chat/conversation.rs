//! What has been said, and who remembers it: this program, or the gateway's thread.

use behest_core::types::chat::Message;

/// A conversation so far.
#[derive(Debug, Clone)]
pub struct Conversation {
    system: Option<String>,
    thread: Option<String>,
    turns: Vec<Message>,
}

impl Conversation {
    /// A new conversation, or the next part of one in a thread.
    #[must_use]
    pub const fn new(system: Option<String>, thread: Option<String>) -> Self {
        Self { system, thread, turns: Vec::new() }
    }

    /// The thread that the gateway keeps it in.
    #[must_use]
    pub fn thread(&self) -> Option<&str> {
        self.thread.as_deref()
    }

    /// Begins again, in this thread or in none.
    pub fn restart(&mut self, thread: Option<String>) {
        self.thread = thread;
        self.turns.clear();
    }

    /// What to send so that the model knows what was said: in a thread the gateway adds the rest.
    #[must_use]
    pub fn messages(&self, prompt: &str) -> Vec<Message> {
        let system = self.system.iter().map(Message::system);
        let turns = self.turns.iter().cloned();
        system.chain(turns).chain([Message::user(prompt)]).collect()
    }

    /// Remembers a turn. An answer without a word is none.
    pub fn remember(&mut self, prompt: &str, answer: &str) {
        if self.thread.is_none() && !answer.is_empty() {
            self.turns.extend([Message::user(prompt), Message::text("assistant", answer)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Conversation;

    fn said(conversation: &Conversation, prompt: &str) -> Vec<String> {
        let messages = conversation.messages(prompt);
        messages.iter().map(|message| format!("{}: {}", message.role, message.content)).collect()
    }

    #[test]
    fn without_a_thread_everything_is_sent_again() {
        let mut conversation = Conversation::new(Some("be brief".into()), None);
        conversation.remember("hi", "hello");
        conversation.remember("lost", "");
        let expected = ["system: \"be brief\"", "user: \"hi\"", "assistant: \"hello\"", "user: \"and?\""];
        assert_eq!(said(&conversation, "and?"), expected);
        conversation.restart(None);
        assert_eq!(said(&conversation, "who?"), ["system: \"be brief\"", "user: \"who?\""]);
    }

    #[test]
    fn in_a_thread_the_gateway_remembers() {
        let mut conversation = Conversation::new(None, Some("trip".into()));
        conversation.remember("hi", "hello");
        assert_eq!(said(&conversation, "and?"), ["user: \"and?\""]);
    }
}
