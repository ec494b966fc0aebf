use std::net::IpAddr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use truechimer_nts::Keys;
use truechimer_nts::aead::Algorithm;
use truechimer_nts::negotiate::ClientOffer;

use super::*;
use crate::client::KeyExchanged;
use crate::error::{CertificateFault, KeError, NetworkFault};
use crate::validity::Validity;
use crate::verify::DatePolicy;

fn algorithm() -> impl Strategy<Value = Algorithm> {
    proptest::sample::select(Algorithm::ALL.to_vec())
}

fn name() -> impl Strategy<Value = String> {
    "[ -~]{1,255}"
}

fn request() -> impl Strategy<Value = ExchangeRequest> {
    let bind = option::of(any::<IpAddr>());
    let date = prop_oneof![
        any::<i64>().prop_map(DatePolicy::At),
        any::<i64>().prop_map(|floor_unix_s| DatePolicy::Defer { floor_unix_s }),
    ];
    let offer = (vec(algorithm(), 0..=3), option::of(name()), option::of(any::<u16>()))
        .prop_map(|(algorithms, server, port)| ClientOffer { algorithms, server, port });
    let addresses = vec(any::<IpAddr>(), 0..=ADDRESSES_MAX);
    (any::<u64>(), name(), any::<u16>(), addresses, bind, date, offer).prop_map(
        |(query, server, port, addresses, bind, date, offer)| ExchangeRequest {
            query,
            server,
            port,
            addresses,
            bind,
            date,
            offer,
        },
    )
}

fn keys(algorithm: Algorithm) -> impl Strategy<Value = Keys> {
    let len = algorithm.key_len();
    (vec(any::<u8>(), len), vec(any::<u8>(), len))
        .prop_map(move |(c2s, s2c)| Keys::new(algorithm, &c2s, &s2c).unwrap())
}

fn exchanged() -> impl Strategy<Value = KeyExchanged> {
    let cookie = (3usize..=64).prop_flat_map(|words| vec(any::<u8>(), words * 4));
    let keys = algorithm().prop_flat_map(|algorithm| (keys(algorithm), option::of(keys(algorithm))));
    let validity = (any::<i32>(), 0i64..1 << 40)
        .prop_map(|(from, len)| Validity { not_before_s: from.into(), not_after_s: i64::from(from) + len });
    (keys, vec(cookie, 1..=8), option::of(name()), option::of(1..=u16::MAX), validity).prop_map(
        |((keys, alternative), cookies, server, port, validity)| KeyExchanged {
            keys,
            alternative,
            cookies,
            server,
            port,
            certificate_key: [port.unwrap_or(7) as u8; 32],
            validity,
        },
    )
}

/// Every error there is.
fn errors() -> Vec<KeError> {
    let network = [
        NetworkFault::NotFound,
        NetworkFault::Refused,
        NetworkFault::Unreachable,
        NetworkFault::Reset,
        NetworkFault::TimedOut,
        NetworkFault::Unavailable,
    ];
    let certificate = [
        CertificateFault::WrongName { presented: String::new() },
        CertificateFault::WrongName { presented: "a.example, *.b.example".into() },
        CertificateFault::Expired { not_after_s: -5 },
        CertificateFault::NotYetValid { not_before_s: 1 << 40 },
        CertificateFault::NeverValid,
        CertificateFault::UnknownIssuer,
        CertificateFault::Authority,
        CertificateFault::Purpose,
        CertificateFault::Constraint,
        CertificateFault::Signature,
        CertificateFault::Key,
        CertificateFault::Algorithm,
        CertificateFault::TooComplex,
        CertificateFault::Malformed,
    ];
    let mut errors = vec![
        KeError::ServerName,
        KeError::NotTls,
        KeError::TlsVersion,
        KeError::NoApplicationProtocol,
        KeError::Alert(40),
        KeError::Tls,
        KeError::TooMuch,
        KeError::Closed,
        KeError::Answer,
        KeError::Refused(0),
        KeError::Refused(1),
        KeError::Refused(2),
        KeError::Refused(999),
        KeError::Warned(7),
        KeError::NoProtocol,
        KeError::NoAlgorithm,
        KeError::NoCookies,
    ];
    errors.extend(network.map(KeError::Network));
    errors.extend(certificate.map(KeError::Certificate));
    errors
}

