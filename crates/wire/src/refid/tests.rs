use super::*;

#[test]
fn text_is_a_name_where_there_is_one() {
    assert_eq!(ReferenceId(*b"GPS\0").text(1), "GPS");
    assert_eq!(ReferenceId(*b"RATE").text(0), "RATE");
    assert_eq!(ReferenceId(*b"GPS\0").text(2), "71.80.83.0");
    assert_eq!(ReferenceId([192, 0, 2, 1]).text(2), "192.0.2.1");
}

#[test]
fn text_never_carries_control_characters() {
    for id in [[0, 0, 0, 0], [0x1b, b'[', b'2', b'J'], [b'A', 0, b'B', 0], *b"A B\0", [0xff; 4]] {
        let text = ReferenceId(id).text(1);
        assert_eq!(text, Ipv4Addr::from(id).to_string());
    }
}

#[test]
fn an_address_names_itself_whichever_way_it_is_written() {
    let v4: IpAddr = "192.0.2.1".parse().unwrap();
    let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    assert_eq!(ReferenceId::from_address(v4), ReferenceId([192, 0, 2, 1]));
    assert_eq!(ReferenceId::from_address(mapped), ReferenceId([192, 0, 2, 1]));
    // By Python's hashlib.
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    assert_eq!(ReferenceId::from_address(v6), ReferenceId([0x39, 0xab, 0x9b, 0x37]));
    let local: IpAddr = "::1".parse().unwrap();
    assert_eq!(ReferenceId::from_address(local), ReferenceId([0xcf, 0x40, 0x4d, 0xc8]));
}

#[test]
fn names_are_cut_and_padded() {
    assert_eq!(ReferenceId::from_name("PPS").0, *b"PPS\0");
    assert_eq!(ReferenceId::from_name("GALILEO").0, *b"GALI");
    assert_eq!(ReferenceId::from_name("Zürich").0, *b"Z\0\0\0");
    assert_eq!(ReferenceId::from_name(""), ReferenceId::NONE);
}

#[test]
fn kiss_codes_are_reference_identifiers_and_back() {
    for code in [*b"DENY", *b"RSTR", *b"RATE", *b"NTSN", *b"INIT", *b"XFUN", [0; 4]] {
        let id = ReferenceId(code);
        assert_eq!(ReferenceId::from(KissCode::from(id)), id);
        assert_eq!(matches!(KissCode::from(id), KissCode::Other(_)), matches!(code[0], b'I' | b'X' | 0));
    }
}
