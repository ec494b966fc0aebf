//! The codec against what chronyc and chronyd 4.3 said to each other, and against everything else.

use proptest::prelude::*;

use super::request::Envelope;
use super::*;

/// Commands with their requests and replies, as they passed between Debian's chronyc and chronyd 4.3 on one machine; `[n]`
/// stands for n zeros.
const RECORDED: &str = include_str!("tests/recorded.txt");

struct Recorded {
    command: &'static str,
    request: Vec<u8>,
    reply: Vec<u8>,
}

fn recorded() -> Vec<Recorded> {
    let lines: Vec<&str> = RECORDED.lines().collect();
    let of = |lines: &[&'static str]| Recorded {
        command: lines[0],
        request: bytes(lines[1].trim()),
        reply: bytes(lines[2].trim()),
    };
    lines.chunks(3).map(of).collect()
}

fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(zeros) = rest.strip_prefix('[') {
            let (count, after) = zeros.split_once(']').unwrap();
            out.resize(out.len() + count.parse::<usize>().unwrap(), 0);
            rest = after;
        } else {
            let (byte, after) = rest.split_at(2);
            out.push(u8::from_str_radix(byte, 16).unwrap());
            rest = after;
        }
    }
    out
}

fn find(command: &str) -> Recorded {
    recorded().into_iter().find(|recorded| recorded.command.starts_with(command)).unwrap()
}

#[test]
fn every_recorded_datagram_is_understood_and_written_alike() {
    let all = recorded();
    assert!(all.len() > 60, "{}", all.len());
    for Recorded { command, request, reply } in all {
        let parsed = Request::parse(&request).unwrap_or_else(|fault| panic!("{command}: {fault:?}"));
        assert_eq!(parsed.write(), request, "{command}: {parsed:?}");
        let answered = Reply::parse(&reply).unwrap_or_else(|| panic!("{command}"));
        assert_eq!(answered.write(), reply, "{command}: {answered:?}");
        assert_eq!((answered.command, answered.sequence), (parsed.body.code(), parsed.sequence));
        assert!(reply.len() <= request.len(), "{command}");
    }
}

#[test]
fn the_clock_is_where_it_should_be() {
    let Answer::Tracking(tracking) = Reply::parse(&find("tracking").reply).unwrap().answer else { panic!() };
    assert_eq!(tracking.reference_id, 0x7f00_0002);
    assert_eq!(tracking.address, Address::Ip([127, 0, 0, 2].into()));
    assert_eq!((tracking.stratum, tracking.leap), (4, 0));
    assert_eq!(tracking.reference_time.seconds, 1_795_274_910);
    // What chronyc printed: 2.971 µs fast, 0.709 µs, 0.734 µs, 0.112 ppm fast, 0.596 ppm, 10.401 µs, 1.793 µs, 0.3 s.
    let close =
        |value: f64, printed: f64, digit: f64| assert!((value - printed).abs() < digit, "{value} {printed}");
    close(tracking.correction, -2.971e-6, 1e-9);
    close(tracking.last_offset, 0.709e-6, 1e-9);
    close(tracking.rms_offset, 0.734e-6, 1e-9);
    close(tracking.frequency_ppm, 0.112, 1e-3);
    close(tracking.skew_ppm, 0.596, 1e-3);
    close(tracking.root_delay, 10.401e-6, 1e-9);
    close(tracking.root_dispersion, 1.793e-6, 1e-9);
    close(tracking.update_interval, 0.3, 0.05);
}

#[test]
fn a_new_source_is_where_it_should_be() {
    let Body::AddSource(new) = Request::parse(&find("add server").request).unwrap().body else { panic!() };
    assert_eq!((new.kind, new.name.as_str(), new.port), (1, "127.0.0.7", 11_123));
    assert_eq!((new.min_poll, new.max_poll, new.presend_min_poll), (4, 7, 3));
    assert_eq!((new.min_stratum, new.poll_target, new.version, new.max_sources), (2, 9, 3, 3));
    assert_eq!((new.min_samples, new.max_samples, new.key_id, new.nts_port), (7, 33, 2, 4460));
    assert_eq!((new.max_delay, new.max_delay_ratio, new.max_delay_dev_ratio), (0.25, 1.5, 6.5));
    assert_eq!((new.asymmetry, new.offset, new.filter_length, new.cert_set), (0.25, 0.5, 3, 0));
    assert!((new.min_delay - 1e-4).abs() < 1e-10);
    let flags =
        flags::ONLINE | flags::IBURST | flags::PREFER | flags::INTERLEAVED | flags::BURST | flags::COPY;
    assert_eq!(new.flags, flags | flags::EXPERIMENTAL_MONO_ROOT);
}

