use std::fs;
use std::path::Path;

use truechimer_config::LOGS;
use truechimer_engine::config::{Endpoint, EngineConfig, Host, SourceConfig, SourceKind};
use truechimer_engine::report::{PacketReport, RefusedReport};
use truechimer_engine::{Engine, Initial};
use truechimer_time::{Cooked, NtpDuration};

use super::*;

/// Seconds after 2026-11-21T23:59:00Z.
fn at(seconds: f64) -> Now {
    Now {
        mono: Mono::from_nanos(1_000_000_000).after(seconds),
        cooked: Cooked::from_unix_nanos(1_795_305_540_000_000_000) + NtpDuration::from_seconds(seconds),
    }
}

/// One source with so many samples, and so many updates of the clock.
fn report(samples: u64, updates: u64) -> Report {
    let now = at(0.0);
    let endpoint = Endpoint { host: Host::Address([192, 0, 2, 1].into()), port: 123 };
    let source = SourceConfig { name: None, kind: SourceKind::Server(endpoint), options: Default::default() };
    let config = EngineConfig { sources: vec![source], ..truechimer_config::Config::default().engine };
    let mut report = Engine::new(config, Initial::default(), [7; 32], now).report(now);
    report.system.updates = updates;
    let source = &mut report.sources[0];
    source.samples = samples;
    (source.last_offset_s, source.last_delay_s) = (Some(1e-3), Some(2e-3));
    source.packet = Some(PacketReport {
        local: None,
        version: 4,
        poll: 6,
        precision: -20,
        root_delay_s: 0.0,
        root_dispersion_s: 0.0,
        reference_id: 1,
        reference_time_unix_s: 0.0,
        server_stamps: Some([1 << 40, 1 << 40]),
        stamp_error_s: 1e-6,
        response_s: 1e-5,
    });
    report
}

fn logs(folder: &Path, files: &[&'static str], banner: u32) -> Logs {
    Logs::new(Wanted { folder: folder.join("log"), files: files.to_vec(), banner }, at(0.0).mono)
}

fn lines(folder: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join("log").join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn o5_the_configuration_knows_every_log() {
    assert_eq!(LOGS, Log::ALL.map(Log::name));
}

#[test]
fn o5_each_sample_and_each_update_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = logs(dir.path(), LOGS, 0);
    for (samples, updates) in [(0, 0), (1, 0), (1, 0), (2, 1), (2, 1), (3, 2)] {
        logs.handle_report(&report(samples, updates), at(0.0)).unwrap();
    }
    for (name, count) in [
        ("measurements.log", 3),
        ("tracking.log", 2),
        ("selection.log", 2),
        ("peerstats.20261121", 3),
        ("rawstats.20261121", 3),
        ("loopstats.20261121", 2),
        ("sysstats.20261121", 0),
    ] {
        assert_eq!(lines(dir.path(), name).len(), count, "{name}");
    }
}

#[test]
fn o5_answers_that_failed_a_test_are_written_where_that_is_wanted() {
    let refused = |number| RefusedReport {
        number,
        check: "leap".into(),
        leap: "unsynchronised".into(),
        stratum: 3,
        offset_s: None,
        delay_s: None,
        stamps: ["user".into(), "kernel".into()],
        packet: report(0, 0).sources[0].packet.clone().unwrap(),
    };
    for (files, count) in
        [(&["measurements"][..], 2), (&["rawmeasurements"], 4), (&["measurements", "rawmeasurements"], 4)]
    {
        let dir = tempfile::tempdir().unwrap();
        let mut logs = logs(dir.path(), files, 0);
        for (samples, number) in [(0, 0), (1, 0), (1, 1), (1, 1), (2, 2)] {
            let mut report = report(samples, 0);
            report.sources[0].refused = (number > 0).then(|| refused(number));
            logs.handle_report(&report, at(0.0)).unwrap();
        }
        let lines = lines(dir.path(), "measurements.log");
        assert_eq!(lines.len(), count, "{files:?}");
        let failed = lines.iter().filter(|line| line.contains(" ?  3 111 101 0000 ")).count();
        assert_eq!(failed, count - 2, "{lines:?}");
    }
}

#[test]
fn o5_only_what_is_wanted_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = logs(dir.path(), &["tracking"], 0);
    logs.handle_report(&report(1, 1), at(0.0)).unwrap();
    let names: Vec<_> =
        fs::read_dir(dir.path().join("log")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["tracking.log"]);
}

#[test]
fn o5_the_columns_are_explained_every_so_many_lines() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = logs(dir.path(), &["tracking"], 3);
    for updates in 1..=7 {
        logs.handle_report(&report(0, updates), at(0.0)).unwrap();
    }
    let banners: Vec<usize> = lines(dir.path(), "tracking.log")
        .iter()
        .enumerate()
        .filter_map(|(at, line)| line.starts_with("   Date (UTC)").then_some(at))
        .collect();
    assert_eq!(banners, [1, 7, 13]);
}

