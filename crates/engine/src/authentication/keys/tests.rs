use super::*;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn key(algorithm: KeyAlgorithm) -> SymmetricKey {
    SymmetricKey::new(algorithm, &vec![1; algorithm.key_len().unwrap_or(16)]).unwrap()
}

fn table() -> KeyTable {
    KeyTable::from_iter([(1, key(KeyAlgorithm::AesCmac128)), (2, key(KeyAlgorithm::Sha512))])
}

#[test]
fn what_is_signed_verifies_with_that_key_and_no_other() {
    for (id, version, len) in [(1, 4, 68), (1, 3, 68), (2, 4, 72), (2, 3, 116)] {
        let mut buffer = [0; 200];
        buffer[0] = version << 3 | 3;
        assert_eq!(table().sign(id, version, &mut buffer, 48), Some(len));
        let packet = Packet::parse(&buffer[..len]).unwrap();
        let mac = packet.mac().unwrap();
        assert_eq!(mac.key_id, id);
        assert_eq!(table().verify(&packet, &mac, PEER), Some(true));
        assert_eq!(table().verify(&packet, &Mac { key_id: 3 - id, ..mac }, PEER), Some(false));
        assert_eq!(table().verify(&packet, &Mac { key_id: 3, ..mac }, PEER), None);
    }
}

#[test]
fn what_cannot_be_signed_is_said() {
    let mut buffer = [0; 200];
    assert_eq!(table().sign(3, 4, &mut buffer, 48), None, "no such key");
    assert_eq!(table().sign(1, 4, &mut buffer[..67], 48), None, "no room");
    assert_eq!(table().sign(1, 4, &mut buffer[..40], 48), None, "no room at all");
    assert!(!table().resign(&mut buffer[..48], 48), "no MAC");
    assert!(!table().resign(&mut buffer[..68], 48), "a MAC of no key");
}

#[test]
fn zero_is_no_key_and_tables_do_not_show_keys() {
    let table: KeyTable = [(0, key(KeyAlgorithm::Md5)), (7, key(KeyAlgorithm::Md5))].into_iter().collect();
    assert_eq!((table.len(), table.algorithm(0), table.algorithm(7)), (1, None, Some(KeyAlgorithm::Md5)));
    assert_eq!(
        format!("{table:?}"),
        "KeyTable({7: Entry { key: SymmetricKey { algorithm: Md5, .. }, peers: None }})"
    );
}

#[test]
fn copies_are_equal_and_other_tables_are_not() {
    let one = table();
    assert_eq!(one, one.clone());
    assert_ne!(one, table());
    assert_eq!(KeyTable::default(), KeyTable::default());
}

#[test]
fn a_key_may_be_for_some_peers_only() {
    let own = AccessRule { network: "192.0.2.0".parse().unwrap(), prefix_len: 24, allow: true };
    let entry = PeerKey { key: key(KeyAlgorithm::Md5), peers: Some(vec![own]) };
    let table: KeyTable = [(1, entry)].into_iter().collect();
    let mut buffer = [0; 100];
    buffer[0] = 4 << 3 | 3;
    let len = table.sign(1, 4, &mut buffer, 48).unwrap();
    let packet = Packet::parse(&buffer[..len]).unwrap();
    let mac = packet.mac().unwrap();
    assert_eq!(table.verify(&packet, &mac, PEER), Some(true));
    assert_eq!(table.verify(&packet, &mac, "::ffff:192.0.2.7".parse().unwrap()), Some(true));
    assert_eq!(table.verify(&packet, &mac, "198.51.100.1".parse().unwrap()), None);
    assert_eq!(table.verify(&packet, &mac, "2001:db8::1".parse().unwrap()), None);
}
