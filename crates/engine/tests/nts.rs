//! Associations with NTS: how they come to keys, what they do with cookies, and when they get new ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_engine::report::{NtsReport, SourceReport, SourceState};

/// A world with one source, `ke.example` at 192.0.2.1.
fn world(error_s: f64) -> (World, SharedKeyServer) {
    let keys = KeyServer::new();
    let mut world = World::new(config(vec![secured("ke.example")]), error_s, 10.0, vec![keyed(1, &keys)]);
    world.key_servers.insert("ke.example".into(), keys.clone());
    world.dns.insert("ke.example".into(), Ok(vec!["192.0.2.1".parse().unwrap()]));
    (world, keys)
}

fn only(world: &World) -> SourceReport {
    world.report().sources.into_iter().next().unwrap()
}

fn nts(world: &World) -> NtsReport {
    only(world).authentication.unwrap().nts.unwrap()
}

#[test]
fn a_source_with_nts_synchronises_and_keeps_its_jar_full() {
    let (mut world, keys) = world(0.3);
    world.run(3000.0);
    let source = only(&world);
    assert_eq!(source.state, SourceState::SystemPeer, "{source:?}");
    assert!(world.error().abs() < 0.001 && world.worst_excess <= 0.0);
    assert!(source.dropped.is_empty(), "{:?}", source.dropped);
    assert_eq!(source.accepted, keys.borrow().answered);
    let report = nts(&world);
    assert_eq!((report.cookies, report.key_exchanges, report.naks), (8, 1, 0));
    assert_eq!(world.exchanges.len(), 1);
    assert_eq!(world.exchanges[0].1.remote, "192.0.2.1:4460".parse().unwrap());
}
