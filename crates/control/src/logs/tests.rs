use truechimer_engine::report::{RefusedReport, Report, ServerReport, SourceReport};

use super::*;

/// 2026-11-21T16:22:24.5Z.
const NOON: f64 = 1_795_278_144.5;

fn source() -> SourceReport {
    serde_json::from_str(
        r#"{
        "name": "ntp.example.net", "address": "192.0.2.1:123", "kind": "server", "state": "system_peer", "reason": "",
        "reach": 255, "stratum": 2, "leap": "none", "reference_id": "203.0.113.5", "poll": 6,
        "last_sample_age_s": 0.0, "last_offset_s": -4.966e-3, "last_delay_s": 0.25, "offset_s": -3.247e-3,
        "offset_sd_s": 2.22e-3, "frequency_ppm": 10.0, "root_distance_s": 0.1, "interval_s": [-1.575e-4, 1.239e-4],
        "jitter_s": 6.261e-3, "base_delay_s": 0.1, "samples": 16, "stamps": ["kernel", "hardware"], "sent": 20,
        "accepted": 16, "dropped": {}, "options": ["prefer"], "authentication": null,
        "last_offset_now_s": null, "frequency_sd_ppm": 1.08, "configured_options": null,
        "history": { "samples": 16, "runs": 8, "span_s": 1024.0 },
        "packet": {
            "local": "192.0.2.7", "version": 4, "poll": 10, "precision": -23, "root_delay_s": 0.1615,
            "root_dispersion_s": 7.446e-3, "reference_id": 3405803899, "reference_time_unix_s": 0.0,
            "server_stamps": [17212757777957519360, 17212757779031261184], "stamp_error_s": 1.577e-5,
            "response_s": 1e-5
        }
    }"#,
    )
    .unwrap()
}

fn report() -> Report {
    let mut report = crate::ntpq::tests::report(1);
    report.sources = vec![source()];
    let system = &mut report.system;
    (system.leap, system.stratum) = ("none".into(), 3);
    (system.frequency_ppm, system.frequency_sd_ppm) = (3.541, 0.075);
    (system.offset_s, system.offset_sd_s, system.last_offset_s) = (-2.084e-4, 2.94e-3, Some(8.621e-6));
    (system.root_delay_s, system.root_dispersion_s, system.bound_s) = (1.534e-2, 3.472e-4, Some(8.304e-3));
    report
}

/// Where each field of a line ends. Fields that are filled up on the right begin where they begin, so they must be as long.
fn ends(line: &str) -> Vec<usize> {
    let bytes = line.as_bytes();
    let is_end = |at: &usize| bytes[*at] != b' ' && bytes.get(at + 1).is_none_or(|next| *next == b' ');
    (0..bytes.len()).filter(is_end).collect()
}

/// Lines that chronyd 4.3 wrote, with a source whose address is as long as ours.
const MEASURED: &str = "2026-11-21 16:22:24 127.0.0.1       N  5 111 111 1111   0  0 0.00 -3.383e-06  1.190e-05  3.981e-07  0.000e+00  0.000e+00 7F7F0101 4B K K";
const KNOWN: &str = "2026-11-21 16:22:24 127.0.0.1        3.678e-07  2.874e-06  2.595e-07  6.632e-08  6.349e-04 3.3e-05   3   0   3  0.00";
const TRACKED: &str = "2026-11-21 16:22:24 127.0.0.1        6     -0.642     20.536 -3.514e-07 N  1  2.207e-07 -2.891e-06  8.439e-06  1.294e-05  4.874e-04";
const SELECTED: &str =
    "2026-11-21 16:22:24 127.0.0.1       * -----    7  1.00  4.401e-05 -1.126e-06  6.764e-06";

