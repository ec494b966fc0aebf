use proptest::prelude::*;

use super::*;

fn lines(reader: &mut LineReader) -> Result<Vec<Vec<u8>>, TooLong> {
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line()? {
        lines.push(line.to_vec());
    }
    Ok(lines)
}

#[test]
fn a_line_is_given_when_its_newline_has_come() {
    let mut reader = LineReader::new(16);
    reader.push(b"ab");
    assert_eq!(reader.next_line(), Ok(None));
    reader.push(b"c\r\n\nde");
    assert_eq!(lines(&mut reader), Ok(vec![b"abc".to_vec(), Vec::new()]));
    assert_eq!(reader.held(), 2);
    assert_eq!(reader.take_rest(), b"de");
    assert_eq!(reader.held(), 0);
}

#[test]
fn the_limit_counts_neither_newline_nor_carriage_return() {
    let mut reader = LineReader::new(4);
    reader.push(b"abcd\r");
    assert_eq!(reader.next_line(), Ok(None));
    reader.push(b"\n");
    assert_eq!(reader.next_line(), Ok(Some(&b"abcd"[..])));
    reader.push(b"abcde\n");
    assert_eq!(reader.next_line(), Err(TooLong));
}

#[test]
fn at_38_an_endless_line_is_refused_while_it_grows() {
    let mut reader = LineReader::new(4096);
    let mut refused_at = None;
    for count in 1..=100 {
        reader.push(&[b'x'; 1000]);
        if reader.next_line() == Err(TooLong) {
            refused_at = Some(count);
            break;
        }
    }
    assert_eq!(refused_at, Some(5));
}

#[test]
fn a_message_is_one_line() {
    let request = crate::Request::Online { source: Some("a\nb\r\u{2028}".into()) };
    let line = to_line(&request).unwrap();
    assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
    assert_eq!(parse_request(&line), Ok(request));
}

proptest! {
    #[test]
    fn the_pieces_do_not_matter(
        text in proptest::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(b'\n')], 0..400),
        cuts in proptest::collection::vec(0usize..400, 0..8),
    ) {
        let mut whole = LineReader::new(400);
        whole.push(&text);
        let expected = lines(&mut whole).unwrap();

        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let mut pieces = LineReader::new(400);
        let mut found = Vec::new();
        for pair in cuts.windows(2) {
            pieces.push(&text[pair[0]..pair[1]]);
            found.extend(lines(&mut pieces).unwrap());
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(pieces.take_rest(), whole.take_rest());
    }
}
