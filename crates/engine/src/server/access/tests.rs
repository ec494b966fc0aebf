use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn rule(text: &str, allow: bool) -> AccessRule {
    let (network, len) = text.split_once('/').unwrap();
    AccessRule { network: network.parse().unwrap(), prefix_len: len.parse().unwrap(), allow }
}

fn allows(access: &Access, client: &str) -> bool {
    access.allows(client.parse().unwrap())
}

#[test]
fn nobody_is_served_by_default() {
    let access = Access::new(&[]);
    for client in ["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"] {
        assert!(!allows(&access, client), "{client}");
    }
}

#[test]
fn the_longest_prefix_decides_in_whatever_order() {
    let mut rules = [rule("10.0.0.0/8", true), rule("10.1.0.0/16", false), rule("10.1.2.0/24", true)];
    for _ in 0..3 {
        let access = Access::new(&rules);
        assert!(allows(&access, "10.0.0.1"));
        assert!(!allows(&access, "10.1.0.1"));
        assert!(allows(&access, "10.1.2.1"));
        assert!(!allows(&access, "11.0.0.1"));
        rules.rotate_left(1);
    }
}

#[test]
fn the_later_of_two_rules_for_one_network_holds() {
    let access = Access::new(&[rule("10.0.0.0/8", true), rule("10.0.0.0/8", false)]);
    assert!(!allows(&access, "10.0.0.1"));
}

#[test]
fn at_15_ipv6_bypass_mapped_addresses_are_ipv4() {
    let access = Access::new(&[rule("::/0", true), rule("0.0.0.0/0", true), rule("192.0.2.0/24", false)]);
    assert!(!allows(&access, "192.0.2.1"));
    assert!(!allows(&access, "::ffff:192.0.2.1"), "an IPv6 rule must not open what an IPv4 rule closes");
    assert!(allows(&access, "::ffff:198.51.100.1"));

    let access = Access::new(&[rule("::ffff:192.0.2.0/120", true)]);
    assert!(allows(&access, "192.0.2.1") && allows(&access, "::ffff:192.0.2.1"));
    assert!(!allows(&access, "192.0.3.1"));

    let access = Access::new(&[rule("::/0", true)]);
    assert!(!allows(&access, "192.0.2.1") && !allows(&access, "::ffff:192.0.2.1"));
    assert!(allows(&access, "::192.0.2.1"), "compatible is not mapped");
}

#[test]
fn a_prefix_that_is_too_long_counts_as_a_host() {
    let rules = [AccessRule { network: Ipv4Addr::LOCALHOST.into(), prefix_len: 200, allow: true }];
    let access = Access::new(&rules);
    assert!(allows(&access, "127.0.0.1") && !allows(&access, "127.0.0.0"));
}

/// The definition: of the rules that match, the one with the longest prefix, of those the last.
fn naive(rules: &[AccessRule], client: IpAddr) -> bool {
    let bits = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(address) => address.octets().iter().flat_map(|&o| bits_of(o)).collect::<Vec<_>>(),
        IpAddr::V6(address) => address.octets().iter().flat_map(|&o| bits_of(o)).collect(),
    };
    let client = bits(client);
    let matching = rules.iter().filter(|rule| {
        let network = bits(rule.network);
        let len = usize::from(rule.prefix_len);
        network.len() == client.len() && network[..len] == client[..len]
    });
    // max_by_key gives the last of several maxima.
    matching.max_by_key(|rule| rule.prefix_len).is_some_and(|rule| rule.allow)
}

fn bits_of(octet: u8) -> impl Iterator<Item = bool> {
    (0..8).rev().map(move |bit| octet >> bit & 1 == 1)
}

/// Addresses that share long prefixes with each other, so that rules nest and clients match.
fn clustered(width: u32) -> impl Strategy<Value = u128> {
    (0..=width, any::<u128>(), 0..4_u32).prop_map(move |(tail, noise, head)| {
        let noise = noise & 1_u128.checked_shl(tail).map_or(u128::MAX, |bit| bit - 1);
        (u128::from(head) << (width - 2)) ^ noise
    })
}

fn v4() -> impl Strategy<Value = IpAddr> {
    clustered(32).prop_map(|bits| Ipv4Addr::from(bits as u32).into())
}

fn v6() -> impl Strategy<Value = IpAddr> {
    clustered(128).prop_map(|bits| Ipv6Addr::from(bits).into())
}

fn rules() -> impl Strategy<Value = Vec<AccessRule>> {
    let v4 = (v4(), 0..=32_u8);
    let v6 = (v6().prop_filter("an IPv6 rule", |a| a.to_canonical().is_ipv6()), 0..=128_u8);
    let rule = (prop_oneof![v4, v6], any::<bool>()).prop_map(|((network, prefix_len), allow)| AccessRule {
        network,
        prefix_len,
        allow,
    });
    proptest::collection::vec(rule, 0..40)
}

proptest! {
    #[test]
    fn na_28_prefix_match_equals_naive(rules in rules(), clients in proptest::collection::vec(prop_oneof![v4(), v6()], 20)) {
        let access = Access::new(&rules);
        let networks = rules.iter().map(|rule| rule.network);
        for client in clients.into_iter().chain(networks) {
            prop_assert_eq!(access.allows(client), naive(&rules, client), "{}", client);
        }
    }

    #[test]
    fn na_28_prefix_match_equals_naive_at_every_length(client in prop_oneof![v4(), v6()]) {
        // The rule that matches by exactly its prefix, and the one that differs in its last bit.
        let width = if client.to_canonical().is_ipv4() { 32 } else { 128 };
        for prefix_len in 0..=width {
            let rule = AccessRule { network: client, prefix_len, allow: true };
            prop_assert!(Access::new(&[rule]).allows(client), "/{}", prefix_len);
            if prefix_len > 0 {
                let flip = 1_u128 << (width - prefix_len);
                let other = match client.to_canonical() {
                    IpAddr::V4(address) => Ipv4Addr::from(u32::from(address) ^ flip as u32).into(),
                    IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) ^ flip)),
                };
                if other.to_canonical().is_ipv4() == client.to_canonical().is_ipv4() {
                    prop_assert!(!Access::new(&[rule]).allows(other), "/{}", prefix_len);
                }
            }
        }
    }
}
