use truechimer_time::NtpTimestamp;

use super::*;

const HEADER: Header = Header::request(4, NtpTimestamp::from_bits(1));
const TYPE: FieldType = FieldType(0xf00f);

#[test]
fn a_last_field_without_mac_is_padded_to_28_bytes() {
    let mut buffer = [0xee; 128];
    let mut writer = PacketWriter::new(&mut buffer, &HEADER).unwrap();
    writer.field(TYPE, &[1]).unwrap();
    assert_eq!(writer.written().len(), 48 + 16);
    assert_eq!(writer.finish(), Ok(48 + 28));
    assert_eq!(buffer[48..53], [0xf0, 0x0f, 0, 28, 1]);
    assert_eq!(buffer[53..76], [0; 23]);
}

#[test]
fn a_field_before_a_mac_is_padded_to_16_bytes() {
    let mut buffer = [0xee; 128];
    let mut writer = PacketWriter::new(&mut buffer, &HEADER).unwrap();
    writer.field(TYPE, &[]).unwrap();
    assert_eq!(writer.mac(1, &[2; 16]), Ok(48 + 16 + 20));
    assert_eq!(buffer[48..52], [0xf0, 0x0f, 0, 16]);
    assert_eq!(buffer[64..69], [0, 0, 0, 1, 2]);
}

#[test]
fn what_does_not_fit_is_said() {
    assert!(PacketWriter::new(&mut [0; 47], &HEADER).is_err());
    let mut buffer = [0; 48 + 20];
    let mut writer = PacketWriter::new(&mut buffer, &HEADER).unwrap();
    assert_eq!(writer.field(TYPE, &[0; 17]), Err(NoRoom));
    assert_eq!(writer.written(), HEADER.write(), "a field that failed left nothing");
    writer.field(TYPE, &[0; 3]).unwrap();
    assert_eq!(writer.finish(), Err(NoRoom), "28 bytes");

    let mut buffer = [0; 48 + 19];
    let writer = PacketWriter::new(&mut buffer, &HEADER).unwrap();
    assert_eq!(writer.mac(1, &[0; 16]), Err(NoRoom));
}

#[test]
fn a_field_longer_than_its_length_can_tell_is_refused() {
    let mut buffer = vec![0; 70_000];
    let mut writer = PacketWriter::new(&mut buffer, &HEADER).unwrap();
    assert_eq!(writer.field(TYPE, &[0; 65_529]), Err(NoRoom));
    assert_eq!(writer.field(TYPE, &[0; 65_528]), Ok(()));
}
