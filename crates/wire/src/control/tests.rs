use proptest::prelude::*;

use super::*;

#[test]
fn a_request_of_ntpq_is_understood() {
    // "read status", version 2, as NTPsec's ntpq sends it.
    let bytes = [0x16, 0x01, 0x00, 0x01, 0, 0, 0, 0, 0, 0, 0, 0];
    let (header, data) = ControlHeader::parse(&bytes).unwrap();
    assert_eq!((header.version, header.opcode, header.sequence, header.response), (2, 1, 1, false));
    assert!(data.is_empty());
    assert_eq!(ControlHeader::parse(&bytes[..11]), None);
    let time = [0x23; 48];
    assert_eq!(ControlHeader::parse(&time), None);
    let mut short = bytes;
    short[11] = 1;
    assert_eq!(ControlHeader::parse(&short), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Some((header, data)) = ControlHeader::parse(&bytes) {
            let mut again = header.write().to_vec();
            again.extend(data);
            prop_assert_eq!(ControlHeader::parse(&again), Some((header, data)));
        }
    }
}