#[test]
fn o5_a_new_day_is_a_new_file_and_the_latest_has_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = logs(dir.path(), &["loopstats"], 32);
    logs.handle_report(&report(0, 1), at(0.0)).unwrap();
    logs.handle_report(&report(0, 2), at(61.0)).unwrap();
    logs.handle_report(&report(0, 3), at(62.0)).unwrap();
    assert_eq!(lines(dir.path(), "loopstats.20261121").len(), 1);
    let today = lines(dir.path(), "loopstats.20261122");
    assert_eq!(today.len(), 2);
    assert_eq!(lines(dir.path(), "loopstats"), today);
    assert!(today[0].starts_with("61366 1.000 "), "{today:?}");
}

#[test]
fn o5_a_file_of_somebody_elses_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("log")).unwrap();
    fs::write(dir.path().join("log/loopstats"), "mine\n").unwrap();
    let mut logs = logs(dir.path(), &["loopstats"], 32);
    logs.handle_report(&report(0, 1), at(0.0)).unwrap();
    assert_eq!(lines(dir.path(), "loopstats"), ["mine"]);
    assert_eq!(lines(dir.path(), "loopstats.20261121").len(), 1);
}

#[test]
fn o5_files_that_were_moved_away_are_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = logs(dir.path(), &["tracking"], 0);
    logs.handle_report(&report(0, 1), at(0.0)).unwrap();
    let path = dir.path().join("log/tracking.log");
    fs::rename(&path, dir.path().join("log/tracking.log.1")).unwrap();
    logs.handle_report(&report(0, 2), at(1.0)).unwrap();
    assert!(!path.exists(), "written into the old file");
    logs.cycle();
    logs.handle_report(&report(0, 3), at(2.0)).unwrap();
    assert_eq!(lines(dir.path(), "tracking.log").len(), 1);
    assert_eq!(lines(dir.path(), "tracking.log.1").len(), 2);
}

#[test]
fn o5_other_files_from_now_on_say_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = logs(dir.path(), &["tracking"], 0);
    logs.handle_report(&report(1, 1), at(0.0)).unwrap();
    let files = vec!["tracking", "measurements"];
    logs.configure(Wanted { folder: dir.path().join("log"), files, banner: 0 });
    logs.handle_report(&report(1, 1), at(1.0)).unwrap();
    assert_eq!(lines(dir.path(), "tracking.log").len(), 1);
    logs.handle_report(&report(2, 2), at(2.0)).unwrap();
    assert_eq!(lines(dir.path(), "tracking.log").len(), 2);
    assert_eq!(lines(dir.path(), "measurements.log").len(), 1);
}

#[test]
fn at_36_what_cannot_be_written_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    // A file where the folder should be.
    fs::write(dir.path().join("log"), "").unwrap();
    let mut logs = logs(dir.path(), &["tracking"], 0);
    let (path, _) = logs.handle_report(&report(0, 1), at(0.0)).unwrap_err();
    assert!(path.ends_with("log/tracking.log"), "{}", path.display());
    logs.handle_report(&report(0, 2), at(1.0)).unwrap();
    fs::remove_file(dir.path().join("log")).unwrap();
    logs.handle_report(&report(0, 3), at(2.0)).unwrap();
    assert_eq!(lines(dir.path(), "tracking.log").len(), 1);
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    fs::write(dir.path().join("log"), "").unwrap();
    logs.cycle();
    assert!(logs.handle_report(&report(0, 4), at(3.0)).is_err(), "a new fault is told again");
}

#[test]
fn o5_the_server_is_told_of_every_hour() {
    let dir = tempfile::tempdir().unwrap();
    let mut logs = logs(dir.path(), &["sysstats"], 0);
    let mut report = report(0, 0);
    report.server = Some(ServerReport { received: 100, answered: 90, ..ServerReport::default() });
    assert!(!logs.is_due(at(3599.0).mono));
    logs.handle_report(&report, at(3599.0)).unwrap();
    assert!(logs.is_due(at(3600.0).mono));
    logs.handle_report(&report, at(3600.0)).unwrap();
    logs.handle_report(&report, at(7200.0)).unwrap();
    let told: Vec<String> = lines(dir.path(), "sysstats")
        .iter()
        .map(|line| line.split(' ').skip(2).take(3).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(told, ["3600 100 90", "3600 0 0"]);
}

/// NA-33: the folder of the logs may belong to an account without rights, and the daemon be root.
#[test]
fn na33_no_link_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("passwd");
    fs::write(&target, "root\n").unwrap();
    fs::create_dir(dir.path().join("log")).unwrap();
    for name in ["tracking.log", "loopstats.20261121"] {
        std::os::unix::fs::symlink(&target, dir.path().join("log").join(name)).unwrap();
    }
    let mut logs = logs(dir.path(), &["tracking", "loopstats", "peerstats"], 0);
    let (path, _) = logs.handle_report(&report(1, 1), at(0.0)).unwrap_err();
    assert!(path.ends_with("tracking.log"), "{path:?}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "root\n");
}

/// The name without the day is a convenience: what stands there, or a file system without second names, stops no log.
#[test]
fn o5_a_log_goes_on_without_its_second_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("log/peerstats/old")).unwrap();
    let mut logs = logs(dir.path(), &["peerstats"], 0);
    logs.handle_report(&report(1, 1), at(0.0)).unwrap();
    assert_eq!(lines(dir.path(), "peerstats.20261121").len(), 1);
    assert!(dir.path().join("log/peerstats/old").exists());
}
