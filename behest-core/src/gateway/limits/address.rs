//! Networks of addresses, as a configuration names them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::Deserialize;

/// Text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network: write an address such as 10.0.0.1, or one with a prefix such as 10.0.0.0/8")]
pub struct BadNetwork(String);

/// A network: an address with how many of its first bits count. `10.0.0.1` alone is `10.0.0.1/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    /// Its first address.
    first: IpAddr,
    /// How many bits all of its addresses share.
    prefix: u8,
}

impl Network {
    /// Whether `address` is one of this network's. An IPv4 address that came mapped into IPv6 is the IPv4 one.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => masked_v4(address, self.prefix) == first,
            (IpAddr::V6(first), IpAddr::V6(address)) => masked_v6(address, self.prefix) == first,
            _ => false,
        }
    }
}

fn masked_v4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn masked_v6(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        if prefix > bits {
            return Err(bad());
        }
        let (address, prefix) = match address.to_canonical() {
            // Mapped into IPv6: addresses are compared as IPv4, and so is this. One that holds more than mapped
            // addresses would hold none of those it seems to name.
            mapped @ IpAddr::V4(_) if address.is_ipv6() => (mapped, prefix.checked_sub(96).ok_or_else(bad)?),
            plain => (plain, prefix),
        };
        let first = match address {
            IpAddr::V4(address) => IpAddr::V4(masked_v4(address, prefix)),
            IpAddr::V6(address) => IpAddr::V6(masked_v6(address, prefix)),
        };
        Ok(Self { first, prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = BadNetwork;

    fn try_from(text: String) -> Result<Self, BadNetwork> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().expect("a network")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_network_holds_the_addresses_that_share_its_first_bits() {
        assert!(network("10.0.0.0/8").contains(address("10.255.1.2")));
        assert!(!network("10.0.0.0/8").contains(address("11.0.0.0")));
        assert!(network("10.0.0.0/8").contains(address("::ffff:10.1.2.3")));
        assert!(network("192.0.2.7").contains(address("192.0.2.7")));
        assert!(!network("192.0.2.7").contains(address("192.0.2.8")));
        assert!(network("0.0.0.0/0").contains(address("203.0.113.9")));
        assert!(!network("0.0.0.0/0").contains(address("2001:db8::1")));
        assert!(network("2001:db8::/32").contains(address("2001:db8:1::")));
        assert!(!network("2001:db8::/32").contains(address("2001:db9::")));
        assert!(network("::/0").contains(address("2001:db9::")));
        assert_eq!(network("10.1.2.3/8").to_string(), "10.0.0.0/8");
    }

    #[test]
    fn a_network_mapped_into_ipv6_is_the_ipv4_one() {
        assert_eq!(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
        assert_eq!(network("::ffff:192.0.2.7"), network("192.0.2.7"));
        assert_eq!(network("::ffff:0.0.0.0/96"), network("0.0.0.0/0"));
        assert!(network("::ffff:10.0.0.0/104").contains(address("10.1.2.3")));
        assert!(network("::ffff:10.0.0.0/104").contains(address("::ffff:10.1.2.3")));
        assert!("::ffff:10.0.0.0/95".parse::<Network>().is_err());
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "example.com", "10.0.0.0/-1"] {
            assert_eq!(bad.parse::<Network>(), Err(BadNetwork(bad.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn a_network_holds_the_address_it_was_made_of_and_is_read_back(bits: u32, prefix in 0_u8..=32) {
            let own = Ipv4Addr::from_bits(bits);
            let network = network(&format!("{own}/{prefix}"));
            prop_assert!(network.contains(IpAddr::V4(own)));
            prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
            if prefix > 0 {
                let other = Ipv4Addr::from_bits(bits ^ (1 << (32 - u32::from(prefix))));
                prop_assert!(!network.contains(IpAddr::V4(other)));
            }
        }
    }
}
