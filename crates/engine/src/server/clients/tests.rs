use std::hash::{DefaultHasher, Hasher};
use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn table(clients: usize) -> ClientTable {
    ClientTable::new(&ServeConfig { clients, ..ServeConfig::default() }, [3; 32])
}

fn at(seconds: f64) -> Mono {
    Mono::from_nanos(1_000_000_000_000).after(seconds)
}

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

/// Enters a request and gives whether somebody was crowded out.
fn ask(table: &mut ClientTable, address: IpAddr, now: Mono) -> bool {
    table.enter(address, 40_000, 0x23, now).expect("a table").crowded_out
}

fn all(table: &mut ClientTable, now: Mono) -> Vec<ClientReport> {
    let mut all = Clients::from_iter([table]).all(now);
    all.sort_by_key(|client| client.address);
    all
}

#[test]
fn the_hash_is_that_of_the_standard_library() {
    for bytes in [[0; 16], [7; 16], core::array::from_fn(|at| at as u8 * 17)] {
        let mut theirs = DefaultHasher::new();
        theirs.write(&bytes);
        assert_eq!(hash(&[0, 0], bytes), theirs.finish());
    }
}

#[test]
fn a_client_is_told_as_it_asked() {
    let mut table = table(100);
    for seconds in [0.0, 4.0, 8.0] {
        assert!(!ask(&mut table, ip("192.0.2.1"), at(seconds)));
    }
    ask(&mut table, ip("192.0.2.2"), at(9.0));
    let all = all(&mut table, at(10.0));
    assert_eq!(all.len(), 2);
    let client = all[0];
    assert_eq!((client.address, client.requests, client.dropped), (ip("192.0.2.1"), 3, 0));
    assert_eq!((client.first_age_s, client.last_age_s), (10.0, 2.0));
    assert_eq!((client.interval_s, client.limited_interval_s), (Some(4.0), None));
    assert_eq!((client.port, client.version, client.mode), (40_000, 4, 3));
    assert_eq!(all[1].interval_s, None);
}

#[test]
fn intervals_after_a_drop_are_told_apart() {
    let mut table = table(8);
    for (seconds, dropped) in [(0.0, false), (8.0, true), (9.0, true), (10.0, false), (18.0, false)] {
        let entered = table.enter(ip("192.0.2.1"), 1, 0x23, at(seconds)).unwrap();
        if dropped {
            table.count_dropped(Some(entered.place));
        }
    }
    let client = all(&mut table, at(20.0))[0];
    assert_eq!((client.interval_s, client.limited_interval_s, client.dropped), (Some(8.0), Some(1.0), 2));
}

