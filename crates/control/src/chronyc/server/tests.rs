//! Every request is answered, none at greater length, and none does more than its door permits.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use proptest::prelude::*;
use truechimer_engine::config::{AccessRule, EngineConfig, Host, ServeConfig, SourceKind, SourceOptions};
use truechimer_engine::report::SourceState;
use truechimer_engine::{Command, CommandError, Engine, Initial, SourceChange, Which};
use truechimer_time::{Cooked, Mono, Now, Stamp, StampSource};

use super::*;
use crate::chronyc::arguments::{
    Access as Network, ClientsFrom, Local, LocalSince47, NewSource, SelectOptions, SetInteger, Sources,
};
use crate::chronyc::{Address, Name, Timestamp, flags};

fn now() -> Now {
    Now { mono: Mono::from_nanos(1_000_000_000), cooked: Cooked::from_unix_nanos(1_795_000_000_000_000_000) }
}

struct Fake {
    engine: Engine,
    actions: Vec<Action>,
}

/// Without sources and clients.
fn config() -> EngineConfig {
    EngineConfig {
        sources: Vec::new(),
        serve: None,
        clock: Default::default(),
        selection: Default::default(),
        local: None,
        keys: Default::default(),
        nts: Default::default(),
        era_floor: Cooked::from_unix_nanos(315_532_800_000_000_000),
    }
}

impl Fake {
    fn new() -> Self {
        let engine = Engine::new(config(), Initial::default(), [7; 32], now());
        let mut fake = Self { engine, actions: Vec::new() };
        fake.add("192.0.2.1", 1);
        fake.add("ntp.example", 3);
        fake
    }

    fn add(&mut self, name: &str, kind: u32) {
        let new = NewSource { kind, name: Name::new(name), ..new_source() };
        assert_eq!(self.ask(Body::AddSource(new)).status, Status::Success, "{name}");
    }

    fn ask(&mut self, body: Body) -> Reply {
        let request = Request { attempt: 0, sequence: 9, body }.write();
        let reply = answer(&request, Access::Control, self).expect("no reply");
        assert!(reply.len() <= request.len());
        Reply::parse(&reply).expect("no reply that can be read")
    }
}

fn new_source() -> NewSource {
    NewSource {
        kind: 1,
        name: Name::new("192.0.2.9"),
        port: 123,
        min_poll: 6,
        max_poll: 10,
        version: 4,
        max_sources: 3,
        nts_port: 4460,
        max_delay: 3.0,
        flags: flags::ONLINE | flags::IBURST,
        ..NewSource::default()
    }
}

