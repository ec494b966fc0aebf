use super::*;

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
        assert_eq!(table().verify(&packet, &mac), Some(true));
        assert_eq!(table().verify(&packet, &Mac { key_id: 3 - id, ..mac }), Some(false));
        assert_eq!(table().verify(&packet, &Mac { key_id: 3, ..mac }), None);
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
    assert_eq!(format!("{table:?}"), "KeyTable({7: SymmetricKey { algorithm: Md5, .. }})");
}

#[test]
fn copies_are_equal_and_other_tables_are_not() {
    let one = table();
    assert_eq!(one, one.clone());
    assert_ne!(one, table());
    assert_eq!(KeyTable::default(), KeyTable::default());
}
