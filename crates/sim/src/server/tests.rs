use super::*;

const NOON: Cooked = Cooked::from_unix_nanos(1_800_000_000_000_000_000);

fn request(mode: Mode) -> [u8; 48] {
    Header {
        leap: Leap::None,
        version: 4,
        mode,
        stratum: 0,
        poll: 6,
        precision: 0,
        root_delay: NtpShort::default(),
        root_dispersion: NtpShort::default(),
        reference_id: ReferenceId::default(),
        reference_timestamp: NtpTimestamp::ZERO,
        origin_timestamp: NtpTimestamp::ZERO,
        receive_timestamp: NtpTimestamp::ZERO,
        transmit_timestamp: NtpTimestamp::from_bits(0x1234_5678_9abc_def0),
    }
    .write()
}

fn ask(config: ServerConfig, elapsed_s: f64) -> Option<Header> {
    let mut server = Server::new(config, NOON, Random::new(1, 0), Random::new(1, 1));
    Header::parse(&server.answer(&request(Mode::Client), NOON, elapsed_s)?.bytes)
}

#[test]
fn an_honest_answer_tells_the_truth() {
    let reply = ask(ServerConfig { turnaround_s: 1e-3, ..ServerConfig::default() }, 5.0).unwrap();
    assert_eq!((reply.mode, reply.stratum, reply.leap, reply.version), (Mode::Server, 1, Leap::None, 4));
    assert_eq!(reply.origin_timestamp.bits(), 0x1234_5678_9abc_def0);
    assert_eq!(reply.receive_timestamp, NOON.timestamp());
    assert_eq!(reply.transmit_timestamp, (NOON + NtpDuration::from_seconds(1e-3)).timestamp());
}

#[test]
fn a_liar_lies_by_as_much_as_told() {
    let window = Window { from_s: 100.0, until_s: 200.0 };
    let config =
        ServerConfig { offset_s: 0.05, creep: Some(Creep { window, rate: 1e-3 }), ..ServerConfig::default() };
    for (elapsed, lie) in [(0.0, 0.05), (150.0, 0.1), (500.0, 0.15)] {
        let reply = ask(config.clone(), elapsed).unwrap();
        let at = (NOON + NtpDuration::from_seconds(lie)).timestamp();
        assert!(reply.receive_timestamp.bits().abs_diff(at.bits()) <= 1, "{elapsed}");
    }
}

#[test]
fn moods_change_what_is_answered() {
    let window = Window { from_s: 10.0, until_s: 20.0 };
    let with = |mood| ServerConfig { moods: vec![(window, mood)], ..ServerConfig::default() };
    assert!(ask(with(Mood::Silent), 15.0).is_none());
    assert!(ask(with(Mood::Silent), 25.0).is_some());
    let kiss = ask(with(Mood::Kiss(*b"RATE")), 15.0).unwrap();
    assert_eq!((kiss.stratum, kiss.reference_id), (0, ReferenceId(*b"RATE")));
    assert_eq!(ask(with(Mood::Unsynchronised), 15.0).unwrap().leap, Leap::Unsynchronised);
}

#[test]
fn only_clients_are_answered() {
    let mut server = Server::new(ServerConfig::default(), NOON, Random::new(1, 0), Random::new(1, 1));
    for mode in [Mode::Server, Mode::Broadcast, Mode::Control, Mode::Private, Mode::Reserved] {
        assert!(server.answer(&request(mode), NOON, 0.0).is_none(), "{mode:?}");
    }
    assert!(server.answer(&request(Mode::Client)[..47], NOON, 0.0).is_none());
}
