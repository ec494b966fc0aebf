use super::*;

#[test]
fn spans_have_three_digits_and_the_unit_that_fits() {
    for (seconds, text) in [
        (0.0, "0 s"),
        (0.23e-9, "0.23 ns"),
        (1e-9, "1.00 ns"),
        (999.4e-9, "999 ns"),
        (999.6e-9, "1.00 µs"),
        (12.34e-6, "12.3 µs"),
        (-12.35e-3, "-12.3 ms"),
        (0.08, "80.0 ms"),
        (0.9996, "1.00 s"),
        (9.996, "10.0 s"),
        (99.96, "100 s"),
        (1024.0, "17.1 min"),
        (86_400.0, "24.0 h"),
        (864_000.0, "10.0 d"),
        (f64::NAN, "?"),
        (f64::INFINITY, "?"),
    ] {
        assert_eq!(span(seconds), text, "{seconds}");
    }
    assert_eq!(signed_span(1e-3), "+1.00 ms");
    assert_eq!(signed_span(-1e-3), "-1.00 ms");
    assert_eq!(signed_span(0.0), "0 s");
}

#[test]
fn other_quantities() {
    assert_eq!(ppm(12.3456), "+12.346 ppm");
    assert_eq!(ppm(f64::NAN), "?");
    assert_eq!([0.4, 119.0, 120.0, 7200.0, 172_800.0, -1.0].map(age), ["0s", "119s", "2m", "2h", "2d", "0s"]);
    assert_eq!([-3, 0, 6, 10].map(poll_interval), ["125 ms", "1.00 s", "64.0 s", "17.1 min"]);
    assert_eq!((count(1, "step"), count(0, "step")), ("1 step".into(), "0 steps".into()));
}

#[test]
fn spans_are_read() {
    for (text, seconds) in
        [("10ms", 0.01), ("1.5s", 1.5), ("2min", 120.0), (" 3 us ", 3e-6), ("0s", 0.0), ("1h", 3600.0)]
    {
        let read = parse_span(text).unwrap();
        assert!((read - seconds).abs() < 1e-12, "{text}: {read}");
    }
    for text in ["", "10", "ms", "-1s", "1e3s", "10 parsecs", "1..2s", "inf", "NaNs"] {
        assert!(parse_span(text).is_err(), "{text}");
    }
    assert!(parse_span("10").unwrap_err().contains("10ms"));
}

#[test]
fn na_02_text_from_elsewhere_cannot_steer_the_terminal() {
    assert_eq!(clean("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e µ ±"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}e µ ±");
}

#[test]
fn only_colour_stays_in_coloured_text() {
    assert_eq!(clean_coloured("\u{1b}[1;31mred\u{1b}[0m\n\u{7}"), "\u{1b}[1;31mred\u{1b}[0m\n\u{fffd}");
    assert_eq!(clean_coloured("\u{1b}[2J\u{1b}]0;x\u{1b}["), "\u{fffd}[2J\u{fffd}]0;x\u{fffd}[");
}