impl Daemon for Fake {
    fn report(&mut self) -> Report {
        self.engine.report(now())
    }
    fn carry_out(&mut self, action: Action) -> Status {
        self.actions.push(action.clone());
        match action {
            Action::Engine(command) => status(self.engine.handle_command(command, now())),
            _ => Status::Success,
        }
    }
    fn set_time(&mut self, time: Cooked) -> Result<TypedOutcome, CommandError> {
        self.engine.handle_typed_time(time, now())
    }
    fn typed_times(&mut self) -> Vec<TypedTime> {
        self.engine.typed_times(now())
    }
    fn serves(&self, client: IpAddr) -> bool {
        self.engine.serves(client)
    }
    fn lets_monitor(&self, client: IpAddr) -> bool {
        client.is_loopback()
    }
    fn with_clients(&mut self, look: &mut dyn FnMut(&mut Clients<'_>, Mono)) {
        look(&mut self.engine.clients().into_iter().collect(), now().mono);
    }
    fn counters(&self) -> Counters {
        Counters { received: 5_000_000_000, dropped: 1 }
    }
}

fn ip(address: [u8; 4]) -> Address {
    Address::Ip(Ipv4Addr::from(address).into())
}

/// chronyc writes `*` for 0, `x` for 2, `+` (combined) for 4, `-` (not combined) for 5, and `?` for 1.
#[test]
fn states_are_numbered_as_chronyc_shows_them() {
    let mut source = Fake::new().report().sources.remove(0);
    for (state, number) in [
        (SourceState::SystemPeer, 0),
        (SourceState::Unreachable, 1),
        (SourceState::Falseticker, 2),
        (SourceState::Survivor, 4),
        (SourceState::Outlier, 5),
    ] {
        source.state = state;
        assert_eq!(monitor::source_data(1, &source).state, number, "{state:?}");
    }
}

#[test]
fn sources_are_found_by_place_address_and_number() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask(Body::SourceCount(())).answer, Answer::SourceCount(2));
    let Answer::SourceData(data) = fake.ask(Body::SourceData(0)).answer else { panic!() };
    assert_eq!((data.address, data.state, data.since_sample), (ip([192, 0, 2, 1]), 1, u32::MAX));
    let Answer::SourceStats(stats) = fake.ask(Body::SourceStats(1)).answer else { panic!() };
    assert_eq!((stats.address, stats.samples, stats.deviation), (Address::Id(2), 0, 4.0));
    let name = |fake: &mut Fake, address| match fake.ask(Body::SourceName(address)).answer {
        Answer::SourceName(name) => name.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(name(&mut fake, Address::Id(2)), "ntp.example");
    assert_eq!(name(&mut fake, ip([192, 0, 2, 1])), "192.0.2.1");
    for body in [
        Body::SourceData(2),
        Body::SourceData(-1),
        Body::SourceName(Address::Unspecified),
        Body::NtpData(ip([192, 0, 2, 9])),
        Body::DeleteSource(Address::Id(1)),
        Body::DeleteSource(ip([192, 0, 2, 9])),
    ] {
        assert_eq!(fake.ask(body.clone()).status, Status::NoSuchSource, "{body:?}");
    }
    assert_eq!(fake.ask(Body::DeleteSource(Address::Id(2))).status, Status::Success);
    assert_eq!(fake.ask(Body::SourceCount(())).answer, Answer::SourceCount(1));
}

/// The protocol knows no ports, so the second source at an address goes by its number.
#[test]
fn two_sources_at_one_address_are_not_mixed_up() {
    let mut fake = Fake::new();
    let new = NewSource { name: Name::new("192.0.2.1"), port: 1123, ..new_source() };
    assert_eq!(fake.ask(Body::AddSource(new)).status, Status::Success);
    let place =
        fake.report().sources.iter().position(|source| source.name.ends_with(":1123")).unwrap() as u32;
    let Answer::SourceData(data) = fake.ask(Body::SourceData(place as i32)).answer else { panic!() };
    assert_eq!(data.address, Address::Id(place + 1));
    let packet = |fake: &mut Fake, address| match fake.ask(Body::NtpData(address)).answer {
        Answer::NtpDataSince47(data) => data.packet.remote_port,
        Answer::NtpData(data) => data.packet.remote_port,
        other => panic!("{other:?}"),
    };
    assert_eq!(packet(&mut fake, ip([192, 0, 2, 1])), 123);
    assert_eq!(packet(&mut fake, Address::Id(place + 1)), 1123);
    assert_eq!(fake.ask(Body::NtpData(Address::Id(1))).status, Status::NoSuchSource);
    let offline = Body::Offline(Sources { mask: Address::Unspecified, address: Address::Id(place + 1) });
    assert_eq!(fake.ask(offline).status, Status::Success);
    assert!(matches!(
        &fake.actions[..],
        [.., Action::Engine(Command::Switch { which: Which::Named(name), online: false })] if name.ends_with(":1123")
    ));
}

