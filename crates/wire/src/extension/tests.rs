use super::*;

fn field(field_type: u16, len: u16, total: usize) -> Vec<u8> {
    let mut bytes = vec![0xaa; total];
    bytes[..2].copy_from_slice(&field_type.to_be_bytes());
    bytes[2..4].copy_from_slice(&len.to_be_bytes());
    bytes
}

#[test]
fn a_field_is_split_from_what_follows() {
    let bytes = field(0x0104, 20, 27);
    let (first, rest) = Field::split(&bytes).unwrap();
    assert_eq!(first.field_type, FieldType::UNIQUE_IDENTIFIER);
    assert_eq!(first.value, [0xaa; 16]);
    assert_eq!(rest, [0xaa; 7]);
}

#[test]
fn lengths_that_rfc_7822_forbids_are_errors() {
    for len in [0, 1, 3, 4, 8, 12, 15, 17, 18, 19, 65535] {
        assert_eq!(Field::split(&field(1, len, 64)), Err(FieldError::Length), "{len}");
    }
    assert_eq!(Field::split(&field(1, 68, 64)), Err(FieldError::Length), "beyond the end");
    assert!(Field::split(&field(1, 64, 64)).is_ok(), "to the end");
    assert_eq!(Field::split(&[1, 4, 0]), Err(FieldError::Cut));
}

#[test]
fn experimental_types_are_the_last_4096() {
    assert!(!FieldType(0xefff).is_experimental());
    assert!(FieldType(0xf000).is_experimental() && FieldType(0xffff).is_experimental());
}
