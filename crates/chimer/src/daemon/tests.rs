use truechimer_control::Fault;

use super::*;
use crate::outcome::FAILED;
use crate::render::fixtures;

#[test]
fn the_socket_is_where_the_arguments_say() {
    let args = DaemonArgs { run_dir: Some("/tmp/x".into()), socket: None };
    assert_eq!(args.socket(Access::Observe), Path::new("/tmp/x/observe.sock"));
    assert_eq!(args.socket(Access::Control), Path::new("/tmp/x/control.sock"));
    let args = DaemonArgs { run_dir: None, socket: Some("/tmp/y.sock".into()) };
    assert_eq!(args.socket(Access::Control), Path::new("/tmp/y.sock"));
}

#[test]
fn every_error_says_what_to_do() {
    let path = PathBuf::from("/nonexistent/control.sock");
    for (error, code) in [
        (ClientError::NotRunning(path.clone()), "not_running"),
        (ClientError::Permission(path), "permission"),
        (ClientError::TimedOut(TIMEOUT), "timed_out"),
        (ClientError::Closed, "closed"),
        (ClientError::TooLong, "malformed"),
        (ClientError::Malformed("x".into()), "malformed"),
        (ClientError::Refused(Fault::new(FaultCode::NoSuchSource, "no")), "no_such_source"),
        (ClientError::Refused(Fault::new(FaultCode::BadConfig, "no")), "bad_config"),
        (ClientError::Refused(Fault::new(FaultCode::NotPermitted, "no")), "not_permitted"),
    ] {
        let failure = explain(&error);
        assert_eq!(failure.code, code);
        assert_eq!(failure.status, FAILED);
        assert!(failure.hint.is_some(), "{failure:?}");
    }
}

#[test]
fn the_group_of_a_socket_is_named() {
    let groups = "root:x:0:\nbroken\n_chimer:x:997:anna,bert\n";
    assert_eq!(group_name(groups, 997), Some("_chimer"));
    assert_eq!(group_name(groups, 998), None);
}

#[test]
fn na_02_a_report_cannot_steer_the_terminal() {
    let mut report = fixtures::report();
    report.system.reason = "a\u{1b}[2Jb".into();
    report.sources[0].name = "n\u{9b}\n".into();
    report.sources[0].dropped.insert("k\u{7}".into(), 1);
    report.sources[0].options = vec!["\u{202e}".into()];
    let clean = harmless(report).unwrap();
    assert_eq!(clean.system.reason, "a\u{fffd}[2Jb");
    assert_eq!(clean.sources[0].name, "n\u{fffd}\u{fffd}");
    assert!(clean.sources[0].dropped.contains_key("k\u{fffd}"));
    assert_eq!(clean.sources[0].options, ["\u{fffd}"]);
}
