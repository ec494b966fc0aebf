//! What must hold for any packet and any course of events.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use proptest::collection::vec;
use proptest::prelude::*;
use truechimer_engine::{Command, Event, Token, Transmit};
use truechimer_time::{Leap, NtpDuration};

/// A synchronised world with one request outstanding.
fn pending() -> (World, Transmit) {
    let mut world =
        World::new(config(vec![source(1), source(2)]), 0.01, 5.0, vec![Server::new(1), Server::new(2)]);
    world.run(30.0);
    world.server(1).alive = false;
    let from = world.servers[0].address;
    for _ in 0..200 {
        let before = world.sent.len();
        world.run(0.5);
        if let Some((_, request)) = world.sent[before..].iter().find(|(_, sent)| sent.remote == from) {
            let request = *request;
            return (world, request);
        }
    }
    panic!("no poll");
}

/// Ways to spoil a good reply.
#[derive(Clone, Debug)]
enum Spoil {
    /// Random bytes in its place.
    Replace(Vec<u8>),
    /// Bits flipped.
    Flip(Vec<(usize, u8)>),
    /// Cut short.
    Cut(usize),
    /// Followed by something.
    Extend(Vec<u8>),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        vec(any::<u8>(), 0..200).prop_map(Spoil::Replace),
        vec((0_usize..48, 1_u8..), 1..6).prop_map(Spoil::Flip),
        (0_usize..48).prop_map(Spoil::Cut),
        vec(any::<u8>(), 1..120).prop_map(Spoil::Extend),
    ]
}

impl Spoil {
    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Replace(other) => return other.clone(),
            Self::Flip(flips) => flips.iter().for_each(|(at, bits)| bytes[*at] ^= bits),
            Self::Cut(len) => bytes.truncate(*len),
            Self::Extend(more) => bytes.extend(more),
        }
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// I8: a packet that fails a check changes nothing but its counter.
    #[test]
    fn na_17_bad_packets_change_nothing(spoils in vec((spoil(), any::<bool>(), any::<bool>()), 1..40)) {
        let (mut world, request) = pending();
        for (spoil, right_token, right_address) in spoils {
            let reply = spoil.apply(world.honest_reply(&request).write().to_vec());
            let token = if right_token { request.token } else { Token(99_999) };
            let from = if right_address { request.remote } else { "198.51.100.1:123".parse().unwrap() };
            let before = world.digest();
            let refused = |world: &World| -> u64 { world.report().sources.iter().flat_map(|s| s.dropped.values()).sum() };
            let drops = refused(&world);
            let kisses = world.saw(|event| matches!(event, Event::Kiss { .. }));
            world.inject(token, from, &reply);
            let unchanged = world.digest() == before;
            // It was counted and changed nothing, or (spoilt in a harmless place) it was taken.
            if refused(&world) == drops + 1 {
                prop_assert!(unchanged, "{spoil:?}");
            } else if !right_address {
                prop_assert!(unchanged, "a stranger's packet was taken");
            } else {
                let kissed = world.saw(|event| matches!(event, Event::Kiss { .. })) > kisses;
                prop_assert!(right_token && (kissed || !world.open.contains_key(&request.token)));
                return Ok(());
            }
        }
    }

    /// Whatever happens, the engine stays bounded, makes progress, and tells no nonsense.
    #[test]
    fn any_course_of_events_stays_bounded(course in vec((0_u8..14, 0.0_f64..1.0), 1..60)) {
        let names = config(vec![source(1), source(2), named("ntp.example"), pool("pool.example", 4)]);
        let mut base = names.clone();
        base.serve = Some(serve());
        let mut world = World::new(base, 0.2, 30.0, (1..=9).map(Server::new).collect());
        world.honest = false;
        world.serving = false;
        for (what, size) in course {
            let server = 1 + (size * 9.0) as u8 % 9;
            match what {
                0 => world.run(size),
                1 => world.run(size * 100.0),
                2 => world.run(size * 10_000.0),
                3 => world.meddle((size - 0.5) * 10.0),
                4 => world.meddle((size - 0.5) * 1e9),
                5 => world.server(server).alive ^= true,
                6 => world.server(server).error_s = (size - 0.5) * 4.0,
                7 => world.server(server).leap = Leap::from_bits((size * 4.0) as u8),
                8 => { world.dns.insert("pool.example".into(), Ok((1..=9).map(|last| [192, 0, 2, last].into()).collect())); }
                9 => world.command(Command::Burst(None)),
                10 => world.command(Command::Offline(None)),
                11 => world.command(Command::Online(None)),
                12 => world.fail_steps = (size > 0.5).then_some(1),
                _ => world.advance(world.truth + NtpDuration::from_seconds(size * 1e5)),
            }
            let turns = world.turns;
            world.run(10.0);
            prop_assert!(world.turns - turns < 3000);
            prop_assert!(world.most_open <= 7);
            let report = world.report();
            prop_assert!(report.system.bound_s.is_none_or(|bound| bound.is_finite() && bound >= 0.0));
            prop_assert!(report.system.offset_s.is_finite());
            prop_assert!(report.system.frequency_ppm.abs() <= 500.0);
            prop_assert!(!report.system.synchronised || report.system.bound_s.unwrap() <= 1.6);
        }
    }
}
