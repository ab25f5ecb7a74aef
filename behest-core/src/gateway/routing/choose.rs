//! The order in which a route's models are asked.

use crate::gateway::context::Candidate;
use crate::gateway::ledger::record::Tokens;
use crate::types::control::RouteStrategy;

/// What the order depends on beside the candidates themselves.
#[derive(Debug, Clone, Copy)]
pub struct Call<'c> {
    /// How one is chosen.
    pub strategy: RouteStrategy,
    /// Their shares, by their place; equal where absent.
    pub weights: &'c [u32],
    /// What the call is expected to use.
    pub tokens: Tokens,
}

/// Puts the candidates in the order in which they are asked. `chance` draws from 0 to 1.
#[must_use]
pub fn order(candidates: Vec<Candidate>, call: Call<'_>, mut chance: impl FnMut() -> f64) -> Vec<Candidate> {
    match call.strategy {
        RouteStrategy::Priority => candidates,
        RouteStrategy::Weighted => {
            let weight = |place: usize| call.weights.get(place).copied().unwrap_or(1);
            let drawn = |(place, candidate)| (drawn(weight(place), chance()), candidate);
            by(candidates.into_iter().enumerate().map(drawn).collect())
        }
        RouteStrategy::Cheapest => {
            // What nobody knows the price of is asked last.
            let cost = |candidate: &Candidate| {
                candidate.price.as_ref().map_or(f64::INFINITY, |price| price.of(&call.tokens).0 as f64)
            };
            by(candidates.into_iter().map(|candidate| (cost(&candidate), candidate)).collect())
        }
        RouteStrategy::Fastest => by(candidates
            .into_iter()
            .map(|candidate| (candidate.target.expected_seconds(), candidate))
            .collect()),
    }
}

/// A draw that puts each place first as often as its weight says: the exponential form of weighted sampling without
/// replacement (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006). Smallest first.
fn drawn(weight: u32, chance: f64) -> f64 {
    if weight == 0 { f64::INFINITY } else { -(1.0 - chance).ln() / f64::from(weight) }
}

/// Smallest first; what is equal keeps its order.
fn by(mut keyed: Vec<(f64, Candidate)>) -> Vec<Candidate> {
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    keyed.into_iter().map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::gateway::context::Model;
    use crate::gateway::ledger::money::PicoUsdPerToken;
    use crate::gateway::ledger::prices::Price;
    use crate::gateway::providers::Upstream;
    use crate::gateway::routing::health::Health;

    fn candidates(health: &Health, prices: &[Option<u64>]) -> Vec<Candidate> {
        let upstream = Arc::new(Upstream::offline());
        let candidate = |(place, input): (usize, &Option<u64>)| {
            let name = format!("m{place}");
            let price = input.map(|input| Arc::new(Price { input: PicoUsdPerToken(input), ..Price::free() }));
            let target = health.target(&upstream, &name, None);
            let model = Model { name, upstream: Arc::clone(&upstream), listed: None };
            Candidate { model, price, is_fallback: false, target }
        };
        prices.iter().enumerate().map(candidate).collect()
    }

    fn names(candidates: &[Candidate]) -> Vec<&str> {
        candidates.iter().map(|candidate| candidate.model.name.as_str()).collect()
    }

    fn call(strategy: RouteStrategy, weights: &[u32]) -> Call<'_> {
        Call { strategy, weights, tokens: Tokens { input: Some(1_000), ..Tokens::default() } }
    }

    #[test]
    fn the_cheapest_comes_first_and_unknown_prices_last() {
        let health = Health::default();
        let found = candidates(&health, &[None, Some(3_000_000), Some(1_000_000), Some(3_000_000)]);
        let found = order(found, call(RouteStrategy::Cheapest, &[]), || 0.5);
        assert_eq!(names(&found), ["m2", "m1", "m3", "m0"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_fastest_comes_first_once_all_are_known() {
        let health = Health::default();
        let found = candidates(&health, &[None, None, None]);
        for (candidate, milliseconds) in found.iter().zip([900, 100]) {
            let mut call = candidate.target.begin(false).await.expect("no limit");
            tokio::time::advance(Duration::from_millis(milliseconds)).await;
            call.answered();
        }
        let found = order(found, call(RouteStrategy::Fastest, &[]), || 0.5);
        assert_eq!(names(&found), ["m2", "m1", "m0"], "one that nobody knows is tried");
    }

    #[test]
    fn shares_are_kept() {
        let health = Health::default();
        let found = candidates(&health, &[None, None, None]);
        let mut random = fastrand::Rng::with_seed(7);
        let mut first = [0_u32; 3];
        for _ in 0..10_000 {
            let found = order(found.clone(), call(RouteStrategy::Weighted, &[3, 1, 0]), || random.f64());
            let place: usize = names(&found)[0].trim_start_matches('m').parse().expect("a place");
            first[place] += 1;
        }
        assert!((7_300..7_700).contains(&first[0]), "{first:?}");
        assert_eq!(first[2], 0, "a share of nothing is asked only when nobody else answers");
    }
}