#[test]
fn o5_the_columns_are_chronyds() {
    let (source, report) = (source(), report());
    for (log, ours, theirs) in [
        (Log::Measurements, measurements(&source, NOON).unwrap(), MEASURED),
        (Log::Statistics, statistics(&source, &report, NOON).unwrap(), KNOWN),
        (Log::Tracking, tracking(&report, NOON), TRACKED),
        (Log::Selection, selection(&source, NOON), SELECTED),
    ] {
        assert_eq!(ends(&ours), ends(theirs), "{}:\n{ours}\n{theirs}", log.name());
        assert_eq!(log.banner().unwrap().len(), theirs.len(), "{}", log.name());
    }
}

#[test]
fn o5_chronyds_values_have_its_signs() {
    let (source, report) = (source(), report());
    assert_eq!(
        measurements(&source, NOON).unwrap(),
        "2026-11-21 16:22:24 192.0.2.1       N  2 111 111 1111   6 10 0.00 -4.966e-03  2.500e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B K H"
    );
    // Fast clocks have positive offsets in statistics.log and tracking.log, and a clock that gains has a positive frequency.
    assert_eq!(
        statistics(&source, &report, NOON).unwrap(),
        "2026-11-21 16:22:24 192.0.2.1        6.261e-03  3.247e-03  2.220e-03 -6.459e-06  1.080e-06 0.0e+00  16   0   8  0.00"
    );
    assert_eq!(
        tracking(&report, NOON),
        "2026-11-21 16:22:24 192.0.2.1        3     -3.541      0.075 -8.621e-06 N  1  2.940e-03 -2.084e-04  1.534e-02  3.472e-04  8.304e-03"
    );
    assert_eq!(
        selection(&source, NOON),
        "2026-11-21 16:22:24 192.0.2.1       * -P---  377  1.00  0.000e+00 -1.239e-04  1.575e-04"
    );
}

#[test]
fn o5_ntpds_lines_are_as_its_documentation_has_them() {
    let (source, report) = (source(), report());
    assert_eq!(loopstats(&report, NOON), "61365 58944.500 -0.000208400 3.541000 0.002940000 0.075000 6");
    assert_eq!(
        peerstats(&source, NOON).unwrap(),
        "61365 58944.500 192.0.2.1 9600 -0.004966000 0.250000000 0.100000000 0.006261000"
    );
    let raw = rawstats(&source, NOON).unwrap();
    assert_eq!(
        raw,
        "61365 58944.500 192.0.2.1 192.0.2.7 4007657472.379966000 4007657472.500000000 4007657472.750000000 4007657472.879966000 \
         0 4 4 2 10 -23 0.161500 0.007446 203.0.113.5 1"
    );
    // What a script makes of the four stamps is the offset and the delay.
    let stamps: Vec<f64> = raw
        .split(' ')
        .skip(4)
        .take(4)
        .map(|stamp| stamp.split_once('.').unwrap().1.parse::<f64>().unwrap() * 1e-9)
        .collect();
    let [t1, t2, t3, t4] = stamps[..] else { panic!("{stamps:?}") };
    assert!((((t2 - t1) + (t3 - t4)) / 2.0 + 4.966e-3).abs() < 1e-8);
    assert!(((t4 - t1) - (t3 - t2) - 0.25).abs() < 1e-8);

    let mut before = ServerReport { received: 10, answered: 9, ..ServerReport::default() };
    before.dropped.insert("denied".into(), 1);
    let mut now = ServerReport { received: 110, answered: 99, ..ServerReport::default() };
    now.dropped.extend([("denied".to_owned(), 4), ("length".into(), 2), ("digest".into(), 5)]);
    // ntpq's own questions are no malformed packets.
    now.dropped.extend([("rate_limited".to_owned(), 8), ("mode".into(), 40)]);
    now.kisses = 6;
    assert_eq!(sysstats(&now, &before, 3600.0, NOON), "61365 58944.500 3600 100 90 100 0 3 2 5 0 8 6");
}

/// What chronyd 4.3 wrote with `log rawmeasurements` of a server that is not synchronised, and of one whose delay is above
/// `maxdelay`.
const UNSYNCHRONISED: &str = "2026-11-21 18:49:09 127.0.0.1       ?  0 111 101 0000   0  0 0.10  0.000e+00  0.000e+00  0.000e+00  1.000e+00  1.000e+00 00000000 4B K K";
const TOO_LATE: &str = "2026-11-21 18:49:09 127.0.0.2       N  5 111 111 0111   0  0 0.02 -2.562e-06  8.920e-06  2.074e-07  0.000e+00  0.000e+00 7F7F0101 4B K K";

