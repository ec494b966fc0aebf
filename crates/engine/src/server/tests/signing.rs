//! Members of a Windows domain, whose replies the adapter has signed.

use super::*;

fn responder() -> Responder {
    let key =
        truechimer_wire::mac::SymmetricKey::new(truechimer_wire::mac::KeyAlgorithm::Md5, b"key").unwrap();
    Responder::new(&ServeConfig { sign: true, ..everybody() }, &[(1, key)].into_iter().collect(), SEED)
}

/// A member's request: 68 bytes, or 120 in the extended form.
fn member(mode: Mode, len: usize) -> Vec<u8> {
    let mut bytes = request(3, mode);
    bytes.resize(len, 0);
    bytes[48..52].copy_from_slice(&[0x51, 0x04, 0, 0x80]);
    bytes
}

fn ask(responder: &mut Responder, request: &[u8]) -> (Verdict, Vec<u8>) {
    let mut buffer = request.to_vec();
    let client = CLIENT.parse().unwrap();
    let verdict = responder.handle(&mut buffer, request.len(), client, None, stamp(NOON), &served(), now());
    (verdict, buffer)
}

#[test]
fn a_member_gets_a_reply_to_be_signed() {
    let mut responder = responder();
    for (mode, reply_mode) in [(Mode::Client, Mode::Server), (Mode::SymmetricActive, Mode::SymmetricPassive)]
    {
        let (verdict, mut buffer) = ask(&mut responder, &member(mode, 68));
        assert_eq!(verdict, Verdict::Sign);
        assert_eq!(buffer[48..52], [0x51, 0x04, 0, 0x80], "the key identifier is still there");
        let transmit = NOON + NtpDuration::from_nanos(5_000);
        responder.stamp(&mut buffer[..48], transmit);
        let reply = Header::parse(&buffer).unwrap();
        assert_eq!((reply.version, reply.mode, reply.stratum), (3, reply_mode, 3));
        assert_eq!((reply.origin_timestamp, reply.transmit_timestamp), (TRANSMIT, transmit.timestamp()));
    }
    // Neither answered nor dropped until it is known.
    let report = responder.report();
    assert_eq!((report.received, report.answered, report.dropped.len()), (2, 0, 0));
    responder.handle_signed(Ok(()));
    responder.handle_signed(Err(SigningError::Refused));
    let report = responder.report();
    assert_eq!((report.answered, report.signed, report.authenticated), (1, 1, 0));
    assert_eq!(report.dropped, [("signing_refused".to_owned(), 1)].into());
}

#[test]
fn the_extended_form_is_named_and_other_requests_are_as_ever() {
    let mut responder = responder();
    assert_eq!(ask(&mut responder, &member(Mode::Client, 120)).0, Verdict::Drop("ms_sntp_extended"));
    let mut with_digest = member(Mode::Client, 68);
    with_digest[60] = 1;
    assert_eq!(ask(&mut responder, &with_digest).0, Verdict::Drop("unknown_key"));
    assert_eq!(ask(&mut responder, &request(3, Mode::Client)).0, Verdict::Reply(48));
    assert_eq!(ask(&mut responder, &member(Mode::Server, 68)).0, Verdict::Drop("mode"));
    assert_eq!(ask(&mut responder, &member(Mode::Client, 64)).0, Verdict::Drop("unknown_key"));
}

#[test]
fn where_nobody_signs_a_member_is_not_answered() {
    let mut responder = responder();
    responder.handle_config(&everybody(), &KeyTable::default());
    assert_eq!(ask(&mut responder, &member(Mode::Client, 68)).0, Verdict::Drop("unknown_key"));
    assert_eq!(ask(&mut responder, &member(Mode::Client, 120)).0, Verdict::Drop("trailing"));
}

#[test]
fn access_comes_before_signatures() {
    let mut responder = responder();
    responder
        .handle_config(&ServeConfig { access: Vec::new(), sign: true, ..everybody() }, &KeyTable::default());
    assert_eq!(ask(&mut responder, &member(Mode::Client, 68)).0, Verdict::Drop("denied"));
    responder.handle_config(&ServeConfig { sign: true, ..everybody() }, &KeyTable::default());
    responder.handle_step(now());
    assert_eq!(ask(&mut responder, &member(Mode::Client, 68)).0, Verdict::Drop("clock_stepped"));
}

#[test]
fn why_nothing_was_signed_is_counted() {
    let mut responder = responder();
    let errors = [
        SigningError::Busy,
        SigningError::Unavailable,
        SigningError::Refused,
        SigningError::TimedOut,
        SigningError::Stepped,
    ];
    errors.into_iter().for_each(|error| responder.handle_signed(Err(error)));
    let names =
        ["clock_stepped", "signing_busy", "signing_refused", "signing_timeout", "signing_unavailable"];
    assert_eq!(
        responder.report().dropped.into_iter().collect::<Vec<_>>(),
        names.map(|name| (name.to_owned(), 1))
    );
}
