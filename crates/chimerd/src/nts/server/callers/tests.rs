use super::*;

fn at(seconds: f64) -> Mono {
    Mono::default().after(seconds)
}

fn network(text: &str) -> Network {
    Network::of(text.parse().unwrap())
}

#[test]
fn addresses_of_one_site_are_one_caller() {
    assert_eq!(network("2001:db8:1:2ff::1"), network("2001:db8:1:200:ffff::9"));
    assert_ne!(network("2001:db8:1:2ff::1"), network("2001:db8:1:300::1"));
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
}

#[test]
fn a_caller_has_so_many_connections_and_no_more() {
    let mut callers = Callers::new(3, 1000.0);
    let caller = network("192.0.2.1");
    for _ in 0..3 {
        assert_eq!(callers.admit(caller, at(0.0)), Ok(()));
    }
    assert_eq!(callers.admit(caller, at(1.0)), Err(Refusal::TooMany));
    assert_eq!(callers.admit(network("192.0.2.2"), at(1.0)), Ok(()), "others are not concerned");
    callers.leave(caller);
    assert_eq!(callers.admit(caller, at(1.0)), Ok(()));
    callers.set_limits(4, 1000.0);
    assert_eq!(callers.admit(caller, at(1.0)), Ok(()));
    assert_eq!(callers.admit(caller, at(1.0)), Err(Refusal::TooMany));
}

#[test]
fn a_caller_comes_so_often_and_no_more_often() {
    let mut callers = Callers::new(usize::MAX, 2.0);
    let caller = network("192.0.2.1");
    let mut admitted = |now: f64| (0..1000).filter(|_| callers.admit(caller, at(now)).is_ok()).count();
    assert_eq!(admitted(0.0), 10, "five seconds' worth at once");
    assert_eq!(admitted(1.0), 2);
    assert_eq!(admitted(1.4), 0);
    assert_eq!(admitted(100.0), 10);
    let mut slow = Callers::new(1, 0.1);
    assert_eq!(slow.admit(caller, at(0.0)), Ok(()), "one is always possible");
}

#[test]
fn at_24_a_flood_from_everywhere_does_not_grow_the_table_and_frees_no_one_from_his_limit() {
    let mut callers = Callers::new(1, 1.0);
    let busy = network("198.51.100.1");
    callers.admit(busy, at(0.0)).unwrap();
    for n in 0..100_000_u32 {
        let network = Network::of(std::net::Ipv4Addr::from(0x0a00_0000 + n).into());
        assert_eq!(callers.admit(network, at(f64::from(n) * 1e-5)), Ok(()));
        callers.leave(network);
        assert!(callers.known.len() <= MOST_CALLERS);
    }
    assert_eq!(callers.admit(busy, at(2.0)), Err(Refusal::TooMany));
}