fn answer() -> impl Strategy<Value = ExchangeAnswer> {
    let result = prop_oneof![exchanged().prop_map(Ok), proptest::sample::select(errors()).prop_map(Err),];
    (any::<u64>(), option::of(any::<IpAddr>()), result).prop_map(|(query, peer, result)| ExchangeAnswer {
        query,
        peer,
        result,
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(request in request(), answer in answer()) {
        let message = request.write();
        prop_assert!(message.len() <= MESSAGE_MAX);
        prop_assert_eq!(ExchangeRequest::parse(&message), Some(request));
        let message = answer.write();
        prop_assert!(message.len() <= MESSAGE_MAX);
        prop_assert_eq!(ExchangeAnswer::parse(&message), Some(answer));
    }

    #[test]
    fn a_cut_or_longer_message_is_none(request in request(), answer in answer(), more in any::<u8>()) {
        for message in [request.write(), answer.write()] {
            for len in 0..message.len() {
                prop_assert_eq!(ExchangeRequest::parse(&message[..len]), None);
                prop_assert_eq!(ExchangeAnswer::parse(&message[..len]), None);
            }
            let longer = [&message[..], &[more]].concat();
            prop_assert_eq!(ExchangeRequest::parse(&longer), None);
            prop_assert_eq!(ExchangeAnswer::parse(&longer), None);
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_none(kind in 0usize..3, bytes in vec(any::<u8>(), 0..200)) {
        let head: &[u8] = [&[VERSION, REQUEST][..], &[VERSION, ANSWER], &[]][kind];
        let message = [head, &bytes].concat();
        if let Some(request) = ExchangeRequest::parse(&message) {
            prop_assert_eq!(request.write(), message.clone());
        }
        if let Some(answer) = ExchangeAnswer::parse(&message) {
            prop_assert_eq!(answer.write(), message);
        }
    }
}

#[test]
fn every_error_goes_over_and_says_something_of_its_own() {
    let mut said = std::collections::BTreeSet::new();
    for error in errors() {
        let answer = ExchangeAnswer { query: 1, peer: None, result: Err(error.clone()) };
        assert_eq!(ExchangeAnswer::parse(&answer.write()), Some(answer), "{error:?}");
        assert!(said.insert(error.to_string()), "{error} is said twice");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let keys = |algorithm: Algorithm| {
        let bytes = vec![1; algorithm.key_len()];
        Keys::new(algorithm, &bytes, &bytes).unwrap()
    };
    let good = KeyExchanged {
        keys: keys(Algorithm::AesSivCmac256),
        alternative: None,
        cookies: vec![vec![1; 96]],
        server: None,
        port: None,
        validity: Validity { not_before_s: 0, not_after_s: 1 },
        certificate_key: [3; 32],
    };
    let parses = |exchanged: &KeyExchanged| {
        let answer = ExchangeAnswer { query: 0, peer: None, result: Ok(exchanged.clone()) };
        ExchangeAnswer::parse(&answer.write()).is_some()
    };
    assert!(parses(&good));
    let bad = [
        KeyExchanged { alternative: Some(keys(Algorithm::Aes128GcmSiv)), ..good.clone() },
        KeyExchanged { cookies: vec![], ..good.clone() },
        KeyExchanged { cookies: vec![vec![1; 95]], ..good.clone() },
        KeyExchanged { cookies: vec![vec![1; 260]], ..good.clone() },
        KeyExchanged { server: Some(String::new()), ..good.clone() },
        KeyExchanged { server: Some("a\nb".into()), ..good.clone() },
        KeyExchanged { server: Some("a".repeat(256)), ..good.clone() },
        KeyExchanged { port: Some(0), ..good.clone() },
        KeyExchanged { validity: Validity { not_before_s: 1, not_after_s: 0 }, ..good.clone() },
    ];
    for exchanged in bad {
        assert!(!parses(&exchanged), "{exchanged:?}");
    }
}
