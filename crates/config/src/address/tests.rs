use proptest::prelude::*;

use super::*;

fn network(text: &str) -> Result<(String, u8), String> {
    parse_network(text, true)
        .map(|rule| (rule.network.to_string(), rule.prefix_len))
        .map_err(|fault| format!("{}: {}; {}", fault.rule.id, fault.message, fault.help))
}

#[test]
fn networks_are_read() {
    for (text, address, len) in [
        ("10.0.0.0/8", "10.0.0.0", 8),
        ("0.0.0.0/0", "0.0.0.0", 0),
        ("192.0.2.7", "192.0.2.7", 32),
        ("::/0", "::", 0),
        ("2001:DB8::/32", "2001:db8::", 32),
        ("::1", "::1", 128),
    ] {
        assert_eq!(network(text), Ok((address.into(), len)), "{text}");
    }
}

#[test]
fn na_28_a_network_with_host_bits_is_refused_with_the_right_one() {
    assert_eq!(
        network("10.1.2.3/9").unwrap_err(),
        "C032: `10.1.2.3/9` has bits beyond its prefix of 9; \
         write \"10.0.0.0/9\" for the network, or \"10.1.2.3\" for the one address"
    );
    assert!(network("10.0.0.0/0").unwrap_err().contains("write \"0.0.0.0/0\""));
    assert!(network("2001:db8::1/127").unwrap_err().contains("write \"2001:db8::/127\""));
}

#[test]
fn at_15_the_mapped_form_of_a_network_is_refused_so_that_there_is_one_way_to_write_it() {
    assert!(network("::ffff:10.0.0.0/104").unwrap_err().contains("write \"10.0.0.0/8\""));
    assert!(network("::ffff:192.0.2.1").unwrap_err().contains("write \"192.0.2.1/32\""));
    assert!(network("::/0").is_ok());
}

#[test]
fn netmasks_and_short_networks_get_the_form_that_is_meant() {
    assert!(network("10.0.0.0/255.255.240.0").unwrap_err().contains("write \"10.0.0.0/20\""));
    assert!(network("10.0.0.0/255.0.255.0").unwrap_err().contains("0 to 32"));
    assert!(network("10").unwrap_err().contains("write \"10.0.0.0/8\""));
    assert!(network("172.16./12").unwrap_err().contains("write \"172.16.0.0/12\""));
    assert!(network("10.20.30/33").unwrap_err().contains("write \"10.20.30.0/24\""));
    for garbage in
        ["", "/", "/8", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/ 8", "1.2.3.4.5", "[::]/0"]
    {
        assert!(network(garbage).is_err(), "{garbage}");
    }
}

#[test]
fn names_and_addresses_of_sources_are_read() {
    let name = |text: &str| Ok(Host::Name(text.into()));
    assert_eq!(parse_host("NTP.Example.NET"), name("ntp.example.net"));
    assert_eq!(parse_host("ntp.example.net."), name("ntp.example.net"));
    assert_eq!(parse_host("localhost"), name("localhost"));
    assert_eq!(parse_host("1.de.pool.ntp.org"), name("1.de.pool.ntp.org"));
    assert_eq!(parse_host("_ntp._udp.example"), name("_ntp._udp.example"));
    assert_eq!(parse_host("127.0.0.1"), Ok(Host::Address([127, 0, 0, 1].into())));
    assert!(parse_host(&format!("{}.example", "a".repeat(63))).is_ok());
    assert!(parse_host(&format!("{}.example", "a".repeat(64))).is_err());
    assert!(parse_host(&"a.".repeat(127)).is_ok(), "253 characters and a dot");
    assert!(parse_host(&format!("{}a", "a.".repeat(127))).is_err(), "255 characters");
    for bad in [".", "a..b", "-a.example", "a-.example", "a_b.1", "1.2.3", "010.0.0.1", "a,b", "a\u{0}b"] {
        assert!(parse_host(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_advice(text in "[-0-9a-fA-FxX.:/\\[\\]%*]{0,24}|.{0,24}") {
        for fault in [
            parse_host(&text).err(), parse_local(&text).err(), parse_listener(&text, 123).err(), parse_network(&text, true).err(),
        ].into_iter().flatten() {
            prop_assert!(!fault.help.is_empty() && !fault.message.is_empty());
        }
    }

    #[test]
    fn na_28_masking_equals_the_naive_way(bits in any::<u128>(), len in 0u8..=128) {
        let naive = (0..128).filter(|bit| *bit < len).fold(0, |sum, bit| sum | (bits & (1 << (127 - bit))));
        prop_assert_eq!(mask(IpAddr::V6(bits.into()), len), IpAddr::V6(naive.into()));
        let (bits, len) = (bits as u32, len.min(32));
        let naive = (0..32).filter(|bit| *bit < len).fold(0, |sum, bit| sum | (bits & (1 << (31 - bit))));
        prop_assert_eq!(mask(IpAddr::V4(bits.into()), len), IpAddr::V4(naive.into()));
    }

    #[test]
    fn the_suggested_network_is_legal(bits in any::<u32>(), len in 0u8..=32) {
        let text = format!("{}/{len}", Ipv4Addr::from(bits));
        if let Err(fault) = parse_network(&text, true) {
            let suggested = fault.help.split('"').nth(1).unwrap().to_owned();
            prop_assert!(parse_network(&suggested, true).is_ok(), "{}", suggested);
        }
    }
}