#[test]
fn a_new_source_is_what_was_asked_for() {
    let mut fake = Fake::new();
    let new = NewSource {
        name: Name::new("2001:db8::1"),
        port: 1123,
        flags: flags::NTS | flags::PREFER | flags::IPV6 | flags::COPY,
        min_stratum: 3,
        min_delay: 0.25,
        max_unreach: 20,
        ..new_source()
    };
    assert_eq!(fake.ask(Body::AddSource(new.clone())).status, Status::Success);
    let Some(Action::Engine(Command::Add(config))) = fake.actions.last() else { panic!() };
    let SourceKind::Server(endpoint) = &config.kind else { panic!() };
    assert_eq!(endpoint.host, Host::Address("2001:db8::1".parse().unwrap()));
    assert!(config.options.offline && config.options.prefer && !config.options.iburst);
    let SourceOptions { min_stratum, min_delay_s, max_unreach, copy, .. } = config.options;
    assert_eq!((min_stratum, min_delay_s, max_unreach, copy), (3, Some(0.25), Some(20), true));
    assert_eq!(fake.ask(Body::AddSource(new.clone())).status, Status::SourceAlreadyKnown);
    for (name, wanted) in
        [("", Status::InvalidName), ("a b", Status::InvalidName), ("../x", Status::InvalidName)]
    {
        let bad = NewSource { name: Name::new(name), ..new_source() };
        assert_eq!(fake.ask(Body::AddSource(bad)).status, wanted, "{name}");
    }
    for bad in [
        NewSource { min_poll: 99, ..new_source() },
        NewSource { port: 70_000, ..new_source() },
        NewSource { max_delay: -1.0, ..new_source() },
        NewSource { min_stratum: 16, ..new_source() },
        NewSource { kind: 7, ..new_source() },
    ] {
        assert_eq!(fake.ask(Body::AddSource(bad)).status, Status::Invalid);
    }
    assert_eq!(fake.ask(Body::AddSource(NewSource { kind: 2, ..new_source() })).status, Status::NotEnabled);
}

#[test]
fn commands_reach_the_engine_in_its_words() {
    let mut fake = Fake::new();
    let everybody = Sources { mask: Address::Unspecified, address: Address::Unspecified };
    fake.ask(Body::Offline(everybody));
    assert!(matches!(
        fake.actions.last(),
        Some(Action::Engine(Command::Switch { which: Which::All, online: false }))
    ));
    fake.ask(Body::ModifyMaxPoll(SetInteger { address: ip([192, 0, 2, 1]), value: 7 }));
    assert!(matches!(
        fake.actions.last(),
        Some(Action::Engine(Command::Change(_, SourceChange::MaxPoll(poll)))) if poll.exponent() == 7
    ));
    let raise = |value| Body::ModifyMinStratum(SetInteger { address: ip([192, 0, 2, 1]), value });
    assert_eq!(fake.ask(raise(16)).status, Status::Invalid);
    assert_eq!(fake.ask(raise(4)).status, Status::Success);
    assert!(matches!(
        fake.actions.last(),
        Some(Action::Engine(Command::Change(_, SourceChange::MinStratum(4))))
    ));
    let select = SelectOptions {
        address: ip([192, 0, 2, 1]),
        reference_id: 0,
        // As chronyc sends it for `+prefer -noselect`.
        mask: 0x3,
        options: flags::PREFER,
    };
    fake.ask(Body::ModifySelectOptions(select));
    let wanted =
        SourceChange::Select { prefer: Some(true), noselect: Some(false), trust: None, require: None };
    assert!(
        matches!(fake.actions.last(), Some(Action::Engine(Command::Change(_, change))) if *change == wanted)
    );
    let local = |stratum| Body::Local(Local { on: 1, stratum, distance: 0.5, orphan: 1 });
    assert_eq!(fake.ask(local(7)).status, Status::Success);
    let Some(Action::Engine(Command::SetLocal(Some(set)))) = fake.actions.last() else { panic!() };
    assert_eq!((set.stratum, set.orphan, set.takeover_s), (7, true, Some(0.5)));
    let newer = LocalSince47 {
        local: Local { on: 1, stratum: 7, distance: 0.5, orphan: 1 },
        activate: 0.125,
        wait_synced: 60.0,
        wait_unsynced: 300.0,
    };
    assert_eq!(fake.ask(Body::LocalSince47(newer)).status, Status::Success);
    let Some(Action::Engine(Command::SetLocal(Some(set)))) = fake.actions.last() else { panic!() };
    assert_eq!((set.activate_s, set.wait_synced_s, set.wait_unsynced_s), (Some(0.125), 60.0, 300.0));
    assert_eq!(fake.ask(local(16)).status, Status::Invalid);
    assert_eq!(fake.ask(Body::MakeStep(())).status, Status::Failed);
    assert_eq!(fake.ask(Body::CheckAccess(ip([10, 0, 0, 1]))).status, Status::AccessDenied);
    assert_eq!(fake.ask(Body::CheckCommandAccess(ip([127, 0, 0, 1]))).status, Status::AccessAllowed);
    let network = |prefix_len| Network { address: ip([10, 9, 8, 7]), prefix_len };
    assert_eq!(fake.ask(Body::Allow(network(33))).status, Status::BadSubnet);
    // Nobody is served here, so nobody can be let in.
    assert_eq!(fake.ask(Body::Allow(network(8))).status, Status::NotEnabled);
    let Some(Action::Engine(Command::SetAccess(rule, false))) = fake.actions.last() else { panic!() };
    assert_eq!(rule.network, IpAddr::from([10, 0, 0, 0]));
}

