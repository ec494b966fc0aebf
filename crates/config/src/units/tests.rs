use proptest::prelude::*;

use super::*;

#[test]
fn durations_of_every_unit_are_read_exactly() {
    for (text, seconds) in [
        ("128ms", 0.128),
        ("1s", 1.0),
        ("10us", 10e-6),
        ("10µs", 10e-6),
        ("10μs", 10e-6),
        ("5m", 300.0),
        ("5min", 300.0),
        ("2h", 7200.0),
        ("1d", 86_400.0),
        ("1.5 s", 1.5),
        (" -12.5us ", -12.5e-6),
        ("+3ns", 3e-9),
        ("0s", 0.0),
    ] {
        assert_eq!(parse(text, DURATION_UNITS), Ok(seconds), "{text}");
    }
}

#[test]
fn what_is_no_number_with_a_unit_is_refused_for_its_reason() {
    let refused = |text: &str| parse(text, DURATION_UNITS).unwrap_err();
    assert_eq!(refused(""), UnitError::NoNumber);
    assert_eq!(refused("ms"), UnitError::NoNumber);
    assert_eq!(refused("1000"), UnitError::NoUnit("1000".into()));
    assert_eq!(refused("1S"), UnitError::UnknownUnit("S".into()));
    assert_eq!(refused("1h30m"), UnitError::UnknownUnit("h30m".into()));
    assert_eq!(refused("1e3s"), UnitError::UnknownUnit("e3s".into()));
    for number in ["1,5", "1.", ".5", "--1", "1-1", "1_000", "1.2.3", "-", "123456789012345678901"] {
        assert_eq!(refused(&format!("{number}s")), UnitError::BadNumber(number.into()));
    }
}

#[test]
fn rates_have_units_of_their_own() {
    assert_eq!(parse("500ppm", RATE_UNITS), Ok(500e-6));
    assert_eq!(parse("10ppb", RATE_UNITS), Ok(10e-9));
    assert_eq!(parse("500ms", RATE_UNITS), Err(UnitError::UnknownUnit("ms".into())));
}

#[test]
fn durations_are_written_in_the_unit_that_reads_best() {
    for (seconds, text) in [
        (0.0, "0s"),
        (0.128, "128ms"),
        (-12.5e-6, "-12.5us"),
        (3e-9, "3ns"),
        (1000.0, "1000s"),
        (86_400.0, "1d"),
        (1.5, "1.5s"),
    ] {
        assert_eq!(write_duration(seconds), text);
    }
    assert_eq!(write_rate(500e-6), "500ppm");
    assert_eq!(write_rate(1e-7), "100ppb");
    assert_eq!(write_rate(0.1), "100000ppm");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}") {
        if let Ok(value) = parse(&text, DURATION_UNITS) {
            prop_assert!(value.is_finite());
        }
    }

    #[test]
    fn what_was_written_reads_the_same(nanos in -1_000_000_000_000_000i64..1_000_000_000_000_000) {
        let seconds = nanos as f64 / 1e9;
        let back = parse(&write_duration(seconds), DURATION_UNITS).unwrap();
        prop_assert!((back - seconds).abs() <= seconds.abs() * 1e-12, "{seconds} became {back}");
    }
}