#[test]
fn o5_an_answer_that_failed_a_test_is_written_as_chronyd_writes_it() {
    let mut source = source();
    assert_eq!(refused_measurements(&source, NOON), None);
    let packet = source.packet.clone().unwrap();
    let refused = |check: &str, measured: Option<f64>| RefusedReport {
        number: 1,
        check: check.to_owned(),
        leap: "unsynchronised".into(),
        stratum: 0,
        offset_s: measured,
        delay_s: measured,
        stamps: ["user".into(), "kernel".into()],
        packet: packet.clone(),
    };
    let lines: Vec<String> = ["leap", "delay"]
        .into_iter()
        .zip([None, Some(2.5e-3)])
        .map(|(check, measured)| {
            let source = SourceReport { refused: Some(refused(check, measured)), ..source.clone() };
            refused_measurements(&source, NOON).unwrap()
        })
        .collect();
    assert_eq!(
        lines,
        [
            "2026-11-21 16:22:24 192.0.2.1       ?  0 111 101 0000   6 10 0.00  0.000e+00  0.000e+00  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K",
            "2026-11-21 16:22:24 192.0.2.1       ?  0 111 111 0111   6 10 0.00  2.500e-03  2.500e-03  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K",
        ]
    );
    for (ours, theirs) in lines.iter().zip([UNSYNCHRONISED, TOO_LATE]) {
        assert_eq!(ends(ours), ends(theirs), "{ours}\n{theirs}");
        assert_eq!(ours[42..54], theirs[42..54], "{ours}\n{theirs}");
    }
    // Every check of a source has its column.
    for check in truechimer_engine::Check::ALL.iter().skip_while(|check| check.name() != "duplicate") {
        source.refused = Some(refused(check.name(), None));
        let line = refused_measurements(&source, NOON).unwrap();
        assert!(line[42..54].contains('0'), "{line}");
    }
}

#[test]
fn o5_a_source_that_has_said_nothing_has_no_line() {
    let silent = SourceReport { packet: None, history: None, last_offset_s: None, ..source() };
    assert_eq!(measurements(&silent, NOON), None);
    assert_eq!(statistics(&silent, &report(), NOON), None);
    assert_eq!(peerstats(&silent, NOON), None);
    assert_eq!(rawstats(&silent, NOON), None);
}

#[test]
fn o5_days_begin_and_end_where_they_should() {
    for (unix_s, name) in [
        (0.0, "peerstats.19700101"),
        (951_782_399.9, "peerstats.20000228"),
        (951_782_400.0, "peerstats.20000229"),
        (4_107_542_400.0, "peerstats.21000301"),
        (-1.0, "peerstats.19691231"),
        (NOON, "peerstats.20261121"),
    ] {
        assert_eq!(Log::Peerstats.file_name(unix_s), name);
    }
    assert_eq!(Log::Tracking.file_name(NOON), "tracking.log");
    assert!(loopstats(&report(), 86_399.999_9).starts_with("40587 86399.999 "));
}

#[test]
fn o5_numbers_are_as_c_prints_them() {
    for (value, text) in [
        (0.0, " 0.000e+00"),
        (-2.681e-6, "-2.681e-06"),
        (1.0, " 1.000e+00"),
        (9.9999e9, " 1.000e+10"),
        (1e-120, "1.000e-120"),
        (f64::NAN, " 0.000e+00"),
    ] {
        assert_eq!(scientific(value, 10, 3), text);
    }
}

#[test]
fn every_log_has_a_name_of_its_own() {
    assert_eq!(Log::Rawmeasurements.file_name(NOON), "measurements.log");
    for log in Log::ALL {
        assert_eq!(Log::from_name(log.name()), Some(log));
    }
    assert_eq!(Log::from_name("refclocks"), None);
}