#[test]
fn numbers_keep_eight_digits() {
    for (value, bits) in [
        (0.0, 0),
        (0.25, 0x0080_0000),
        (0.5, 0x0280_0000),
        (1.5, 0x04c0_0000),
        (0.001, 0xf083_126f),
        (f64::NAN, 0),
        (-1.0, 0x0580_0000),
        (f64::INFINITY, 0x7eff_ffff),
        (f64::NEG_INFINITY, 0x7f00_0000),
        (1e-300, 0),
    ] {
        let mut out = Vec::new();
        field::Field::write(&value, &mut out);
        assert_eq!(u32::from_be_bytes(out.try_into().unwrap()), bits, "{value}");
    }
}

fn header(version: u8, kind: u8, command: u16, len: usize) -> Vec<u8> {
    let mut bytes = vec![version, kind, 0, 0];
    bytes.extend(command.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0, 7]);
    bytes.resize(len, 0);
    bytes
}

/// As chronyd 4.3 answered the same bytes, or did not.
#[test]
fn faults_are_told_apart() {
    let envelope = |version, command| Envelope { version, command, sequence: 7 };
    let cases = [
        (header(6, 1, 33, 103), Err(Fault::Length(envelope(6, 33)))),
        (header(6, 1, 33, 28), Err(Fault::Length(envelope(6, 33)))),
        (header(5, 1, 33, 104), Err(Fault::Version(envelope(5, 33)))),
        (header(7, 1, 33, 104), Err(Fault::Version(envelope(7, 33)))),
        (header(5, 1, 33, 27), Err(Fault::Nothing)),
        (header(4, 1, 33, 104), Err(Fault::Nothing)),
        (header(6, 2, 33, 104), Err(Fault::Nothing)),
        (header(6, 1, 14, 27), Err(Fault::Nothing)),
        (header(6, 1, 75, 100), Err(Fault::Command(envelope(6, 75)))),
        (header(6, 1, 27, 400), Err(Fault::Command(envelope(6, 27)))),
        (header(6, 1, 33, 200), Ok(Body::Tracking(()))),
        (Vec::new(), Err(Fault::Nothing)),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(Request::parse(&bytes).map(|request| request.body), wanted, "{bytes:?}");
    }
    let mut endless = header(6, 1, 64, 372);
    endless[24..280].fill(b'x');
    assert_eq!(Request::parse(&endless), Err(Fault::Value(envelope(6, 64))));
}

#[test]
fn names_are_cut_between_characters() {
    let long = "é".repeat(200);
    assert_eq!(Name::new(&long).as_str(), "é".repeat(127));
    assert_eq!(Name::new("a.example").as_str(), "a.example");
    assert_eq!(Name::new("").as_str(), "");
}

proptest! {
    #[test]
    fn numbers_survive(value in prop::num::f64::NORMAL) {
        let mut out = Vec::new();
        field::Field::write(&value, &mut out);
        let read = <f64 as field::Field>::read(&mut field::Reader(&out)).unwrap();
        let bounded = value.clamp(-2_f64.powi(62), 2_f64.powi(62));
        if value == bounded {
            prop_assert!((read - value).abs() <= value.abs() * 1e-7 + 2_f64.powi(-89), "{value} {read}");
        }
        let mut again = Vec::new();
        field::Field::write(&read, &mut again);
        prop_assert_eq!(out, again);
    }

    #[test]
    fn any_bytes_are_read_and_written_back(mut bytes in prop::collection::vec(any::<u8>(), 0..600), command in 0_u16..80, known: bool) {
        if known && bytes.len() >= 6 {
            bytes[..4].copy_from_slice(&[6, 1, 0, 0]);
            bytes[4..6].copy_from_slice(&command.to_be_bytes());
        }
        if let Ok(request) = Request::parse(&bytes) {
            let written = request.write();
            prop_assert!(written.len() <= bytes.len());
            prop_assert_eq!(Request::parse(&written).map(|again| again.write()), Ok(written));
        }
        if known && bytes.len() >= 8 {
            bytes[1] = 2;
            bytes[6..8].copy_from_slice(&(command % 28).to_be_bytes());
        }
        if let Some(reply) = Reply::parse(&bytes) {
            let written = reply.write();
            prop_assert!(written.len() <= bytes.len());
            prop_assert_eq!(Reply::parse(&written).map(|again| again.write()), Some(written));
        }
    }
}
