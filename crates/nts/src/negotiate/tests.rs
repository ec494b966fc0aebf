use super::*;
use crate::aead::{Algorithm, KeyLengthError};
use crate::record::{DEFAULT_MESSAGE_LIMIT, Record, RecordReader, write_end_of_message};

use Algorithm::{Aes128GcmSiv, AesSivCmac256, AesSivCmac512};

/// A record: whether it is critical, its type and its body.
type Plain<'a> = (bool, u16, &'a [u8]);

fn read(message: &[u8]) -> RecordReader {
    let mut reader = RecordReader::new(DEFAULT_MESSAGE_LIMIT);
    assert_eq!(reader.push(message), Ok(message.len()));
    reader
}

fn message(records: &[Plain<'_>]) -> Vec<u8> {
    let mut message = Vec::new();
    for &(critical, record_type, body) in records {
        Record { critical, record_type: RecordType(record_type), body }.write(&mut message).unwrap();
    }
    write_end_of_message(&mut message);
    message
}

fn request(records: &[Plain<'_>]) -> Result<Request, ErrorCode> {
    Request::parse(read(&message(records)).records().unwrap())
}

fn agreement(records: &[Plain<'_>]) -> Result<ClientAgreement, NegotiateError> {
    let reader = read(&message(records));
    ClientAgreement::parse(reader.records().unwrap(), &ClientOffer::default())
}

fn offer(algorithms: &[Algorithm]) -> ClientOffer {
    ClientOffer { algorithms: algorithms.to_vec(), ..ClientOffer::default() }
}

fn policy(algorithms: &[Algorithm]) -> ServerPolicy {
    ServerPolicy { algorithms: algorithms.to_vec(), ..ServerPolicy::default() }
}

/// Both sides, and that they export the same keys.
fn exchange(offer: &ClientOffer, policy: &ServerPolicy) -> Result<ClientAgreement, NegotiateError> {
    let request = Request::parse(read(&offer.write().unwrap()).records().unwrap()).unwrap();
    let response = request.negotiate(policy);
    let written = response.write(policy, [[1; 96].as_slice(), &[2; 96]]).unwrap();
    let agreement = ClientAgreement::parse(read(&written).records().unwrap(), offer);
    if let (Ok(agreement), Response::Agreed { exporter, .. }) = (&agreement, response) {
        assert_eq!(agreement.exporter, exporter);
    }
    agreement
}

const NTPV4_ONLY: Plain<'static> = (true, 1, &[0, 0]);
const SIV_ONLY: Plain<'static> = (true, 4, &[0, 15]);
const COOKIE: Plain<'static> = (false, 5, &[3; 100]);

#[test]
fn the_default_offer_is_byte_for_byte() {
    assert_eq!(
        ClientOffer::default().write().unwrap(),
        [0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 4, 0, 30, 0, 15, 4, 0, 0, 0, 0x80, 0, 0, 0]
    );
}

#[test]
fn the_client_decides_the_order_and_the_server_what_is_allowed() {
    let chosen = |offered: &[_], allowed: &[_]| {
        exchange(&offer(offered), &policy(allowed)).map(|agreement| agreement.exporter.algorithm())
    };
    assert_eq!(chosen(&[Aes128GcmSiv, AesSivCmac256], &Algorithm::ALL), Ok(Aes128GcmSiv));
    assert_eq!(chosen(&[AesSivCmac256, Aes128GcmSiv], &Algorithm::ALL), Ok(AesSivCmac256));
    assert_eq!(chosen(&[AesSivCmac512, AesSivCmac256], &[AesSivCmac256]), Ok(AesSivCmac256));
    assert_eq!(chosen(&[AesSivCmac512], &[AesSivCmac256]), Err(NegotiateError::Algorithm));
    assert_eq!(chosen(&[AesSivCmac512], &[]), Err(NegotiateError::Algorithm));
}

#[test]
fn cookies_server_and_port_arrive() {
    let policy =
        ServerPolicy { server: Some("ntp.example.net".into()), port: Some(1123), ..ServerPolicy::default() };
    let agreement = exchange(&ClientOffer::default(), &policy).unwrap();
    assert_eq!(agreement.cookies, [[1; 96], [2; 96]]);
    assert_eq!(agreement.server.as_deref(), Some("ntp.example.net"));
    assert_eq!(agreement.port, Some(1123));
    let wish = ClientOffer { server: Some("192.0.2.1".into()), port: Some(99), ..ClientOffer::default() };
    assert!(exchange(&wish, &policy).is_ok());
    let long = ClientOffer { server: Some("x".repeat(256)), ..ClientOffer::default() };
    assert!(long.write().is_err());
}

#[test]
fn the_exporter_contexts_are_those_of_the_rfc() {
    let siv = Exporter::compliant(AesSivCmac256);
    assert_eq!(siv.context(Direction::ClientToServer), [0, 0, 0, 15, 0]);
    assert_eq!(siv.context(Direction::ServerToClient), [0, 0, 0, 15, 1]);
    let gcm = Exporter::compliant(Aes128GcmSiv);
    assert_eq!(gcm.context(Direction::ClientToServer), [0, 0, 0, 30, 0]);
    let chrony = Exporter::chrony(Aes128GcmSiv);
    assert_eq!(chrony.context(Direction::ServerToClient), [0, 0, 0, 15, 1]);
    assert_eq!(chrony.algorithm(), Aes128GcmSiv);
    assert!(!chrony.is_compliant() && gcm.is_compliant());
    assert_eq!(Exporter::chrony(AesSivCmac512), Exporter::compliant(AesSivCmac512));
}

#[test]
fn both_keys_are_exported_at_full_length() {
    for algorithm in Algorithm::ALL {
        let mut asked = Vec::new();
        let keys = Exporter::compliant(algorithm)
            .keys(|label, context, key: &mut [u8]| {
                asked.push((label.to_vec(), context.to_vec()));
                key.fill(asked.len() as u8);
                Ok::<_, KeyLengthError>(())
            })
            .unwrap();
        assert_eq!(keys.c2s().bytes(), vec![1; algorithm.key_len()]);
        assert_eq!(keys.s2c().bytes(), vec![2; algorithm.key_len()]);
        let id = algorithm.id() as u8;
        let label = b"EXPORTER-network-time-security".to_vec();
        assert_eq!(asked, [(label.clone(), vec![0, 0, 0, id, 0]), (label, vec![0, 0, 0, id, 1])]);
    }
    let failed = Exporter::compliant(AesSivCmac256).keys(|_, _, _| Err(KeyLengthError));
    assert_eq!(failed.err(), Some(KeyLengthError));
}

#[test]
fn a_server_that_confirms_the_context_of_the_rfc_leaves_nothing_uncertain() {
    let agreement = exchange(&ClientOffer::default(), &ServerPolicy::default()).unwrap();
    assert_eq!(agreement.exporter, Exporter::compliant(Aes128GcmSiv));
    assert_eq!(agreement.alternative, None);
}

#[test]
fn a_server_that_does_not_confirm_it_may_be_chrony_4_4_or_may_not() {
    let agreement = agreement(&[NTPV4_ONLY, (true, 4, &[0, 30]), COOKIE]).unwrap();
    assert_eq!(agreement.exporter, Exporter::chrony(Aes128GcmSiv));
    assert_eq!(agreement.alternative, Some(Exporter::compliant(Aes128GcmSiv)));
}

#[test]
fn a_client_that_does_not_ask_for_it_gets_another_algorithm_if_there_is_one() {
    let choose =
        |ids: &[u8]| request(&[NTPV4_ONLY, (true, 4, ids)]).unwrap().negotiate(&ServerPolicy::default());
    let siv = Response::Agreed { exporter: Exporter::compliant(AesSivCmac256), confirm_compliant: false };
    assert_eq!(choose(&[0, 30, 0, 15]), siv);
    let chrony = Response::Agreed { exporter: Exporter::chrony(Aes128GcmSiv), confirm_compliant: false };
    assert_eq!(choose(&[0, 30]), chrony);
}

#[test]
fn a_client_with_another_protocol_only_is_told_so() {
    for records in [&[(true, 1, [0x80_u8, 0].as_slice())][..], &[(true, 1, &[0x80, 0]), SIV_ONLY]] {
        let response = request(records).unwrap().negotiate(&ServerPolicy::default());
        assert_eq!(response, Response::NoProtocol);
        let written = response.write(&ServerPolicy::default(), []).unwrap();
        assert_eq!(written, [0x80, 1, 0, 0, 0x80, 0, 0, 0]);
        let answer = ClientAgreement::parse(read(&written).records().unwrap(), &ClientOffer::default());
        assert_eq!(answer, Err(NegotiateError::NextProtocol));
    }
}

#[test]
fn requests_that_break_the_rules_are_bad() {
    let bad: [&[Plain<'_>]; 16] = [
        &[],
        &[SIV_ONLY],
        &[NTPV4_ONLY],
        &[NTPV4_ONLY, NTPV4_ONLY, SIV_ONLY],
        &[NTPV4_ONLY, SIV_ONLY, SIV_ONLY],
        &[(true, 1, &[]), SIV_ONLY],
        &[(true, 1, &[0]), SIV_ONLY],
        &[(false, 1, &[0, 0]), SIV_ONLY],
        &[NTPV4_ONLY, (true, 4, &[])],
        &[NTPV4_ONLY, (true, 4, &[0, 15, 0])],
        &[NTPV4_ONLY, SIV_ONLY, (true, 2, &[0, 0])],
        &[NTPV4_ONLY, SIV_ONLY, (true, 3, &[0, 0])],
        &[NTPV4_ONLY, SIV_ONLY, COOKIE],
        &[NTPV4_ONLY, SIV_ONLY, (false, 6, &[])],
        &[NTPV4_ONLY, SIV_ONLY, (false, 7, &[1])],
        &[NTPV4_ONLY, SIV_ONLY, (false, 1024, &[0])],
    ];
    for records in bad {
        assert_eq!(request(records), Err(ErrorCode::BAD_REQUEST), "{records:?}");
    }
}

#[test]
fn responses_that_break_the_rules_are_no_agreement() {
    use NegotiateError::{Malformed, NextProtocol, NoCookies};
    let malformed = |record_type| Malformed(RecordType(record_type));
    let bad: [(&[Plain<'_>], NegotiateError); 17] = [
        (&[], NextProtocol),
        (&[SIV_ONLY, COOKIE], NextProtocol),
        (&[(true, 1, &[0x80, 0]), SIV_ONLY, COOKIE], NextProtocol),
        (&[(true, 1, &[0, 0, 0, 0]), SIV_ONLY, COOKIE], malformed(1)),
        (&[NTPV4_ONLY, NTPV4_ONLY, SIV_ONLY, COOKIE], malformed(1)),
        (&[NTPV4_ONLY, COOKIE], NegotiateError::Algorithm),
        (&[NTPV4_ONLY, (true, 4, &[]), COOKIE], NegotiateError::Algorithm),
        (&[NTPV4_ONLY, (true, 4, &[0, 17]), COOKIE], NegotiateError::Algorithm),
        (&[NTPV4_ONLY, (true, 4, &[0, 15, 0, 30]), COOKIE], malformed(4)),
        (&[NTPV4_ONLY, SIV_ONLY], NoCookies),
        (&[NTPV4_ONLY, SIV_ONLY, COOKIE, (true, 6, b"bad host")], malformed(6)),
        (&[NTPV4_ONLY, SIV_ONLY, COOKIE, (true, 6, b"fe80::1%eth0")], malformed(6)),
        (&[NTPV4_ONLY, SIV_ONLY, COOKIE, (true, 6, &[b'a'; 256])], malformed(6)),
        (&[NTPV4_ONLY, SIV_ONLY, COOKIE, (true, 7, &[0, 0])], malformed(7)),
        (&[NTPV4_ONLY, SIV_ONLY, COOKIE, (true, 2, &[0])], malformed(2)),
        (&[NTPV4_ONLY, SIV_ONLY, COOKIE, (true, 3, &[0, 7])], NegotiateError::Warned(7)),
        (&[NTPV4_ONLY, SIV_ONLY, COOKIE, (false, 1024, &[1])], malformed(1024)),
    ];
    for (records, error) in bad {
        assert_eq!(agreement(records), Err(error), "{records:?}");
    }
}
