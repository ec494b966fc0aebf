use super::*;
use crate::address::parse_host;

fn host(text: &str) -> Host {
    parse_host(text).unwrap()
}

#[test]
fn servers_of_others_are_told_from_ones_own() {
    for public in ["ntp.example.net", "198.41.0.4", "2001:500::1", "100.128.0.1"] {
        assert!(is_public(&host(public)), "{public}");
    }
    for own in [
        "ntp",
        "ntp.lan",
        "a.b.home.arpa",
        "10.0.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "100.64.0.1",
        "fd00::1",
        "::1",
    ] {
        assert!(!is_public(&host(own)), "{own}");
    }
}

#[test]
fn the_operator_is_the_registered_domain() {
    for (name, domain) in [
        ("a.ntp.example.net", Some("example.net")),
        ("example.net", Some("example.net")),
        ("a.example.net.", Some("example.net")),
        ("ntp1.npl.co.uk", Some("npl.co.uk")),
        ("npl.co.uk", Some("npl.co.uk")),
        ("ntp.example.de", Some("example.de")),
        ("localhost", None),
        ("192.0.2.1", None),
    ] {
        assert_eq!(operator(&host(name)), domain, "{name}");
    }
}

#[test]
fn general_pool_names_are_told_from_vendor_zones() {
    for general in
        ["pool.ntp.org", "2.pool.ntp.org", "de.pool.ntp.org", "0.europe.pool.ntp.org", "1.us.pool.ntp.org."]
    {
        assert!(is_general_pool(&host(general)), "{general}");
    }
    for other in ["2.debian.pool.ntp.org", "ntp.org", "carpool.ntp.org", "pool.example.org"] {
        assert!(!is_general_pool(&host(other)), "{other}");
    }
}
