//! Pictures, sound and documents that stand in JSON as base64: no text, and counted as none.

/// What one is taken to be. Of the providers that tell, most count some hundred to some thousand tokens.
pub const TOKENS: u64 = 1_000;
/// Base64 that does not say what it is may be a word, or a key, up to this length.
const BARE_BYTES: usize = 512;
/// The kind of data and the word `base64`: no longer than this before the comma.
const LONGEST_KIND: usize = 256;

/// Whether a whole string is data: `data:image/png;base64,...`, or base64 alone where it is long. The string may still
/// stand as in JSON: some writers escape each slash.
#[must_use]
pub fn is_data(text: &[u8]) -> bool {
    match text.strip_prefix(b"data:") {
        Some(rest) => {
            let comma = memchr::memchr(b',', &rest[..rest.len().min(LONGEST_KIND)]);
            comma.is_some_and(|comma| rest[..comma].ends_with(b";base64") && is_base64(&rest[comma + 1..]))
        }
        None => text.len() >= BARE_BYTES && is_base64(text),
    }
}

/// Of either alphabet.
fn is_base64(text: &[u8]) -> bool {
    let plain = |piece: &[u8]| {
        piece
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='))
    };
    let mut pieces = text.split(|byte| *byte == b'\\');
    pieces.next().is_some_and(plain) && pieces.all(|piece| piece.starts_with(b"/") && plain(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_told_from_text() {
        let long = "QUJD".repeat(200);
        for data in [
            "data:image/png;base64,iVBORw0KGgo=".to_owned(),
            r"data:image\/png;base64,iVBO\/w0KGgo=".to_owned(),
            format!("data:application/pdf;name=a.pdf;base64,{long}"),
            format!("{long}-_+/=="),
        ] {
            assert!(is_data(data.as_bytes()), "{data}");
        }
        for text in [
            String::new(),
            "QUJD".to_owned(),
            "data: what I measured".to_owned(),
            "data:image/png;base64,iVBORw0KGgo= is what I see, why?".to_owned(),
            "data:text/plain,hello".to_owned(),
            format!("data:{long},{long}"),
            "漢字を数える。".repeat(200),
            "ข้อความ".repeat(200),
            "word\n".repeat(200),
            r"word\n".repeat(200),
            "a,b;".repeat(200),
        ] {
            assert!(!is_data(text.as_bytes()), "{text}");
        }
    }
}
