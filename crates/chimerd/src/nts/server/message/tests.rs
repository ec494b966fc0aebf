use super::*;

fn setup() -> Setup {
    let rule = |n: u32| AccessRule {
        network: if n.is_multiple_of(2) {
            [10, 0, 0, 0].into()
        } else {
            [0xfc00, 0, 0, 0, 0, 0, 0, 0].into()
        },
        prefix_len: 8,
        allow: n.is_multiple_of(3),
    };
    Setup {
        limits: KeyExchangeLimits { max_connections: 7, max_per_address: 3, max_rate: 0.5, timeout_s: 2.5 },
        access: (0..3000).map(rule).collect(),
        ntp_server: Some("time.example".into()),
        ntp_port: None,
    }
}

#[test]
fn orders_survive_and_others_are_refused() {
    let messages = write_setup(&setup());
    assert_eq!(messages.len(), 4);
    let mut read = None;
    for message in &messages {
        assert!(message.len() <= TO_ROLE_MAX);
        match (Order::parse(message), &mut read) {
            (Some(Order::Setup(setup)), read @ None) => *read = Some(setup),
            (Some(Order::Access(rules)), Some(setup)) => setup.access.extend(rules),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(read, Some(setup()));
    let chain = vec![b'x'; 100_000];
    for (message, order) in [
        (write_listener(), Order::Listener),
        (write_commit(), Order::Commit),
        (write_ping(), Order::Ping),
        (write_identity(&chain, b"key"), Order::Identity(chain.clone(), b"key".to_vec())),
        (write_ring(2, "ring"), Order::Ring(2, b"ring".to_vec())),
    ] {
        assert_eq!(Order::parse(&message), Some(order.clone()));
        assert_eq!(Order::parse(&[message.as_slice(), b"!"].concat()), None, "{order:?} and more");
    }
    for end in 0..messages[0].len() {
        assert_eq!(Order::parse(&messages[0][..end]), None);
    }
    assert_eq!(Order::parse(b"?"), None);
}

#[test]
fn words_survive_and_others_are_refused() {
    let mut faults = [0; FAULTS];
    faults.iter_mut().zip(10..).for_each(|(fault, n)| *fault = n);
    let counters = Counters {
        open: 1,
        accepted: 2,
        exchanged: 3,
        denied: 4,
        too_many: 5,
        too_fast: 6,
        crowded_out: 7,
        timed_out: 8,
        shortages: u64::MAX,
        faults,
    };
    let validity = Validity { not_before_s: -5, not_after_s: i64::MAX };
    for word in [
        Word::Counters(Box::new(counters)),
        Word::Identity(Ok(validity)),
        Word::Identity(Err("the key is encrypted".into())),
    ] {
        let message = word.write();
        assert!(message.len() <= FROM_ROLE_MAX);
        assert_eq!(Word::parse(&message), Some(word));
        for end in 0..message.len() {
            assert_eq!(Word::parse(&message[..end]), None);
        }
    }
    // A long complaint is cut where a character ends.
    let long = Word::Identity(Err("ß".repeat(5000))).write();
    assert!(long.len() <= FROM_ROLE_MAX);
    assert_eq!(Word::parse(&long), Some(Word::Identity(Err("ß".repeat(500)))));
    assert_eq!(Word::parse(&[b'I', 0, 0, 0, 0, 1, 0xff]), None, "no text");
}
