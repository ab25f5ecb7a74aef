//! Tells calls that their records are committed: a whole group of them with one wake-up of their thread.

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::gateway::store::StoreError;

/// The fate of a commit.
pub type Fate = Result<(), StoreError>;

/// A call, and what it is to hear.
type Letter = (oneshot::Sender<Fate>, Fate);

/// Where a call hears of its commit.
#[derive(Debug)]
pub struct Waiting {
    /// The call.
    pub call: oneshot::Sender<Fate>,
    /// The thread it waits on, if that one has a mailbox.
    pub mailbox: Option<Mailbox>,
}

/// The mailbox of a serving thread. Waking a thread of another runtime costs a system call; this one is woken once
/// for each group, and wakes its own calls for nothing.
#[derive(Debug, Clone)]
pub struct Mailbox(UnboundedSender<Vec<Letter>>);

impl Mailbox {
    /// Opens one on the runtime that this is called in.
    #[must_use]
    pub fn open() -> Self {
        let (letters, mut inbox) = unbounded_channel::<Vec<Letter>>();
        tokio::spawn(async move {
            while let Some(letters) = inbox.recv().await {
                for (call, fate) in letters {
                    // A call that has gone has nothing to learn.
                    let _ = call.send(fate);
                }
            }
        });
        Self(letters)
    }
}

/// Tells everybody in `waiting` the same fate.
pub fn tell(waiting: impl IntoIterator<Item = Waiting>, fate: &Fate) {
    let mut bags: Vec<(Mailbox, Vec<Letter>)> = Vec::new();
    for Waiting { call, mailbox } in waiting {
        let Some(mailbox) = mailbox else {
            let _ = call.send(fate.clone());
            continue;
        };
        match bags.iter_mut().find(|(known, _)| known.0.same_channel(&mailbox.0)) {
            Some((_, letters)) => letters.push((call, fate.clone())),
            None => bags.push((mailbox, vec![(call, fate.clone())])),
        }
    }
    for (mailbox, letters) in bags {
        if let Err(returned) = mailbox.0.send(letters) {
            // Its thread is on the way down; its calls may still be polled there.
            for (call, fate) in returned.0 {
                let _ = call.send(fate);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_call_hears_its_fate_by_mail_or_directly() {
        let mailbox = Mailbox::open();
        let (mut waiting, mut calls) = (Vec::new(), Vec::new());
        for index in 0..10 {
            let (call, fate) = oneshot::channel();
            waiting.push(Waiting { call, mailbox: (index % 2 == 0).then(|| mailbox.clone()) });
            calls.push(fate);
        }
        tell(waiting, &Ok(()));
        for call in calls {
            assert!(call.await.expect("told").is_ok());
        }
    }
}
