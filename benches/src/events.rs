//! Counts the server-sent events of a body that arrives in pieces.

use memchr::memchr;

const FIELD: &[u8] = b"data:";

/// How many lines began with `data:` so far. Behest and the fake upstream write one such line for each event.
pub struct EventCount {
    events: usize,
    /// The bytes of `data:` that the line under way began with; `None` once it cannot become such a line any more.
    matched: Option<usize>,
}

impl Default for EventCount {
    fn default() -> Self {
        Self { events: 0, matched: Some(0) }
    }
}

impl EventCount {
    /// Takes the next piece of the body in.
    pub fn take(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(first) = rest.first() {
            match self.matched {
                Some(matched) if *first == FIELD[matched] => {
                    rest = &rest[1..];
                    self.matched = Some(matched + 1).filter(|matched| *matched < FIELD.len());
                    self.events += usize::from(self.matched.is_none());
                }
                _ => {
                    let end = memchr(b'\n', rest);
                    self.matched = end.map(|_| 0);
                    rest = end.map_or(&[], |end| &rest[end + 1..]);
                }
            }
        }
    }

    /// The events so far.
    pub fn events(&self) -> usize {
        self.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> usize {
        let mut count = EventCount::default();
        pieces.into_iter().for_each(|piece| count.take(piece));
        count.events()
    }

    #[test]
    fn only_lines_that_begin_with_data_are_events() {
        let body = b"event: a\ndata: {\"data:\":1}\n\n: data: ping\n\ndata:2\n\n data: no\ndat: no\ndata: [DONE]\n\n";
        assert_eq!(counted([&body[..]]), 3);
        assert_eq!(counted([&b"{\"data:\": 1}"[..]]), 0);
    }

    #[test]
    fn it_makes_no_difference_where_a_body_is_torn() {
        let body = b"data: 1\n\nevent: dada\ndata: 2\n\ndadata: no\n\ndata: 3\n\n";
        for middle in 0..=body.len() {
            let (left, right) = body.split_at(middle);
            assert_eq!(counted([left, right]), 3, "torn at {middle}");
        }
        assert_eq!(counted(body.chunks(1)), 3);
    }
}
