//! A client of the control sockets, and a daemon that answers one.

use truechimer_control::codec::{LineReader, parse_request, to_line};
use truechimer_control::server::{READ_MAX, Session};
use truechimer_control::{Access, Answer, Fault, Reply, Request, Response, Version};
use truechimer_engine::report::Report;

use super::input::Input;

/// One connection: `c` for the control socket or anything else for the observing one (1 byte), how many bytes come at once
/// (1 byte), and what comes. The same bytes are then an answer, as a client reads it.
pub fn control_codec(data: &[u8]) {
    let mut input = Input::new(data);
    let access = if input.u8() == b'c' { Access::Control } else { Access::Observe };
    let piece = usize::from(input.u8()).max(1);
    let mut session = Session::new(access);
    while !input.is_empty() && !session.is_closed() {
        if session.wants_input() {
            session.handle_bytes(input.bytes(piece.min(READ_MAX)));
        }
        serve(&mut session, access);
    }
    session.handle_eof();
    serve(&mut session, access);
    assert!(session.is_closed(), "all is said, and the connection is still open");
    read_answers(data.get(2..).unwrap_or_default());
}

/// What an adapter does in a turn, with a peer that reads everything.
fn serve(session: &mut Session, access: Access) {
    // A turn holds two requests' worth of lines at most, and a line is a byte at least.
    for _ in 0..3 * READ_MAX {
        if let Some(request) = session.poll_request() {
            assert!(request.access() <= access, "a command on the observing socket");
            assert_eq!(parse_request(&to_line(&request).expect("a request is JSON")), Ok(request));
            session.reply(&Response::Ok(Answer::Done {}));
        }
        let output = session.poll_output();
        if output.is_empty() {
            return;
        }
        assert!(output.ends_with(b"\n") && output.iter().filter(|&&byte| byte == b'\n').count() <= 2);
        for line in output.split_inclusive(|&byte| byte == b'\n') {
            let reply: Reply<serde_json::Value> = serde_json::from_slice(line).expect("answers are JSON");
            drop(reply);
        }
        let len = output.len();
        session.handle_written(len);
    }
    panic!("one turn never ends");
}

/// Lines of a daemon that is not trusted: taken as what they are, or refused.
fn read_answers(bytes: &[u8]) {
    let mut reader = LineReader::new(4096);
    for piece in bytes.chunks(1000) {
        reader.push(piece);
        while let Ok(Some(line)) = reader.next_line() {
            let _ = serde_json::from_slice::<Reply<Report>>(line);
            let _ = serde_json::from_slice::<Reply<Version>>(line);
            let _ = serde_json::from_slice::<Fault>(line);
            let _ = serde_json::from_slice::<Request>(line);
        }
        assert!(reader.held() <= 4096 + 1 + 1000);
        if reader.next_line().is_err() {
            return;
        }
    }
}
