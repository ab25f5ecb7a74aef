//! A cache in front of the store that never serves what was changed before the request came.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

use crate::gateway::store::StoreError;

/// How many entries are remembered; above it the cache starts anew, since reading again is cheap.
const CAPACITY: usize = 10_000;

/// Remembers what a look-up found. A change calls [`forget`](Self::forget) after its commit; a look-up that began
/// before that is not remembered, so no race can bring the old value back.
#[derive(Debug)]
pub struct ReadThrough<K, V>(RwLock<State<K, V>>);

#[derive(Debug)]
struct State<K, V> {
    entries: HashMap<K, V>,
    generation: u64,
}

impl<K, V> Default for ReadThrough<K, V> {
    fn default() -> Self {
        Self(RwLock::new(State { entries: HashMap::new(), generation: 0 }))
    }
}

impl<K: Eq + Hash + Clone, V: Clone> ReadThrough<K, V> {
    /// What is remembered under `key`, else what `load` finds. Nothing found is not remembered.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn get<F>(&self, key: &K, load: F) -> Result<Option<V>, StoreError>
    where
        F: AsyncFnOnce() -> Result<Option<V>, StoreError>,
    {
        let generation = {
            let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(value) = state.entries.get(key) {
                return Ok(Some(value.clone()));
            }
            state.generation
        };
        let Some(value) = load().await? else { return Ok(None) };
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if state.generation == generation {
            if state.entries.len() >= CAPACITY {
                state.entries.clear();
            }
            state.entries.insert(key.clone(), value.clone());
        }
        Ok(Some(value))
    }

    /// Forgets one entry, and every look-up under way.
    pub fn forget(&self, key: &K) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.generation += 1;
        state.entries.remove(key);
    }

    /// Forgets the entries whose keys are such, and every look-up under way.
    pub fn forget_where(&self, mut such: impl FnMut(&K) -> bool) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.generation += 1;
        state.entries.retain(|key, _| !such(key));
    }

    /// Forgets everything, and every look-up under way.
    pub fn forget_all(&self) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.generation += 1;
        state.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_up_that_began_before_a_change_is_not_remembered() {
        let cache: ReadThrough<u8, &str> = ReadThrough::default();
        let found = cache
            .get(&1, async || {
                cache.forget(&1);
                Ok(Some("old"))
            })
            .await;
        assert_eq!(found.expect("an answer"), Some("old"));
        let found = cache.get(&1, async || Ok(Some("new"))).await;
        assert_eq!(found.expect("an answer"), Some("new"));
        let found = cache.get(&1, async || Ok(Some("never asked"))).await;
        assert_eq!(found.expect("an answer"), Some("new"));
    }
}
