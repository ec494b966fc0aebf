use super::*;

#[test]
fn cookies_come_out_in_the_order_in_which_they_went_in() {
    let mut jar = CookieJar::new();
    for round in 0..5_u8 {
        for i in 0..JAR_CAPACITY as u8 {
            assert!(jar.push(&[round * 10 + i; 100]));
        }
        assert!(!jar.push(&[99; 100]), "the ninth has no place");
        assert_eq!(jar.iter().count(), JAR_CAPACITY);
        for i in 0..JAR_CAPACITY as u8 {
            // Also while the ring buffer wraps.
            if i == 3 {
                assert!(jar.push(&[round * 10 + 8; 64]));
            }
            assert_eq!(jar.pop().unwrap().as_bytes(), [round * 10 + i; 100]);
        }
        assert_eq!(jar.pop().unwrap().as_bytes(), [round * 10 + 8; 64]);
        assert!(jar.is_empty() && jar.pop().is_none());
    }
}

#[test]
fn cookies_that_fit_no_extension_field_are_not_kept() {
    let mut jar = CookieJar::new();
    for len in (0..MIN_COOKIE_LEN).chain([13, 14, 15, 101, MAX_COOKIE_LEN + 4, 10_000]) {
        assert!(!jar.push(&vec![0; len]), "{len}");
    }
    assert!(jar.is_empty());
    assert!(jar.push(&[0; MIN_COOKIE_LEN]) && jar.push(&[0; MAX_COOKIE_LEN]));
    assert_eq!(jar.len(), 2);
    jar.clear();
    assert_eq!(jar, CookieJar::new());
}

#[test]
fn cookies_are_not_printed() {
    assert_eq!(format!("{:?}", Cookie::new(&[0xab; 16]).unwrap()), "Cookie(16 bytes)");
}
