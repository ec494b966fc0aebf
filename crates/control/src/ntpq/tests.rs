use std::net::Ipv4Addr;

use proptest::prelude::*;
use truechimer_engine::config::{Endpoint, EngineConfig, Host, SourceConfig, SourceKind};
use truechimer_engine::report::{PacketReport, ServerReport};
use truechimer_engine::{Engine, Initial};
use truechimer_time::{Cooked, Mono, Now};

use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) fn report(sources: u8) -> Report {
    let now = Now {
        mono: Mono::from_nanos(1_000_000_000),
        cooked: Cooked::from_unix_nanos(1_795_000_000_500_000_000),
    };
    let source = |last| SourceConfig {
        name: None,
        kind: SourceKind::Server(Endpoint { host: Host::Address([192, 0, 2, last].into()), port: 123 }),
        options: Default::default(),
    };
    let config = EngineConfig {
        sources: (1..=sources).map(source).collect(),
        serve: None,
        clock: Default::default(),
        selection: Default::default(),
        local: None,
        keys: Default::default(),
        nts: Default::default(),
        era_floor: Cooked::from_unix_nanos(315_532_800_000_000_000),
    };
    Engine::new(config, Initial::default(), [7; 32], now).report(now)
}

/// With a table of one client, or without.
struct Fake {
    report: Report,
    clients: bool,
}

impl Daemon for Fake {
    fn report(&mut self) -> Report {
        self.report.clone()
    }
    fn clients(&mut self) -> Option<Vec<ClientReport>> {
        let client = ClientReport {
            address: [192, 0, 2, 7].into(),
            requests: 3,
            dropped: 0,
            authenticated: 0,
            first_age_s: 9.0,
            last_age_s: 1.0,
            interval_s: Some(4.0),
            limited_interval_s: None,
            port: 123,
            version: 4,
            mode: 3,
        };
        self.clients.then(|| vec![client])
    }
    fn now(&self) -> Now {
        Now {
            mono: Mono::from_nanos(5_000_000_000),
            cooked: Cooked::from_unix_nanos(1_795_000_000_000_000_000),
        }
    }
}

fn answer(question: &[u8], remote: IpAddr, report: &Report) -> Vec<Vec<u8>> {
    super::answer(
        question,
        remote,
        &Nonces::new([1; 16]),
        &mut Fake { report: report.clone(), clients: true },
    )
}

fn question(opcode: u8, association: u16, data: &[u8]) -> Vec<u8> {
    let header = ControlHeader {
        version: 2,
        opcode,
        sequence: 9,
        association,
        count: data.len() as u16,
        ..ControlHeader::default()
    };
    let mut question = header.write().to_vec();
    question.extend(data);
    question
}

/// The status and the whole of an answer.
fn ask(opcode: u8, association: u16, data: &[u8], report: &Report) -> (u16, String) {
    let mut whole = Vec::new();
    let mut status = 0;
    let messages = answer(&question(opcode, association, data), HERE, report);
    for (index, message) in messages.iter().enumerate() {
        let (header, part) = ControlHeader::parse(message).unwrap();
        assert!(header.response && !header.error && header.sequence == 9 && header.opcode == opcode);
        assert_eq!(usize::from(header.offset), whole.len());
        assert_eq!(header.more, index + 1 < messages.len());
        assert_eq!(message.len() % 4, 0);
        assert!(message.len() <= CONTROL_HEADER_LEN + CONTROL_DATA_MAX);
        whole.extend_from_slice(part);
        status = header.status;
    }
    (status, String::from_utf8_lossy(&whole).into_owned())
}

fn fault(question: &[u8]) -> u16 {
    let messages = answer(question, HERE, &report(1));
    assert_eq!(messages.len(), 1);
    let (header, data) = ControlHeader::parse(&messages[0]).unwrap();
    assert!(header.response && header.error && data.is_empty());
    header.status >> 8
}

#[test]
fn the_system_and_its_sources_are_shown() {
    let report = report(3);
    let (status, variables) = ask(READ_VARIABLES, 0, b"", &report);
    assert_eq!(status, 0xc000);
    assert!(variables.contains("leap=11, stratum=16, "), "{variables}");
    assert!(variables.contains("refid=INIT, reftime=0x00000000.00000000, clock=0x"), "{variables}");
    let (_, some) = ask(READ_VARIABLES, 0, b"stratum, leap", &report);
    assert_eq!(some, "stratum=16, leap=11\r\n");
    let (_, variables) = ask(READ_VARIABLES, 2, b"", &report);
    assert!(variables.starts_with("srcadr=192.0.2.2, srcport=123, "), "{variables}");
    let list = answer(&question(READ_STATUS, 0, b""), HERE, &report);
    assert_eq!(list[0][CONTROL_HEADER_LEN..], [0, 1, 0x80, 0, 0, 2, 0x80, 0, 0, 3, 0x80, 0]);
    assert_eq!(ask(READ_STATUS, 3, b"", &report), (0x8000, String::new()));
}

