//! Conversations.

use behest_core::gateway::memory::SESSION_LIFETIME_MS;
use behest_core::gateway::store::rows::{ConversationKey, ConversationKind, Expiry, NewTurn};
use serde_json::value::to_raw_value;
use uuid::Uuid;

use super::{NOW, Subject, record};

fn key(kind: ConversationKind, project_id: Uuid, user: &str, id: &str) -> ConversationKey {
    ConversationKey { kind, project_id, user_id: user.to_owned(), id: id.to_owned() }
}

fn thread(project_id: Uuid, id: &str) -> ConversationKey {
    key(ConversationKind::Thread, project_id, "ann", id)
}

fn turn(key: &ConversationKey, said: &[&str], now: i64) -> NewTurn {
    let message = |text: &&str| {
        let role = if text.starts_with("answer") { "assistant" } else { "user" };
        let body = to_raw_value(&serde_json::json!({ "role": role, "content": text })).expect("json");
        (body, text.ends_with("..."))
    };
    NewTurn {
        key: key.clone(),
        turn: Uuid::now_v7(),
        deletions: 0,
        title: said.first().map(|text| (*text).to_owned()),
        messages: said.iter().map(message).collect(),
        window: None,
        now,
    }
}

impl Subject {
    /// Stores a turn with the record of its call.
    async fn add(&self, turn: NewTurn) {
        let record = record(turn.key.project_id, turn.now);
        self.settle(record, Some(turn)).await.expect("settled");
    }

    async fn recalled(&self, key: &ConversationKey, limit: u32, now: i64) -> Vec<String> {
        let history = self.store.history(key.clone(), limit, now).await.expect("a history");
        history.messages.iter().map(|message| text(message.body.get())).collect()
    }

    async fn kept(&self, key: &ConversationKey) -> Vec<String> {
        let messages = self.store.messages(key.clone()).await.expect("messages");
        messages.iter().map(|message| text(message.body.get())).collect()
    }
}

fn text(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).expect("json");
    body["content"].as_str().expect("text").to_owned()
}

pub async fn turns(subject: Subject) {
    let key = thread(Uuid::new_v4(), "t");
    assert_eq!(subject.store.conversation(key.clone()).await.expect("an answer"), None);
    assert!(subject.recalled(&key, 10, NOW).await.is_empty());
    // Ordered by commit and not by the clock, which may go back.
    subject.add(turn(&key, &["one", "answer 1"], NOW + 9)).await;
    subject.add(turn(&key, &["two", "answer 2..."], NOW)).await;
    assert_eq!(subject.kept(&key).await, ["one", "answer 1", "two", "answer 2..."]);
    assert_eq!(subject.recalled(&key, 3, NOW).await, ["answer 1", "two", "answer 2..."], "the last ones");
    let messages = subject.store.messages(key.clone()).await.expect("messages");
    let marks: Vec<bool> = messages.iter().map(|message| message.incomplete).collect();
    assert_eq!(marks, [false, false, false, true]);
    assert!(messages[0].turn == messages[1].turn && messages[1].turn != messages[2].turn);
    assert_eq!((messages[0].created_at, messages[2].created_at), (NOW + 9, NOW));
    let row = subject.store.conversation(key).await.expect("an answer").expect("a conversation");
    assert_eq!((row.id.as_str(), row.title.as_deref(), row.messages), ("t", Some("one"), 4));
    assert_eq!((row.created_at, row.last_message_at), (NOW + 9, NOW + 9), "never earlier than it was");
}

pub async fn scopes(subject: Subject) {
    let (mine, other) = (Uuid::new_v4(), Uuid::new_v4());
    let all = [
        thread(mine, "t"),
        thread(other, "t"),
        key(ConversationKind::Thread, mine, "bob", "t"),
        key(ConversationKind::Session, mine, "ann", "t"),
        key(ConversationKind::Thread, mine, "", "annt"),
        key(ConversationKind::Thread, mine, "an", "nt"),
        key(ConversationKind::Thread, mine, "ann", "T"),
        key(ConversationKind::Thread, mine, "ann\u{1f600}'--", "t"),
    ];
    for (index, key) in all.iter().enumerate() {
        subject.add(turn(key, &[&format!("of {index}")], NOW)).await;
    }
    for (index, key) in all.iter().enumerate() {
        assert_eq!(subject.kept(key).await, [format!("of {index}")]);
        assert_eq!(subject.recalled(key, 10, NOW).await, [format!("of {index}")]);
    }
    assert!(subject.store.delete_conversation(all[0].clone()).await.expect("an answer"));
    for key in &all[1..] {
        assert_eq!(subject.kept(key).await.len(), 1);
    }
}