#[test]
fn what_this_daemon_cannot_do_is_refused_and_not_done() {
    let mut fake = Fake::new();
    let before = fake.actions.len();
    for (body, status) in [
        (Body::WriteRtc(()), Status::NoRtc),
        (Body::RtcReport(()), Status::NoRtc),
        (Body::Smoothing(()), Status::NotEnabled),
        (Body::SetTime(Timestamp::default()), Status::NotEnabled),
        (Body::Manual(3), Status::Invalid),
        (Body::ManualDelete(-1), Status::BadSample),
        (Body::ChangeFrequency(1.0), Status::NotEnabled),
        (Body::ChangeOffset(1.0), Status::NotEnabled),
        (Body::Clients(Default::default()), Status::Inactive),
    ] {
        let reply = fake.ask(body.clone());
        assert_eq!((reply.status, reply.answer), (status, Answer::Null(())), "{body:?}");
    }
    assert_eq!(fake.actions.len(), before);
    let Answer::ManualList(list) = fake.ask(Body::ManualList(())).answer else { panic!() };
    assert_eq!(list.count, 0);
}

/// As chronyc asks: eight at a time, from where the last reply says.
#[test]
fn clients_are_shown_a_few_at_a_time() {
    let mut fake = Fake::new();
    let serve = ServeConfig {
        access: vec![AccessRule { network: "0.0.0.0".parse().unwrap(), prefix_len: 0, allow: true }],
        ..ServeConfig::default()
    };
    let config = EngineConfig { serve: Some(serve), ..config() };
    fake.engine = Engine::new(config, Initial::default(), [7; 32], now());
    for client in 1..=20_u8 {
        for _ in 0..client {
            let mut request = [0; 48];
            request[0] = 0x23;
            let from = SocketAddr::from(([192, 0, 2, client], 123));
            let stamp = Stamp { at: now().cooked, source: StampSource::Kernel, error: 0.0 };
            fake.engine.handle_request(&mut request, 48, from, None, stamp, now());
        }
    }
    let list = |fake: &mut Fake, min_hits, reset| {
        let (mut first_index, mut all) = (0, Vec::new());
        loop {
            let asked = ClientsFrom { first_index, count: 8, min_hits, reset };
            let Answer::Clients(page) = fake.ask(Body::Clients(asked)).answer else { panic!() };
            assert!(page.count <= 8);
            all.extend(page.clients[..page.count as usize].iter().cloned());
            first_index = page.next_index;
            if page.next_index >= page.places || page.count < 8 {
                return all;
            }
        }
    };
    let all = list(&mut fake, 0, 0);
    assert_eq!((all.len(), all.iter().map(|client| client.ntp_hits).sum::<u32>()), (20, 210));
    let one = all.iter().find(|client| client.address == ip([192, 0, 2, 1])).unwrap();
    assert_eq!((one.ntp_interval, one.last_ntp_ago, one.last_command_ago), (127, 0, u32::MAX));
    assert_eq!(list(&mut fake, 15, 0).len(), 6);
    assert_eq!(list(&mut fake, 0, 1).len(), 20);
    assert!(list(&mut fake, 0, 0).iter().all(|client| client.ntp_hits == 0));
}