/// Requests carry no poll interval and servers send it back, so that the interval would be a second for ever.
#[test]
fn the_interval_that_ntpq_shows_is_the_one_in_use() {
    let mut report = report(1);
    report.sources[0].poll = 7;
    report.sources[0].packet = Some(PacketReport {
        local: None,
        version: 4,
        poll: 0,
        precision: -20,
        root_delay_s: 0.0,
        root_dispersion_s: 0.0,
        reference_id: 0,
        reference_time_unix_s: 0.0,
        server_stamps: Some([0; 2]),
        stamp_error_s: 0.0,
        response_s: 0.0,
    });
    let (_, variables) = ask(READ_VARIABLES, 1, b"hpoll,ppoll", &report);
    assert_eq!(variables, "hpoll=7, ppoll=7\r\n");
}

#[test]
fn what_does_not_exist_or_changes_something_is_refused() {
    assert_eq!(fault(&question(READ_VARIABLES, 2, b"")), Fault::Association as u16);
    assert_eq!(fault(&question(READ_STATUS, 7, b"")), Fault::Association as u16);
    assert_eq!(fault(&question(READ_VARIABLES, 0, b"nothing")), Fault::Variable as u16);
    assert_eq!(fault(&question(READ_VARIABLES, 0, &[0xff])), Fault::Format as u16);
    assert_eq!(fault(&question(4, 0, b"")), Fault::Opcode as u16);
    for command in COMMANDS {
        assert_eq!(fault(&question(command, 0, b"")), Fault::Forbidden as u16);
    }
}

#[test]
fn clients_are_listed_for_whoever_has_a_nonce() {
    let report = report(0);
    let (_, nonce) = ask(REQUEST_NONCE, 0, b"", &report);
    let nonce = nonce.trim_end();
    assert_eq!(nonce.len(), "nonce=".len() + 48);
    let (_, list) = ask(READ_MRU, 0, format!("{nonce}, frags=4").as_bytes(), &report);
    assert!(list.contains("addr.0=192.0.2.7:123, ") && list.contains(", now=0x"), "{list}");
    assert!(answer(&question(READ_MRU, 0, b"nonce=00, frags=4"), HERE, &report).is_empty());
    let mut closed = Fake { report, clients: false };
    let asked = question(READ_MRU, 0, format!("{nonce}, frags=4").as_bytes());
    let refused = super::answer(&asked, HERE, &Nonces::new([1; 16]), &mut closed);
    let (header, _) = ControlHeader::parse(&refused[0]).unwrap();
    assert_eq!((header.error, header.status >> 8), (true, Fault::Forbidden as u16));
}

/// AT-16: an answer is longer than its question, so only this machine gets one.
#[test]
fn at16_only_this_machine_is_answered() {
    let question = question(READ_VARIABLES, 0, b"");
    let report = report(1);
    for stranger in ["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "0.0.0.0"] {
        assert!(answer(&question, stranger.parse().unwrap(), &report).is_empty(), "{stranger}");
    }
    for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert!(!answer(&question, here.parse().unwrap(), &report).is_empty(), "{here}");
    }
    let mut reply = question.clone();
    reply[1] |= 0x80;
    assert!(answer(&reply, HERE, &report).is_empty());
}

proptest! {
    #[test]
    fn any_question_is_answered_in_bounds(mut bytes in proptest::collection::vec(any::<u8>(), 0..600), mode: bool) {
        if mode && bytes.len() > 2 {
            bytes[0] = 0x16;
            bytes[1] &= 0x0f;
        }
        let report = report(64);
        let messages = answer(&bytes, HERE, &report);
        prop_assert!(messages.len() <= 4);
        for message in messages {
            prop_assert!(ControlHeader::parse(&message).is_some_and(|(header, _)| header.response));
        }
    }
}

#[test]
fn o5_what_ntpq_names_for_its_summaries_is_there_and_not_in_the_list() {
    let mut report = report(1);
    report.system.uptime_s = Some(90.4);
    let mut server = ServerReport { received: 100, answered: 90, kisses: 3, ..ServerReport::default() };
    server.dropped.extend([("denied".to_owned(), 7), ("rate_limited".into(), 2), ("mode".into(), 40)]);
    report.server = Some(server);
    let asked = b"ss_uptime,ss_received,ss_received_r,ss_restricted,ss_limited,ss_kodsent,ss_badformat,\
        peeradr,kfreq,io_sent,ss_ver1";
    let (_, told) = ask(READ_VARIABLES, 0, asked, &report);
    assert_eq!(
        told,
        "ss_uptime=90, ss_received=100, ss_received_r=100, ss_restricted=7, ss_limited=2, ss_kodsent=3, ss_badformat=0, \
         peeradr=0.0.0.0, kfreq=0.000000, io_sent=90\r\n"
    );
    assert!(!ask(READ_VARIABLES, 0, b"", &report).1.contains("ss_"));
    assert_eq!(fault(&question(READ_VARIABLES, 0, b"mru_enabled")), Fault::Variable as u16);
}
