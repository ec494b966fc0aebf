use proptest::prelude::*;

use super::*;

fn text(session: &mut Session) -> String {
    let text = String::from_utf8(session.poll_output().to_vec()).unwrap();
    session.handle_written(text.len());
    text
}

fn code(session: &mut Session) -> String {
    let text = text(session);
    let value: serde_json::Value = serde_json::from_str(&text).expect(&text);
    value["error"]["code"].as_str().expect(&text).to_owned()
}

fn done() -> Response {
    Response::Ok(Answer::Done {})
}

#[test]
fn one_answer_a_request_in_order() {
    let mut session = Session::new(Access::Control);
    session.handle_bytes(b"{\"request\":\"report\"}\n{\"request\":\"reload\"}\n");
    assert_eq!(session.poll_request(), Some(Request::Report));
    assert_eq!(session.poll_request(), None, "the first is not answered yet");
    session.reply(&done());
    assert_eq!(session.poll_request(), None, "the answer is not written yet");
    assert_eq!(text(&mut session), "{\"ok\":{}}\n");
    assert_eq!(session.poll_request(), Some(Request::Reload));
    session.reply(&done());
    session.reply(&done());
    assert_eq!(text(&mut session), "{\"ok\":{}}\n", "a reply without a request is ignored");
    assert_eq!(session.poll_request(), None);
    assert!(!session.is_closed());
}

#[test]
fn output_may_leave_in_pieces() {
    let mut session = Session::new(Access::Observe);
    session.handle_bytes(b"{\"request\":\"report\"}\n");
    assert!(session.poll_request().is_some());
    session.reply(&done());
    session.handle_written(3);
    assert_eq!(session.poll_output(), b"k\":{}}\n");
    session.handle_written(usize::MAX);
    assert!(session.poll_output().is_empty());
}

#[test]
fn the_session_answers_who_it_is() {
    let mut session = Session::new(Access::Observe);
    session.handle_bytes(b"{\"request\":\"version\"}\n");
    assert_eq!(session.poll_request(), None);
    assert!(text(&mut session).starts_with("{\"ok\":{\"program\":\"chimerd\""));
}

#[test]
fn at_38_the_observer_cannot_command() {
    for word in ["online", "offline", "burst", "reload"] {
        let mut session = Session::new(Access::Observe);
        session.handle_bytes(format!("{{\"request\":\"{word}\"}}\n").as_bytes());
        assert_eq!(session.poll_request(), None, "{word}");
        assert_eq!(code(&mut session), "not_permitted", "{word}");
        session.handle_bytes(b"{\"request\":\"report\"}\n");
        assert_eq!(session.poll_request(), Some(Request::Report), "and it goes on");
    }
}

#[test]
fn at_38_a_huge_request_is_refused_and_the_connection_ends() {
    let mut session = Session::new(Access::Control);
    let mut fed = 0;
    while session.wants_input() && fed < 1 << 20 {
        session.handle_bytes(&[b'a'; READ_MAX]);
        fed += READ_MAX;
        assert_eq!(session.poll_request(), None);
    }
    assert!(fed <= 2 * READ_MAX, "{fed} bytes were taken in");
    assert_eq!(code(&mut session), "too_long");
    assert!(session.is_closed());
}

#[test]
fn at_38_a_caller_that_ignores_back_pressure_costs_no_memory() {
    let mut session = Session::new(Access::Control);
    for _ in 0..100 {
        session.handle_bytes(&b"{\"request\":\"report\"}\n".repeat(200));
    }
    assert!(!session.wants_input());
    assert!(session.input.held() <= 2 * REQUEST_MAX + 2);
}

#[test]
fn at_38_a_slow_request_is_taken_byte_by_byte() {
    let mut session = Session::new(Access::Observe);
    let request = b"{\"request\":\"report\"}\n";
    let (last, first) = request.split_last().unwrap();
    for byte in first {
        session.handle_bytes(&[*byte]);
        assert_eq!(session.poll_request(), None);
        assert!(session.poll_output().is_empty());
    }
    session.handle_bytes(&[*last]);
    assert_eq!(session.poll_request(), Some(Request::Report));
}