#[test]
fn a_typed_time_is_taken_listed_and_deleted() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask(Body::Manual(1)).status, Status::Success);
    let typed = |seconds| Body::SetTime(Timestamp { seconds, nanos: 500_000_000 });
    let reply = fake.ask(typed(1_795_000_010));
    // The clock is slow, which chrony counts as negative.
    let Answer::ManualTimestamp(outcome) = reply.answer else { panic!("{reply:?}") };
    assert_eq!(outcome.offset, -10.5);
    assert_eq!(fake.ask(typed(1_795_000_010)).status, Status::Failed, "twice in one second");
    let Answer::ManualList(list) = fake.ask(Body::ManualList(())).answer else { panic!() };
    assert_eq!((list.count, list.samples[0].original_offset), (1, -10.5));
    assert_eq!(list.samples[0].when, Timestamp { seconds: 1_795_000_010, nanos: 500_000_000 });
    assert_eq!(fake.ask(Body::ManualDelete(1)).status, Status::BadSample);
    assert_eq!(fake.ask(Body::ManualDelete(0)).status, Status::Success);
    assert_eq!(fake.ask(Body::ManualDelete(0)).status, Status::BadSample);
    assert_eq!(fake.ask(Body::Manual(0)).status, Status::Success);
    assert_eq!(fake.ask(typed(1_795_000_010)).status, Status::NotEnabled);
}

/// AT-38: over UDP, and for whoever may only look, nothing is done and little is told.
#[test]
fn observers_look_at_what_chronyd_lets_them_and_do_nothing() {
    let mut fake = Fake::new();
    let before = fake.actions.len();
    for code in 0..=80_u16 {
        let mut bytes = vec![6, 1, 0, 0];
        bytes.extend(code.to_be_bytes());
        bytes.resize(520, 0);
        let reply = answer(&bytes, Access::Observe, &mut fake).map(|reply| Reply::parse(&reply).unwrap());
        let open = [0, 14, 15, 33, 34, 35, 41, 44, 51, 65].contains(&code);
        let known = Body::request_len(code).is_some();
        let status = reply.unwrap().status;
        assert_eq!(status == Status::Unauthorised, known && !open, "{code}: {status:?}");
    }
    assert_eq!(fake.actions.len(), before);
}

#[test]
fn newer_clients_get_the_longer_reply_that_they_leave_room_for() {
    let mut fake = Fake::new();
    let Answer::ServerStats32(stats) = fake.ask(Body::ServerStats(())).answer else { panic!() };
    assert_eq!((stats.command_hits, stats.command_drops), (u32::MAX, 1));
    let mut newer = Request { attempt: 0, sequence: 1, body: Body::ServerStats(()) }.write();
    newer.resize(196, 0);
    let reply = answer(&newer, Access::Control, &mut fake).unwrap();
    assert_eq!(reply.len(), 196);
    let Answer::ServerStats64(stats) = Reply::parse(&reply).unwrap().answer else { panic!() };
    assert_eq!(stats.command_hits, 5_000_000_000);
    let mut newer = Request { attempt: 0, sequence: 1, body: Body::NtpData(ip([192, 0, 2, 1])) }.write();
    newer.resize(172, 0);
    let reply = answer(&newer, Access::Control, &mut fake).unwrap();
    assert!(matches!(Reply::parse(&reply).unwrap().answer, Answer::NtpDataSince47(_)));
}

#[test]
fn errors_of_the_engine_have_chronys_numbers() {
    assert_eq!(status(Ok(())), Status::Success);
    assert_eq!(status(Err(CommandError::NoSuchSource(vec![]))), Status::NoSuchSource);
    assert_eq!(status(Err(CommandError::TooMany)), Status::TooManySources);
    assert_eq!(status(Err(CommandError::AlreadyKnown)), Status::SourceAlreadyKnown);
}

proptest! {
    /// NA-25 and AT-16.
    #[test]
    fn na25_reply_never_longer_than_request(mut bytes in prop::collection::vec(any::<u8>(), 0..600), command in 0_u16..80, known in any::<bool>(), control in any::<bool>()) {
        if known && bytes.len() >= 6 {
            bytes[..4].copy_from_slice(&[6, 1, 0, 0]);
            bytes[4..6].copy_from_slice(&command.to_be_bytes());
        }
        let access = if control { Access::Control } else { Access::Observe };
        let mut fake = Fake::new();
        if let Some(reply) = answer(&bytes, access, &mut fake) {
            prop_assert!(reply.len() <= bytes.len());
            prop_assert!(Reply::parse(&reply).is_some());
        }
    }
}