/// AT-15: the same client, however its address is written, and whichever one of its network it takes.
#[test]
fn at15_the_addresses_of_one_client_are_one_client() {
    let mut table = table(1000);
    for same in ["192.0.2.1", "::ffff:192.0.2.1"] {
        ask(&mut table, ip(same), at(0.0));
    }
    for host in 0..1000_u128 {
        let rotated = u128::from("2001:db8:1:2::".parse::<Ipv6Addr>().unwrap()) | host << 40;
        ask(&mut table, Ipv6Addr::from(rotated).into(), at(host as f64));
    }
    for other in ["2001:db8:1:3::1", "fe80::1", "fe80::2", "::1"] {
        ask(&mut table, ip(other), at(1000.0));
    }
    let all = all(&mut table, at(1000.0));
    let shown: Vec<_> = all.iter().map(|client| (client.address, client.requests)).collect();
    let last = Ipv6Addr::from(u128::from("2001:db8:1:2::".parse::<Ipv6Addr>().unwrap()) | 999 << 40);
    let expected = [
        (ip("192.0.2.1"), 2),
        (ip("::1"), 1),
        (last.into(), 1000),
        (ip("2001:db8:1:3::1"), 1),
        (ip("fe80::1"), 1),
        (ip("fe80::2"), 1),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn na26_client_table_memory_bounded() {
    let mut table = table(64);
    let (rows, proven) = (table.rows.as_ptr(), table.proven.as_ptr());
    let mut lost = 0;
    for client in 0..100_000_u32 {
        lost += u32::from(ask(&mut table, Ipv4Addr::from(client).into(), at(f64::from(client) * 1e-4)));
    }
    assert_eq!((table.rows.as_ptr(), table.proven.as_ptr()), (rows, proven), "nothing was allocated");
    let known = all(&mut table, at(10.0));
    assert_eq!((table.places(), known.len(), lost), (64, 64, 100_000 - 64));
    // Those who came last but for few.
    assert!(known.iter().all(|client| client.last_age_s < 1.0), "{known:?}");
}

#[test]
fn na26_a_flood_of_forged_addresses_crowds_out_nobody_who_comes_again() {
    let mut table = table(256);
    let clients: Vec<IpAddr> = (1..=50).map(|host| Ipv4Addr::new(192, 0, 2, host).into()).collect();
    let mut forged = 0_u32;
    for minute in 0..60 {
        let now = at(f64::from(minute) * 64.0);
        clients.iter().for_each(|client| _ = ask(&mut table, *client, now));
        // Not before they have come twice: nobody is known by then.
        for _ in 0..if minute < 2 { 0 } else { 5_000 } {
            forged += 1;
            ask(&mut table, Ipv4Addr::from(0x0a00_0000 + forged).into(), now.after(1.0));
        }
    }
    let known = all(&mut table, at(3600.0));
    let kept = known.iter().filter(|client| client.requests == 60).count();
    // Eight of them can only be in one row by chance.
    assert!(kept >= 49, "{kept} of 50 were kept");
}

#[test]
fn na26_who_has_gone_makes_room() {
    let mut table = table(64);
    for client in 0..1000_u32 {
        for seconds in [0.0, 1.0] {
            ask(&mut table, Ipv4Addr::from(client).into(), at(seconds));
        }
    }
    for client in 5000..6000_u32 {
        ask(&mut table, Ipv4Addr::from(client).into(), at(4000.0));
    }
    assert!(all(&mut table, at(4000.0)).iter().all(|client| client.last_age_s < 1.0));
}

/// NA-26: rows that are full by design under one seed are not under another.
#[test]
fn na26_collisions_cannot_be_chosen_beforehand() {
    let rows = |table: &ClientTable| -> Vec<usize> {
        let networks = (0..200_u32).map(|client| Network::of(Ipv4Addr::from(client).into()));
        networks.map(|network| table.row_of(network).unwrap().0).collect()
    };
    let one = rows(&table(4096));
    let other = ClientTable::new(&ServeConfig::default(), [4; 32]);
    let same = one.iter().zip(rows(&other)).filter(|(one, other)| **one == *other).count();
    assert!(same < 10, "{same} of 200 in 512 rows");
}

#[test]
fn without_room_nobody_is_entered_or_limited() {
    let config = ServeConfig { clients: 0, rate_limit: Some(RateLimit::default()), ..ServeConfig::default() };
    let mut table = ClientTable::new(&config, [3; 32]);
    assert!(table.enter(ip("192.0.2.1"), 1, 0x23, at(0.0)).is_none());
    assert_eq!(table.judge(None, Sender::Anybody, at(0.0)), Judgement::Answer);
    assert_eq!(table.judge(None, Sender::Nts([1; 16]), at(0.0)), Judgement::Answer);
    assert!(all(&mut table, at(0.0)).is_empty());
}

#[test]
fn several_tables_are_one() {
    let (mut one, mut two) = (table(8), table(8));
    ask(&mut one, ip("192.0.2.1"), at(0.0));
    ask(&mut one, ip("192.0.2.1"), at(2.0));
    for seconds in [1.0, 3.0] {
        two.enter(ip("192.0.2.1"), 7, 0x1b, at(seconds)).unwrap();
    }
    ask(&mut two, ip("192.0.2.2"), at(5.0));
    let mut both = Clients::from_iter([&mut one, &mut two]);
    assert_eq!(both.places(), 16);
    let mut known = both.all(at(6.0));
    known.sort_by_key(|client| client.address);
    assert_eq!(known.len(), 2);
    let client = known[0];
    assert_eq!((client.requests, client.first_age_s, client.last_age_s), (4, 6.0, 3.0));
    assert_eq!((client.interval_s, client.port, client.version), (Some(1.0), 7, 3));
    let place = (0..16).find(|&place| both.at(place, at(6.0)).is_some_and(|one| one.requests == 4)).unwrap();
    both.reset(place, at(6.0));
    assert_eq!(both.all(at(6.0)).iter().map(|client| client.requests).sum::<u64>(), 1);
    assert!(both.at(16, at(6.0)).is_none());
}

#[test]
fn another_size_begins_anew_and_another_limit_does_not() {
    let mut table = table(64);
    ask(&mut table, ip("192.0.2.1"), at(0.0));
    let limited =
        ServeConfig { clients: 64, rate_limit: Some(RateLimit::default()), ..ServeConfig::default() };
    table.handle_config(&limited);
    assert_eq!(all(&mut table, at(0.0)).len(), 1);
    table.take_over(ClientTable::new(&limited, [9; 32]));
    assert_eq!(all(&mut table, at(0.0)).len(), 1);
    table.take_over(ClientTable::new(&ServeConfig { clients: 8, ..limited }, [9; 32]));
    assert_eq!((all(&mut table, at(0.0)).len(), table.places()), (0, 8));
}

proptest! {
    /// The bucket against its definition: in any time, `burst` answers and one an interval.
    #[test]
    fn the_bucket_holds_what_it_promises(
        gaps_ms in proptest::collection::vec(0..3000_u64, 1..200), interval_ms in 1..2000_u64, burst in 1..20_u32,
    ) {
        let limit = RateLimit { interval_ns: interval_ms * 1_000_000, burst, leak: u32::MAX, kiss: None };
        let config = ServeConfig { clients: 8, rate_limit: Some(limit), ..ServeConfig::default() };
        let mut table = ClientTable::new(&config, [3; 32]);
        let mut now_ns = 5_000_000_000;
        let mut answers: Vec<u64> = Vec::new();
        // In millionths of a token, so that nothing is lost.
        let (mut tokens, full) = (u64::from(burst) * interval_ms, u64::from(burst) * interval_ms);
        for gap_ms in gaps_ms {
            now_ns += gap_ms * 1_000_000;
            tokens = (tokens + gap_ms).min(full);
            let now = Mono::from_nanos(now_ns);
            let place = table.enter(ip("192.0.2.1"), 1, 0x23, now).unwrap().place;
            let answered = table.judge(Some(place), Sender::Anybody, now) == Judgement::Answer;
            prop_assert_eq!(answered, tokens >= interval_ms);
            if answered {
                tokens -= interval_ms;
                answers.push(now_ns / 1_000_000);
            }
        }
        for (first, from) in answers.iter().enumerate() {
            for (last, to) in answers.iter().enumerate().skip(first) {
                prop_assert!((last - first) as u64 <= u64::from(burst) + (to - from) / interval_ms);
            }
        }
    }
}
