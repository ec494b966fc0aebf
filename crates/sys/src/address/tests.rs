use super::*;

#[test]
fn addresses_survive_the_kernels_form() {
    for text in ["192.0.2.7:123", "127.0.0.1:65535", "[2001:db8::5]:123", "[fe80::1%3]:0", "0.0.0.0:0"] {
        let address: SocketAddr = text.parse().unwrap();
        let raw = RawAddress::new(address);
        assert_eq!(raw.parse(raw.length()), Some(address), "{text}");
    }
}

#[test]
fn a_short_or_foreign_address_is_none() {
    let raw = RawAddress::new("192.0.2.7:123".parse().unwrap());
    assert_eq!(raw.parse(4), None);
    let empty = RawAddress::empty();
    assert_eq!(empty.parse(empty.length()), None);
}
