//! A provider's words without the key that it may repeat in them.

/// So few characters of a key tell nothing.
const TELLING: usize = 4;

/// `words` without `key`. Long words were cut short, perhaps in the middle of the key: then its beginning goes, too.
pub(super) fn censored(words: &str, key: &str) -> String {
    let mut words = words.replace(key, "[key]");
    let mut starts = (TELLING..key.len()).rev().filter_map(|end| key.get(..end));
    if let Some(start) = starts.find(|start| words.ends_with(start)) {
        words.truncate(words.len() - start.len());
        words.push_str("[key]");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_whole_or_cut_off() {
        let key = "sk-canary-0123";
        for (words, wanted) in [
            ("no key here", "no key here"),
            ("bad sk-canary-0123, sk-canary-0123!", "bad [key], [key]!"),
            ("bad sk-canary-012", "bad [key]"),
            ("bad sk-c", "bad [key]"),
            ("keys begin with sk-", "keys begin with sk-"),
            ("", ""),
        ] {
            assert_eq!(censored(words, key), wanted);
        }
    }
}
