//! How long the answers of a model are for a project: what a reservation expects.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

/// Fewer answers teach nothing.
const ENOUGH: u32 = 20;
/// After so many the older half weighs half as much.
const MEMORY: u32 = 1_000;
/// As many pairs as are remembered; above it the learning starts anew.
const CAPACITY: usize = 10_000;
/// Four classes to each doubling, up to 2^25 tokens.
const CLASSES: usize = 100;

/// The sizes of answers by project and model.
#[derive(Debug, Default)]
pub struct Learned(Mutex<HashMap<(Uuid, Arc<str>), Sizes>>);

impl Learned {
    /// An answer of so many tokens came.
    pub fn observe(&self, project: Uuid, model: &Arc<str>, tokens: u64) {
        let mut sizes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (project, Arc::clone(model));
        if sizes.len() >= CAPACITY && !sizes.contains_key(&key) {
            sizes.clear();
        }
        sizes.entry(key).or_default().observe(tokens);
    }

    /// What 95 of 100 answers do not pass; `None` while too few are known.
    #[must_use]
    pub fn usual(&self, project: Uuid, model: &Arc<str>) -> Option<u64> {
        let sizes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sizes.get(&(project, Arc::clone(model)))?.percentile_95()
    }
}

/// A histogram whose classes grow by a fifth, so that its answer is at most that much above the truth.
#[derive(Debug)]
struct Sizes {
    counts: [u32; CLASSES],
    total: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { counts: [0; CLASSES], total: 0 }
    }
}

/// The largest size of a class.
fn upper(class: usize) -> u64 {
    let (doubling, quarter) = ((class / 4) as u32, (class % 4) as u64);
    (1_u64 << doubling) * (5 + quarter) / 4
}

impl Sizes {
    fn observe(&mut self, tokens: u64) {
        let class = (0..CLASSES).find(|class| tokens <= upper(*class)).unwrap_or(CLASSES - 1);
        self.counts[class] += 1;
        self.total += 1;
        if self.total >= MEMORY {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().sum();
        }
    }

    fn percentile_95(&self) -> Option<u64> {
        if self.total < ENOUGH {
            return None;
        }
        let wanted = (u64::from(self.total) * 95).div_ceil(100);
        let mut seen = 0;
        let class = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        class.map(upper)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_said_before_enough_is_known() {
        let (learned, project, model) = (Learned::default(), Uuid::nil(), Arc::from("m"));
        (1..ENOUGH).for_each(|_| learned.observe(project, &model, 100));
        assert_eq!(learned.usual(project, &model), None);
        learned.observe(project, &model, 100);
        assert!(learned.usual(project, &model).is_some_and(|usual| (100..=125).contains(&usual)));
        assert_eq!(learned.usual(Uuid::max(), &model), None, "another project's answers are its own");
    }

    #[test]
    fn what_is_long_ago_weighs_less() {
        let mut sizes = Sizes::default();
        (0..900).for_each(|_| sizes.observe(5_000));
        (0..20_000).for_each(|_| sizes.observe(50));
        assert!(sizes.percentile_95().is_some_and(|usual| usual < 100));
    }

    proptest! {
        #[test]
        fn it_is_never_below_the_true_percentile_and_at_most_a_quarter_above(
            mut sizes in prop::collection::vec(1_u64..1_000_000, 20..900)
        ) {
            let mut learned = Sizes::default();
            sizes.iter().for_each(|size| learned.observe(*size));
            sizes.sort_unstable();
            let exact = sizes[(sizes.len() * 95).div_ceil(100) - 1];
            let usual = learned.percentile_95().expect("enough");
            prop_assert!(usual >= exact && usual <= exact + exact / 4 + 1, "{usual} for {exact}");
        }
    }
}
