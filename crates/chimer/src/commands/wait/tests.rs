use super::*;
use crate::render::fixtures;

fn args(bound: Option<f64>, timeout: f64) -> WaitArgs {
    let daemon = DaemonArgs { run_dir: Some("/nonexistent".into()), socket: None };
    WaitArgs { bound, timeout, quiet: true, daemon, output: OutputArgs { json: false } }
}

#[test]
fn synchronised_is_enough_unless_a_bound_is_asked_for() {
    let report = fixtures::report();
    assert!(Waited::judge(&report, None).reached);
    assert!(Waited::judge(&report, Some(1.234e-3)).reached);
    let waited = Waited::judge(&report, Some(1e-3));
    assert!(!waited.reached);
    assert_eq!(waited.reason, "the error bound is 1.23 ms, 234 µs above 1.00 ms");
}

#[test]
fn a_small_bound_without_synchronisation_is_not_enough() {
    let mut report = fixtures::report();
    report.system.synchronised = false;
    report.system.reason = "no majority".into();
    let waited = Waited::judge(&report, Some(1.0));
    assert!(!waited.reached);
    assert_eq!(waited.reason, "no majority");
}

#[test]
fn an_unknown_bound_is_not_small() {
    let mut report = fixtures::report();
    report.system.bound_s = None;
    assert!(!Waited::judge(&report, Some(1e9)).reached);
    assert!(!Waited::judge(&fixtures::starting(), None).reached);
}

#[test]
fn a_daemon_that_does_not_run_is_waited_for_until_the_time_is_up() {
    let start = Instant::now();
    let mut told = Vec::new();
    let waited = wait_for(&args(None, 0.4), |reason| told.push(reason.to_owned())).unwrap();
    assert!(!waited.reached);
    assert_eq!(waited.synchronised, None);
    assert!(waited.reason.contains("/nonexistent/observe.sock"), "{}", waited.reason);
    assert!(!told.is_empty());
    assert!(start.elapsed() >= Duration::from_millis(400) && start.elapsed() < Duration::from_secs(3));
}

#[test]
fn no_time_asks_once() {
    let mut told = 0;
    assert!(!wait_for(&args(None, 0.0), |_| told += 1).unwrap().reached);
    assert_eq!(told, 0);
}
