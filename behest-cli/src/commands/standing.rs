//! How much of a limit is used, as a person reads it.

use clap::builder::styling::Style;

use crate::printer::{NEAR, OVER};

/// What part of a limit is used or may still be used by calls under way.
#[must_use]
pub fn share(used: f64, reserved: f64, limit: f64) -> f64 {
    if limit > 0.0 { (used + reserved) / limit } else { 1.0 }
}

/// How a row stands out whose limit is used up, or nearly.
#[must_use]
pub fn style(share: f64) -> Style {
    match share {
        share if share >= 1.0 => OVER,
        share if share >= 0.8 => NEAR,
        _ => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{share, style};
    use crate::printer::{NEAR, OVER};

    #[test]
    fn what_is_reserved_counts_and_a_limit_of_nothing_is_used_up() {
        assert!((share(1.0, 1.0, 4.0) - 0.5).abs() < f64::EPSILON);
        assert!(share(0.0, 0.0, 0.0) >= 1.0);
        assert_eq!((style(0.8), style(1.0)), (NEAR, OVER));
    }
}
