//! The formats of packets.

use truechimer_wire::{
    FieldType, HEADER_LEN, Header, KEY_ID_LEN, MAX_FIELDS, MIN_LAST_FIELD_LEN, Mode, NoRoom, Packet,
    PacketWriter,
};

use super::input::Input;

/// Any bytes are a packet or are none; the parts of a packet are all of it.
pub fn packet_view(data: &[u8]) {
    let Ok(packet) = Packet::parse(data) else { return };
    let header = packet.header();
    assert_eq!(header.write(), data[..HEADER_LEN]);
    assert!((1..=4).contains(&header.version));
    assert!(!matches!(header.mode, Mode::Control | Mode::Private));
    if let Some(code) = header.kiss_code() {
        assert_eq!(truechimer_wire::ReferenceId::from(code), header.reference_id);
    }
    for stratum in [0, 1, 2] {
        assert!(header.reference_id.text(stratum).chars().all(|c| c.is_ascii_graphic()));
    }
    let fields: usize = packet.fields().map(|field| field.value.len() + 4).sum();
    let mac = packet.mac().map_or(0, |mac| KEY_ID_LEN + mac.digest.len());
    assert_eq!(HEADER_LEN + fields + mac, data.len());
    assert_eq!(packet.covered(), &data[..HEADER_LEN + fields]);
    assert!(packet.fields().count() <= MAX_FIELDS);
    assert!(header.version == 4 || fields == 0);
}

/// A packet that was parsed can be written again, byte for byte.
pub fn packet_round_trip(data: &[u8]) {
    let Ok(packet) = Packet::parse(data) else { return };
    let mut buffer = vec![0xee; data.len()];
    let mut writer = PacketWriter::new(&mut buffer, &packet.header()).expect("room for the header");
    for field in packet.fields() {
        writer.field(field.field_type, field.value).expect("room for a field");
    }
    assert_eq!(writer.written(), packet.covered());
    let len = match packet.mac() {
        Some(mac) => writer.mac(mac.key_id, mac.digest),
        None => writer.finish(),
    };
    assert_eq!(len, Ok(data.len()));
    assert_eq!(buffer, data);
}

/// Fields that were written can be parsed again, with nothing but padding added; a buffer that is too small is never overrun.
///
/// The input: room in the buffer (2 bytes), then fields: type (2), a byte that says whether a MAC follows, value (slice).
pub fn extension_fields(data: &[u8]) {
    let mut input = Input::new(data);
    let room = usize::from(input.u16()) % 4096;
    let header = Header::request(4, truechimer_time::NtpTimestamp::from_bits(input.u64()));
    let mut buffer = vec![0xee; room];
    let mut expected: Vec<(FieldType, &[u8])> = Vec::new();
    let mut key_id = None;
    let Ok(mut writer) = PacketWriter::new(&mut buffer, &header) else {
        assert!(room < HEADER_LEN);
        return;
    };
    while !input.is_empty() && key_id.is_none() {
        let field_type = FieldType(input.u16());
        if input.u8() == 0xff {
            key_id = Some(u32::from(field_type.0));
        } else {
            let value = input.slice();
            let before = writer.written().len();
            match writer.field(field_type, value) {
                Ok(()) => expected.push((field_type, value)),
                Err(NoRoom) => {
                    assert_eq!(writer.written().len(), before);
                    assert!(
                        before + value.len() + 4 > room
                            || before + 16 > room
                            || !(room - before).is_multiple_of(4)
                    );
                }
            }
        }
    }
    let written = match key_id {
        Some(key_id) => writer.mac(key_id, &[0x5a; 20]),
        None => writer.finish(),
    };
    let Ok(len) = written else {
        let needed = if key_id.is_some() { KEY_ID_LEN + 20 } else { MIN_LAST_FIELD_LEN - 16 };
        assert!(
            buffer.len() < HEADER_LEN + expected.iter().map(|(_, v)| v.len() + 16).sum::<usize>() + needed
        );
        return;
    };
    assert!(buffer[len..].iter().all(|&byte| byte == 0xee));
    let packet = match Packet::parse(&buffer[..len]) {
        Ok(packet) => packet,
        Err(error) => {
            assert_eq!(error, truechimer_wire::ParseError::TooManyFields);
            assert!(expected.len() > MAX_FIELDS);
            return;
        }
    };
    assert_eq!(packet.header(), header);
    assert_eq!(packet.mac().map(|mac| mac.key_id), key_id);
    assert_eq!(packet.fields().count(), expected.len());
    for (field, (field_type, value)) in packet.fields().zip(expected) {
        assert_eq!(field.field_type, field_type);
        let (start, padding) = field.value.split_at(value.len());
        assert_eq!(start, value);
        assert!(padding.iter().all(|&byte| byte == 0));
    }
}
