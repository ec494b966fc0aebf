use proptest::prelude::*;
use truechimer_engine::report::ServerReport;

use super::*;
use crate::codec::{parse_request, to_line};

#[test]
fn requests_read_as_the_manual_says() {
    let all = [
        (r#"{"request":"report"}"#, Request::Report),
        (r#"{"request":"version"}"#, Request::Version),
        (r#"{"request":"reload"}"#, Request::Reload),
        (r#"{"request":"clients"}"#, Request::Clients { limit: None }),
        (r#"{"request":"clients","limit":7}"#, Request::Clients { limit: Some(7) }),
        (r#"{"request":"online","source":null}"#, Request::Online { source: None }),
        (r#"{"request":"online"}"#, Request::Online { source: None }),
        (r#"{"source":"ntp1","request":"offline"}"#, Request::Offline { source: Some("ntp1".into()) }),
        (r#" { "request" : "burst", "source" : "a" } "#, Request::Burst { source: Some("a".into()) }),
    ];
    for (text, request) in all {
        assert_eq!(parse_request(text.as_bytes()), Ok(request.clone()), "{text}");
        let line = to_line(&request).unwrap();
        assert_eq!(parse_request(&line), Ok(request), "{text}");
    }
}

#[test]
fn everything_else_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "\"report\"",
        r#"{"request":null}"#,
        r#"{"request":"REPORT"}"#,
        r#"{"request":"shutdown"}"#,
        r#"{"request":"report","source":"a"}"#,
        r#"{"request":"online","sources":"a"}"#,
        r#"{"request":"clients","limit":0}"#,
        r#"{"request":"clients","limit":10001}"#,
        r#"{"request":"clients","limit":-1}"#,
        r#"{"request":"clients","source":"a"}"#,
        r#"{"request":"report","limit":7}"#,
        r#"{"request":"online","source":7}"#,
        r#"{"request":"report"}{"request":"report"}"#,
        r#"{"request":"report","request":"reload"}"#,
        "{\"request\":\"\u{1b}[2J\"}",
    ] {
        assert!(parse_request(text.as_bytes()).is_err(), "{text}");
    }
    assert!(parse_request(b"{\"request\":\"online\",\"source\":\"\xff\"}").is_err());
    let deep = "[".repeat(4000);
    assert!(parse_request(deep.as_bytes()).is_err());
}

#[test]
fn na_34_control_cannot_name_paths() {
    for text in [
        r#"{"request":"reload","file":"/etc/shadow"}"#,
        r#"{"request":"reload","path":"/etc/shadow"}"#,
        r#"{"request":"reload","config":"/tmp/evil.toml"}"#,
        r#"{"request":"reload","source":"/tmp/evil.toml"}"#,
        r#"{"request":"report","output":"/etc/cron.d/x"}"#,
        r#"{"request":"saveconfig"}"#,
        r#"{"request":"dump"}"#,
    ] {
        assert!(parse_request(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn names_have_a_limit() {
    let request = |len| format!(r#"{{"request":"online","source":"{}"}}"#, "a".repeat(len));
    assert!(parse_request(request(NAME_MAX).as_bytes()).is_ok());
    assert!(parse_request(request(NAME_MAX + 1).as_bytes()).is_err());
}

#[test]
fn commands_need_control() {
    let source = || None;
    assert_eq!(Request::Report.access(), Access::Observe);
    assert_eq!(Request::Version.access(), Access::Observe);
    for command in [
        Request::Reload,
        Request::Online { source: source() },
        Request::Offline { source: source() },
        Request::Burst { source: source() },
    ] {
        assert_eq!(command.access(), Access::Control, "{command:?}");
        assert!(command.access() > Access::Observe);
    }
}

#[test]
fn responses_read_as_the_manual_says() {
    let text = |response: &Response| String::from_utf8(to_line(response).unwrap()).unwrap();
    assert_eq!(text(&Response::Ok(Answer::Done {})), "{\"ok\":{}}\n");
    let version = Version { program: "chimerd".into(), version: "1.2.3".into(), protocol: 1 };
    assert_eq!(
        text(&Response::Ok(Answer::Version(version))),
        "{\"ok\":{\"program\":\"chimerd\",\"version\":\"1.2.3\",\"protocol\":1}}\n"
    );
    let fault = Fault::from(CommandError::NoSuchSource(vec!["a".into(), "b".into()]));
    assert_eq!(
        text(&Response::Error(fault)),
        "{\"error\":{\"code\":\"no_such_source\",\"message\":\"there is no source of that name; there are a, b\"}}\n"
    );
}

#[test]
fn a_code_of_a_newer_daemon_is_read() {
    let reply: Reply<serde_json::Value> =
        serde_json::from_str(r#"{"error":{"code":"too_hot","message":"m","since":3}}"#).unwrap();
    assert_eq!(reply, Reply::Error(Fault::new(FaultCode::Unknown, "m")));
}

#[test]
fn a_field_of_a_newer_daemon_is_ignored() {
    let reply: Reply<ServerReport> =
        serde_json::from_str(r#"{"ok":{"received":1,"answered":2,"dropped":{},"new":[]}}"#).unwrap();
    assert_eq!(reply, Reply::Ok(ServerReport { received: 1, answered: 2, ..ServerReport::default() }));
}

#[test]
fn what_is_no_request_is_told_in_words_of_the_protocol() {
    for line in ["[]", "null", "5"] {
        let fault = parse_request(line.as_bytes()).unwrap_err();
        assert!(fault.contains("an object with `request`"), "{line}: {}", fault);
        assert!(!fault.contains("Raw"), "{line}: {}", fault);
    }
}

proptest! {
    #[test]
    fn any_name_survives_the_line(name in ".{0,60}") {
        let request = Request::Burst { source: Some(name) };
        prop_assert_eq!(parse_request(&to_line(&request).unwrap()), Ok(request));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_request(&bytes);
    }
}
