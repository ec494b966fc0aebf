use proptest::prelude::*;

use super::*;

fn record(critical: bool, record_type: u16, body: &[u8]) -> Record<'_> {
    Record { critical, record_type: RecordType(record_type), body }
}

fn message(records: &[Record<'_>]) -> Vec<u8> {
    let mut message = Vec::new();
    records.iter().for_each(|record| record.write(&mut message).unwrap());
    write_end_of_message(&mut message);
    message
}

#[test]
fn a_record_has_the_layout_of_the_rfc() {
    assert_eq!(
        message(&[record(true, 1, &[0, 0]), record(false, 1024, &[])]),
        [0x80, 1, 0, 2, 0, 0, 4, 0, 0, 0, 0x80, 0, 0, 0]
    );
}

#[test]
fn an_end_of_message_with_a_body_or_not_critical_is_refused() {
    for bytes in [[0x80, 0, 0, 1, 0].as_slice(), &[0, 0, 0, 0]] {
        assert_eq!(RecordReader::new(100).push(bytes), Err(RecordError::EndOfMessage));
    }
}

#[test]
fn what_follows_the_message_is_left_alone() {
    let mut bytes = message(&[record(true, 1, &[0, 0])]);
    let len = bytes.len();
    bytes.extend_from_slice(b"more");
    let mut reader = RecordReader::new(100);
    assert_eq!(reader.push(&bytes), Ok(len));
    assert_eq!(reader.push(b"and more"), Ok(0));
    assert!(reader.is_complete());
    assert_eq!(reader.held(), len);
}

#[test]
fn a_message_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    let bytes = message(&[record(false, 5, &[7; 100])]);
    assert_eq!(RecordReader::new(bytes.len()).push(&bytes), Ok(bytes.len()));
    assert_eq!(RecordReader::new(bytes.len() - 1).push(&bytes), Err(RecordError::TooLong));
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_the_body_comes() {
    let mut reader = RecordReader::new(DEFAULT_MESSAGE_LIMIT);
    assert_eq!(reader.push(&[0, 5, 0xff, 0xff]), Ok(4));
    assert_eq!(reader.push(&[1]), Err(RecordError::TooLong));
    assert_eq!(reader.held(), 4);
}

#[test]
fn a_message_that_is_cut_has_no_records() {
    let bytes = message(&[record(true, 1, &[0, 0])]);
    for len in 0..bytes.len() {
        let mut reader = RecordReader::new(100);
        reader.push(&bytes[..len]).unwrap();
        assert_eq!(reader.records().map(Iterator::count), Err(RecordError::Cut));
    }
}

#[test]
fn a_body_that_is_too_long_for_its_length_is_not_written() {
    let mut message = vec![1];
    assert_eq!(record(false, 5, &[0; 65_536]).write(&mut message), Err(RecordError::TooLong));
    assert_eq!(message, [1]);
}

proptest! {
    /// Any split of the stream gives the same records.
    #[test]
    fn pieces_do_not_matter(
        bodies in prop::collection::vec((any::<bool>(), 1_u16..0x8000, prop::collection::vec(any::<u8>(), 0..40)), 0..20),
        cuts in prop::collection::vec(1_usize..30, 1..60),
    ) {
        let records: Vec<_> = bodies.iter().map(|(critical, kind, body)| record(*critical, *kind, body)).collect();
        let bytes = message(&records);
        let mut reader = RecordReader::new(bytes.len());
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            prop_assert!(!reader.is_complete());
            let piece;
            (piece, rest) = rest.split_at((*cut).min(rest.len()));
            prop_assert_eq!(reader.push(piece), Ok(piece.len()));
        }
        prop_assert_eq!(reader.records().unwrap().collect::<Vec<_>>(), records);
    }

    /// Any bytes are taken or refused, and no more than the limit is ever held.
    #[test]
    fn garbage_is_bounded(bytes in prop::collection::vec(any::<u8>(), 0..600), limit in 0_usize..300) {
        let mut reader = RecordReader::new(limit);
        for byte in bytes {
            let taken = reader.push(&[byte]);
            prop_assert!(reader.held() <= limit);
            if taken != Ok(1) {
                break;
            }
        }
    }
}
