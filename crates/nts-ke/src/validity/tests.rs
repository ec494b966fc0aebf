use super::*;

fn utc(text: &str) -> Option<i64> {
    time(UTC_TIME, text.as_bytes())
}

fn generalized(text: &str) -> Option<i64> {
    time(GENERALIZED_TIME, text.as_bytes())
}

#[test]
fn known_dates() {
    assert_eq!(utc("700101000000Z"), Some(0));
    assert_eq!(utc("500101000000Z"), Some(-631_152_000));
    assert_eq!(utc("491231235959Z"), Some(2_524_607_999));
    assert_eq!(generalized("20380119031408Z"), Some(1 << 31));
    assert_eq!(generalized("20360207062816Z"), Some((1 << 32) - 2_208_988_800));
    assert_eq!(generalized("20000229120000Z"), Some(951_825_600));
    assert_eq!(generalized("99991231235959Z"), Some(253_402_300_799));
    assert_eq!(generalized("00000101000000Z"), Some(-62_167_219_200));
}

#[test]
fn what_is_no_date() {
    for text in
        ["", "Z", "7001010000Z", "700101000000", "700101000000+0000", "700101000000Zx", "7a0101000000Z"]
    {
        assert_eq!(utc(text), None, "{text}");
    }
    for text in
        ["20230229000000Z", "21000229000000Z", "20231301000000Z", "20230100000000Z", "20230101240000Z"]
    {
        assert_eq!(generalized(text), None, "{text}");
    }
    assert_eq!(generalized("20230101006000Z"), None);
    assert_eq!(generalized("20161231235960Z"), None, "certificates know no leap second");
    assert_eq!(time(INTEGER, b"700101000000Z"), None);
}

#[test]
fn every_day_follows_the_one_before() {
    let mut expected = generalized("18960101000000Z").expect("a date");
    for year in 1896..2210 {
        for month in 1..=12 {
            for day in 1..=days_of_month(year, month) {
                assert_eq!(generalized(&format!("{year:04}{month:02}{day:02}000000Z")), Some(expected));
                assert_eq!(Date(expected + DAY_S - 1).to_string(), format!("{year:04}-{month:02}-{day:02}"));
                expected += DAY_S;
            }
        }
    }
}

#[test]
fn any_number_is_shown_as_some_date() {
    assert_eq!(Date(i64::MAX).to_string(), "9999-12-31");
    assert_eq!(Date(i64::MIN).to_string(), "0001-01-01");
    assert_eq!(Date(-1).to_string(), "1969-12-31");
}

#[test]
fn spans_have_both_ends_and_may_have_nothing_in_common() {
    let span = |not_before_s, not_after_s| Validity { not_before_s, not_after_s };
    assert!(
        span(1, 2).contains(1)
            && span(1, 2).contains(2)
            && !span(1, 2).contains(3)
            && !span(1, 2).contains(0)
    );
    assert_eq!(span(1, 5).intersection(span(4, 9)), Some(span(4, 5)));
    assert_eq!(span(1, 4).intersection(span(4, 9)), Some(span(4, 4)));
    assert_eq!(span(1, 3).intersection(span(4, 9)), None);
}

#[test]
fn no_cut_or_changed_certificate_does_more_than_fail() {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(vec!["ntp.example".to_owned()]).expect("parameters");
    params.not_before = rcgen::date_time_ymd(2020, 2, 29);
    params.not_after = rcgen::date_time_ymd(2051, 3, 1);
    let der = params.self_signed(&key).expect("a certificate").der().to_vec();
    let expected = Validity {
        not_before_s: generalized("20200229000000Z").expect("a date"),
        not_after_s: generalized("20510301000000Z").expect("a date"),
    };
    assert_eq!(Validity::of_certificate(&der), Some(expected));
    for len in 0..der.len() {
        assert_eq!(Validity::of_certificate(der.get(..len).expect("shorter")), None, "{len}");
    }
    for at in 0..der.len() {
        for bit in 0..8 {
            let mut changed = der.clone();
            changed[at] ^= 1 << bit;
            if let Some(read) = Validity::of_certificate(&changed) {
                assert!(read.not_before_s <= read.not_after_s);
            }
        }
    }
}