pub async fn lists(subject: Subject) {
    let project = Uuid::new_v4();
    for (id, now) in [("b", NOW + 1), ("a", NOW + 2), ("c", NOW + 3), ("d", NOW + 3)] {
        subject.add(turn(&thread(project, id), &["hello"], now)).await;
    }
    subject.add(turn(&thread(Uuid::new_v4(), "foreign"), &["hello"], NOW)).await;
    subject.add(turn(&key(ConversationKind::Session, project, "ann", "s"), &["hello"], NOW)).await;
    let ids = async |limit, before| -> Vec<String> {
        let rows = subject.store.threads(project, "ann", limit, before).await.expect("a list");
        rows.into_iter().map(|row| row.id).collect()
    };
    assert_eq!(ids(10, None).await, ["c", "d", "a", "b"]);
    assert_eq!(ids(3, None).await, ["c", "d", "a"]);
    assert_eq!(ids(10, Some(NOW + 2)).await, ["b"], "before is not at");
    assert!(subject.store.threads(project, "bob", 10, None).await.expect("a list").is_empty());
}

pub async fn deletion(subject: Subject) {
    let key = thread(Uuid::new_v4(), "t");
    let mark = async || subject.store.history(key.clone(), 10, NOW).await.expect("a history").deletions;
    subject.add(turn(&key, &["one"], NOW)).await;
    let before = mark().await;
    assert!(subject.store.delete_conversation(key.clone()).await.expect("an answer"));
    assert!(!subject.store.delete_conversation(key.clone()).await.expect("an answer"), "it is gone");
    // A turn that began before the deletion comes too late; its call is recorded all the same.
    let late = NewTurn { deletions: before, ..turn(&key, &["late"], NOW) };
    let call = record(key.project_id, NOW);
    let attempt = call.attempt_id;
    subject.settle(call, Some(late)).await.expect("settled");
    assert_eq!(subject.store.conversation(key.clone()).await.expect("an answer"), None);
    assert!(subject.kept(&key).await.is_empty());
    assert!(subject.store.unrecorded(vec![attempt]).await.expect("an answer").is_empty());
    // One that began after it is a new conversation.
    let anew = NewTurn { deletions: mark().await, ..turn(&key, &["anew"], NOW) };
    subject.add(anew).await;
    assert_eq!(subject.kept(&key).await, ["anew"]);
}

pub async fn sessions(subject: Subject) {
    let key = key(ConversationKind::Session, Uuid::new_v4(), "ann", "s");
    let windowed = |said: &[&str], now| NewTurn { window: Some(4), ..turn(&key, said, now) };
    subject.add(windowed(&["one", "answer 1"], NOW)).await;
    subject.add(windowed(&["two", "answer 2"], NOW + 1)).await;
    subject.add(windowed(&["three", "answer 3"], NOW + 2)).await;
    assert_eq!(subject.kept(&key).await, ["two", "answer 2", "three", "answer 3"]);
    let row = subject.store.conversation(key.clone()).await.expect("an answer").expect("a session");
    assert_eq!(row.messages, 4, "those that left the window are not counted");
    let end = NOW + 2 + SESSION_LIFETIME_MS;
    assert_eq!(subject.recalled(&key, 10, end).await.len(), 4, "to the last millisecond");
    assert!(subject.recalled(&key, 10, end + 1).await.is_empty());
    subject.add(windowed(&["later", "answer 4"], end + 1)).await;
    assert_eq!(subject.kept(&key).await, ["later", "answer 4"], "a session that has ended begins anew");
}

pub async fn expiry(subject: Subject) {
    let project = Uuid::new_v4();
    let (old, young) = (thread(project, "old"), thread(project, "young"));
    let foreign = thread(Uuid::new_v4(), "old");
    let session = key(ConversationKind::Session, project, "ann", "s");
    for (key, now) in [(&old, NOW), (&young, NOW + 10), (&foreign, NOW), (&session, NOW)] {
        subject.add(turn(key, &["hello"], now)).await;
    }
    let expire = async |scope, before, limit| {
        subject.store.expire_conversations(scope, before, limit).await.expect("an answer")
    };
    assert_eq!(expire(Expiry::Threads(project), NOW, 10).await, 0, "before is not at");
    assert_eq!(expire(Expiry::Threads(project), NOW + 10, 10).await, 1);
    assert!(subject.kept(&old).await.is_empty());
    for kept in [&young, &foreign, &session] {
        assert_eq!(subject.kept(kept).await.len(), 1);
    }
    let second = key(ConversationKind::Session, foreign.project_id, "bob", "s");
    subject.add(turn(&second, &["hello"], NOW)).await;
    assert_eq!(expire(Expiry::Sessions, NOW + 1, 1).await, 1, "at most so many at once");
    assert_eq!(expire(Expiry::Sessions, NOW + 1, 10).await, 1, "of every project");
    assert_eq!(expire(Expiry::Sessions, NOW + 1, 10).await, 0);
}
