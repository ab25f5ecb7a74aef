//! Identifiers and the one rule each of them must keep.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// The longest identifier a client may choose, in characters.
pub const MAX_ID_LENGTH: usize = 255;

/// End-user ids that belong to the gateway and that nobody may take.
pub const RESERVED_USER_IDS: [&str; 3] = ["admin", "system", "dashboard-service"];

/// Why an identifier was refused. The message never repeats the identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// An end-user id that is empty, too long, or holds control characters.
    #[error("a user id has 1 to 255 characters and no control characters; this one has {length}")]
    User {
        /// How many characters it had.
        length: usize,
    },
    /// An end-user id that the gateway keeps for itself.
    #[error("the user id `{0}` is reserved (`admin`, `system` and `dashboard-service` are)")]
    Reserved(&'static str),
    /// A session id that is empty, too long, or not visible ASCII.
    #[error("a session id has 1 to 255 visible ASCII characters; this one has {length}")]
    Session {
        /// How many bytes it had.
        length: usize,
    },
    /// A thread id outside its character set.
    #[error(
        "a thread id has 1 to 255 characters of A-Z a-z 0-9 . _ : - and is not `.` or `..`; this one has {length}"
    )]
    Thread {
        /// How many bytes it had.
        length: usize,
    },
}

macro_rules! checked_id {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks `value` against the rule for this kind of id.
            ///
            /// # Errors
            /// [`BadId`] says which rule it broke.
            pub fn parse(value: impl Into<String>) -> Result<Self, BadId> {
                let value = value.into();
                $check(&value)?;
                Ok(Self(value))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

checked_id!(
    /// An end user of an application: 1 to 255 characters, no control characters, not reserved.
    UserId,
    check_user
);
checked_id!(
    /// The unit of cost attribution: 1 to 255 visible ASCII characters.
    SessionId,
    check_session
);
checked_id!(
    /// A conversation kept until deleted: 1 to 255 of `A-Za-z0-9._:-`, not `.` or `..`.
    ThreadId,
    check_thread
);

fn check_user(value: &str) -> Result<(), BadId> {
    let length = value.chars().count();
    if length == 0 || length > MAX_ID_LENGTH || value.chars().any(char::is_control) {
        return Err(BadId::User { length });
    }
    match RESERVED_USER_IDS.iter().find(|reserved| **reserved == value) {
        Some(reserved) => Err(BadId::Reserved(reserved)),
        None => Ok(()),
    }
}

fn check_session(value: &str) -> Result<(), BadId> {
    let length = value.len();
    if length == 0 || length > MAX_ID_LENGTH || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BadId::Session { length });
    }
    Ok(())
}

fn check_thread(value: &str) -> Result<(), BadId> {
    let length = value.len();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if length == 0 || length > MAX_ID_LENGTH || value == "." || value == ".." || !value.bytes().all(allowed) {
        return Err(BadId::Thread { length });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_follow_one_rule() {
        for good in ["u", "default", "anonymous", "zoë", "a b", &"x".repeat(255)] {
            assert!(UserId::parse(good).is_ok(), "{good}");
        }
        assert_eq!(UserId::parse(""), Err(BadId::User { length: 0 }));
        assert_eq!(UserId::parse("x".repeat(256)), Err(BadId::User { length: 256 }));
        assert_eq!(UserId::parse("a\u{7}"), Err(BadId::User { length: 2 }));
        assert_eq!(UserId::parse("a\u{85}"), Err(BadId::User { length: 2 }));
        for reserved in RESERVED_USER_IDS {
            assert_eq!(UserId::parse(reserved), Err(BadId::Reserved(reserved)));
        }
    }

    #[test]
    fn session_ids_are_visible_ascii() {
        assert!(SessionId::parse("user-1-conv-2").is_ok());
        for bad in ["", "a b", "é", "tab\t"] {
            assert!(SessionId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn thread_ids_are_safe_in_a_path() {
        assert!(ThreadId::parse("order:42.v1_a-b").is_ok());
        for bad in ["", ".", "..", "a/b", "a b", "a%2Fb", "é"] {
            assert!(ThreadId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