#[test]
fn at_38_a_pipeline_without_reading_stalls_itself_only() {
    let mut session = Session::new(Access::Observe);
    let request = b"{\"request\":\"report\"}\n";
    let mut taken = 0;
    while session.wants_input() {
        session.handle_bytes(request);
        taken += request.len();
        let _ = session.poll_request();
        assert!(taken < 3 * REQUEST_MAX);
    }
    // What was taken in is answered once the peer reads.
    let mut answers = 1;
    session.reply(&done());
    session.handle_written(usize::MAX);
    while session.poll_request().is_some() {
        session.reply(&done());
        session.handle_written(usize::MAX);
        answers += 1;
    }
    assert_eq!(answers, taken / request.len());
    assert!(session.wants_input());
}

#[test]
fn at_38_garbage_is_answered_a_few_times_and_then_the_connection_ends() {
    let mut session = Session::new(Access::Observe);
    for _ in 0..MAX_FAULTS - 1 {
        session.handle_bytes(b"\x00\xff{]\n");
        assert_eq!(session.poll_request(), None);
        assert_eq!(code(&mut session), "bad_request");
        assert!(!session.is_closed());
    }
    session.handle_bytes(b"garbage\n");
    assert_eq!(session.poll_request(), None);
    assert_eq!(code(&mut session), "busy");
    assert!(session.is_closed());
}

#[test]
fn blank_lines_are_nothing() {
    let mut session = Session::new(Access::Observe);
    session.handle_bytes(b"\n\r\n \n{\"request\":\"report\"}\r\n");
    assert_eq!(session.poll_request(), Some(Request::Report));
}

#[test]
fn a_peer_that_ends_its_side_is_still_answered() {
    let mut session = Session::new(Access::Observe);
    session.handle_bytes(b"{\"request\":\"report\"}\n{\"request\":\"report\"}");
    session.handle_eof();
    assert!(!session.wants_input());
    for _ in 0..2 {
        assert_eq!(session.poll_request(), Some(Request::Report));
        assert!(!session.is_closed());
        session.reply(&done());
        assert!(!session.is_closed());
        session.handle_written(usize::MAX);
    }
    assert_eq!(session.poll_request(), None);
    assert!(session.is_closed());
}

#[test]
fn a_peer_that_says_nothing_and_ends_is_closed_at_once() {
    let mut session = Session::new(Access::Observe);
    session.handle_eof();
    assert_eq!(session.poll_request(), None);
    assert!(session.is_closed());
}

#[test]
fn a_daemon_with_too_many_connections_says_so() {
    let mut session = Session::new(Access::Control);
    session.refuse_and_close(FaultCode::Busy, "32 connections are open");
    assert_eq!(code(&mut session), "busy");
    assert!(session.is_closed());
}

proptest! {
    /// Whatever comes in whatever pieces, an adapter that follows the manual never gets a command from the observing
    /// side, memory stays bounded, and every output is whole lines of JSON.
    #[test]
    fn any_input_is_bounded_and_answered_in_json(
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..600),
                Just(b"{\"request\":\"report\"}\n".to_vec()),
                Just(b"{\"request\":\"reload\"}\n".to_vec()),
                Just(vec![b'\n'; 50]),
                Just(vec![b' '; 3000]),
            ],
            0..40,
        ),
    ) {
        let mut session = Session::new(Access::Observe);
        for piece in pieces {
            if session.wants_input() {
                session.handle_bytes(&piece);
            }
            while let Some(request) = session.poll_request() {
                prop_assert_eq!(request.access(), Access::Observe);
                session.reply(&done());
                for line in session.poll_output().split_inclusive(|&byte| byte == b'\n') {
                    prop_assert!(serde_json::from_slice::<serde_json::Value>(line).is_ok());
                }
                session.handle_written(usize::MAX);
            }
            prop_assert!(session.input.held() <= 2 * REQUEST_MAX + 2);
            session.handle_written(usize::MAX);
        }
        session.handle_eof();
        for _ in 0..10_000 {
            if session.is_closed() {
                break;
            }
            let _ = session.poll_request();
            session.reply(&done());
            session.handle_written(usize::MAX);
        }
        prop_assert!(session.is_closed());
    }
}
