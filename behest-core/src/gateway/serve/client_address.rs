//! Where a request comes from, and how many requests an address may make in a minute.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::Request;
use http::{HeaderMap, HeaderName, Method};
use uuid::Uuid;

use super::edge::Peer;
use crate::gateway::config::FailureMode;
use crate::gateway::limits::address::Network;
use crate::gateway::limits::counters::{Amount, Demand, Denied, Take, Taking, Units};
use crate::gateway::limits::exceeded::Exceeded;
use crate::gateway::limits::layers::LayerName;
use crate::gateway::limits::meter::{Measure, Meter, Payer, Subject};
use crate::gateway::limits::rates::Rates;
use crate::gateway::limits::window::Window;
use crate::gateway::refusal::Refusal;
use crate::gateway::{Gateway, clock};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What a proxy in front adds; any of them says that the client is not on this machine.
const FORWARDING: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

/// Whether somebody else stands behind whoever sent the request.
#[must_use]
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDING.iter().any(|name| headers.contains_key(*name))
}

/// The client's address: the socket's, or the one that the trusted proxies in front tell, counted from the right. What
/// stands further to the left was written by somebody whom nobody vouches for.
#[must_use]
pub fn client(headers: &HeaderMap, socket: IpAddr, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = socket.to_canonical();
    for value in headers.get_all(FORWARDED_FOR).iter().rev() {
        for told in value.to_str().unwrap_or_default().rsplit(',') {
            if !is_trusted(address) {
                return address;
            }
            let Some(told) = parse(told.trim()) else { return address };
            address = told;
        }
    }
    address
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(text.parse::<std::net::SocketAddr>().ok()?.ip()));
    let address = address.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.map(|address| address.to_canonical())
}

/// What is counted together: an IPv4 address, or the network of an IPv6 one, of which a client has all.
fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// An address whose requests are counted, and how many it may make in a minute.
#[derive(Debug, Clone, Copy)]
pub struct Limited {
    address: IpAddr,
    limit: u64,
}

/// Where a request comes from, if its address is limited. Preflights and signs of life are not.
#[must_use]
pub fn limited(gateway: &Gateway, request: &Request) -> Option<Limited> {
    let limits = &gateway.config().limits;
    // Calls inside the process have no address.
    let Peer(peer) = request.extensions().get::<Peer>().copied()?;
    let is_free = request.method() == Method::OPTIONS || matches!(request.uri().path(), "/health" | "/ready");
    let loopback = gateway.hosts().loopback && !is_forwarded(request.headers());
    let limit = limits.ip_rpm(loopback).filter(|_| limits.enabled && !is_free)?;
    let address = counted(client(request.headers(), peer.ip(), &limits.trusted_proxies));
    Some(Limited { address, limit })
}

/// Counts a request by its address, before its credential is looked at.
///
/// # Errors
/// When the address has made its requests of this minute.
pub async fn admit(gateway: &Gateway, limited: Limited, rates: &Rates) -> Result<(), Refusal> {
    let Limited { address, limit } = limited;
    let limits = &gateway.config().limits;
    let now = clock::now_ms();
    let meter = Meter {
        project: Uuid::nil(),
        subject: Subject::Address(address),
        measure: Measure::Requests,
        window: Window::Minute,
    };
    let lease = Uuid::now_v7();
    let take = Take {
        lease,
        operation: lease,
        payer: Arc::new(Payer::nobody()),
        admitted_at: now,
        expires_at: now,
        demands: vec![Demand {
            meter: Arc::new(meter),
            limit: Some(limit),
            amount: Amount::ONE,
            taking: Taking::Spend,
        }],
        units: Units::default(),
    };
    let taken = gateway.counters().take(take).await;
    // It holds nothing: what it took is used.
    gateway.counters().release(lease);
    match taken {
        Ok(grant) => {
            for standing in &grant.standings {
                rates.note_named(LayerName::Ip, Measure::Requests, limit, standing);
            }
            Ok(())
        }
        Err(Denied::Full { standing, .. }) => {
            rates.note_named(LayerName::Ip, Measure::Requests, limit, &standing);
            Err(Exceeded::address(limit, standing, now).into())
        }
        Err(Denied::Store(error)) if limits.when_unavailable.ip == FailureMode::Open => {
            tracing::warn!(%error, "requests of an address cannot be counted, and pass");
            Ok(())
        }
        Err(Denied::Store(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn told(forwarded: &[&'static str], socket: &str, trusted: &[&str]) -> String {
        let headers = forwarded.iter().map(|value| (FORWARDED_FOR, HeaderValue::from_static(value)));
        let trusted: Vec<Network> =
            trusted.iter().map(|network| network.parse().expect("a network")).collect();
        client(&headers.collect(), socket.parse().expect("an address"), &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_from_the_right() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(told(&["1.1.1.1"], "9.9.9.9", &[]), "9.9.9.9", "nobody is trusted");
        assert_eq!(told(&["1.1.1.1"], "9.9.9.9", &proxies), "9.9.9.9", "the socket is no proxy of ours");
        assert_eq!(told(&["1.1.1.1"], "10.0.0.1", &proxies), "1.1.1.1");
        assert_eq!(told(&["6.6.6.6, 1.1.1.1, 10.0.0.2"], "10.0.0.1", &proxies), "1.1.1.1");
        assert_eq!(told(&["6.6.6.6", "1.1.1.1"], "10.0.0.1", &proxies), "1.1.1.1", "of two headers the last");
        assert_eq!(told(&["nonsense"], "10.0.0.1", &proxies), "10.0.0.1");
        assert_eq!(told(&["[2001:db8::1]:443"], "::ffff:10.0.0.1", &proxies), "2001:db8::1");
        assert_eq!(told(&[], "10.0.0.1", &proxies), "10.0.0.1");
    }

    #[test]
    fn an_ipv6_client_has_one_count_for_its_whole_network() {
        let one = |text: &str| counted(text.parse().expect("an address")).to_string();
        assert_eq!(one("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(one("192.0.2.7"), "192.0.2.7");
    }
}
