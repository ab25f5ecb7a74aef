//! Bars: how much of a whole, for the eye.

/// How many columns a whole takes.
const WIDTH: usize = 16;
/// An eighth of a column to seven of them.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Draws bars: of eighths of a column where a person looks at a terminal with colours, otherwise of plain signs.
#[derive(Debug, Clone, Copy)]
pub struct Bars {
    /// Whether eighths can be shown.
    pub fine: bool,
}

impl Bars {
    /// A bar as long as `share` of the longest. What is not nothing is seen.
    #[must_use]
    pub fn of(self, share: f64) -> String {
        let steps = if self.fine { EIGHTHS.len() + 1 } else { 1 };
        let filled = filled(share, WIDTH * steps);
        let (whole, rest) = (filled / steps, filled % steps);
        let mut bar = if self.fine { "█" } else { "#" }.repeat(whole);
        bar.extend(rest.checked_sub(1).map(|rest| EIGHTHS[rest]));
        bar
    }

    /// A bar in a frame of the whole, and the percentage; above the whole the bar is full.
    #[must_use]
    pub fn meter(self, share: f64) -> String {
        let bar = self.of(share);
        let rest = if self.fine { "·" } else { "." }.repeat(WIDTH - bar.chars().count());
        format!("{bar}{rest} {:>3.0}%", percentage(share))
    }
}

fn filled(share: f64, most: usize) -> usize {
    if share.is_nan() || share <= 0.0 {
        return 0;
    }
    // The cast is exact: it is between one and `most`.
    ((share * most as f64).round() as usize).clamp(1, most)
}

/// Rounded, but a whole that is not used up is never said to be, nor a used one untouched.
fn percentage(share: f64) -> f64 {
    let percent = share * 100.0;
    match percent {
        _ if percent.is_nan() || percent <= 0.0 => 0.0,
        _ if percent < 1.0 => 1.0,
        _ if percent < 100.0 => percent.floor(),
        _ => percent.round(),
    }
}

#[cfg(test)]
mod tests {
    use super::Bars;

    #[test]
    fn what_is_not_nothing_is_seen_and_nothing_is_longer_than_the_whole() {
        let fine = Bars { fine: true };
        let plain = Bars { fine: false };
        assert_eq!((fine.of(0.0), plain.of(0.0)), (String::new(), String::new()));
        assert_eq!((fine.of(1e-9), plain.of(1e-9)), ("▏".into(), "#".into()));
        assert_eq!((fine.of(0.5), plain.of(0.5)), ("████████".into(), "########".into()));
        assert_eq!(fine.of(0.53), "████████▌");
        assert_eq!((fine.of(7.0), plain.of(1.0)), ("█".repeat(16), "#".repeat(16)));
        assert_eq!(fine.of(f64::NAN), "");
    }

    #[test]
    fn a_meter_never_says_full_before_it_is() {
        let plain = Bars { fine: false };
        assert_eq!(plain.meter(0.0), "................   0%");
        assert_eq!(plain.meter(0.001), "#...............   1%");
        assert_eq!(plain.meter(0.999), "################  99%");
        assert_eq!(plain.meter(1.0), "################ 100%");
        assert_eq!(plain.meter(1.25), "################ 125%");
        assert_eq!(Bars { fine: true }.meter(0.25), "████············  25%");
    }
}
