//! Labels for the cost reports: few, short, plain.

use crate::types::mint::Tags;

/// How many labels a call may carry.
pub const MAX_TAGS: usize = 16;
/// The longest name, in bytes.
pub const MAX_NAME: usize = 64;
/// The longest value, in bytes.
pub const MAX_VALUE: usize = 128;

/// Why labels are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTags {
    /// Not `name=value,name=value`.
    #[error("tags are written `name=value,name=value`, such as `team=search,env=prod`")]
    Form,
    /// Too many.
    #[error("a call may carry {MAX_TAGS} tags; this one has {0}")]
    TooMany(usize),
    /// A name or value outside its bounds.
    #[error(
        "a tag's name has 1 to {MAX_NAME} characters of A-Z a-z 0-9 . _ -, its value at most {MAX_VALUE} without control characters"
    )]
    Bounds,
    /// A name that the project does not accept.
    #[error(
        "this project does not accept the tag `{name}`; the setting `tag_keys` accepts {}",
        if accepted.is_empty() { "none" } else { accepted }
    )]
    Name {
        /// The name.
        name: String,
        /// Those that it accepts, with commas.
        accepted: String,
    },
}

/// Reads `X-Behest-Tags`.
///
/// # Errors
/// [`BadTags`] says which bound was broken.
pub fn parse_list(text: &str) -> Result<Tags, BadTags> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').ok_or(BadTags::Form)?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    let tags =
        text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect::<Result<Tags, _>>()?;
    check(&tags)?;
    Ok(tags)
}

/// Checks labels, whoever wrote them.
///
/// # Errors
/// [`BadTags`] says which bound was broken.
pub fn check(tags: &Tags) -> Result<(), BadTags> {
    if tags.len() > MAX_TAGS {
        return Err(BadTags::TooMany(tags.len()));
    }
    if tags.iter().all(|(name, value)| is_name(name) && is_value(value)) {
        Ok(())
    } else {
        Err(BadTags::Bounds)
    }
}

/// Checks labels against the names that a project accepts, if it has said which.
///
/// # Errors
/// [`BadTags::Name`] for the first that it does not accept.
pub fn check_names(tags: &Tags, accepted: Option<&[String]>) -> Result<(), BadTags> {
    let Some(accepted) = accepted else { return Ok(()) };
    match tags.keys().find(|name| !accepted.contains(name)) {
        None => Ok(()),
        Some(name) => Err(BadTags::Name { name: name.clone(), accepted: accepted.join(", ") }),
    }
}

/// Whether text can be a label's name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Whether text can be a label's value.
#[must_use]
pub fn is_value(value: &str) -> bool {
    value.len() <= MAX_VALUE && !value.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_pairs_is_read() {
        let tags = parse_list("team=search, env=prod,").expect("tags");
        assert_eq!(tags.get("team").map(String::as_str), Some("search"));
        assert_eq!(tags.len(), 2);
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(parse_list("team"), Err(BadTags::Form));
        assert_eq!(parse_list("a b=c"), Err(BadTags::Bounds));
        assert_eq!(parse_list(&format!("a={}", "x".repeat(129))), Err(BadTags::Bounds));
        let many = (0..17).map(|index| format!("t{index}=x")).collect::<Vec<_>>().join(",");
        assert_eq!(parse_list(&many), Err(BadTags::TooMany(17)));
    }
}
