use std::thread;

use super::*;
use crate::FaultCode;

const SHORT: Duration = Duration::from_millis(300);

/// A client whose daemon is `daemon`, on a thread that ends with it.
fn against(daemon: impl FnOnce(UnixStream) + Send + 'static) -> (Client, thread::JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Client::over(ours, SHORT), thread::spawn(move || daemon(theirs)))
}

fn says(bytes: Vec<u8>) -> Result<Version, ClientError> {
    let (mut client, thread) = against(move |mut stream| {
        let mut request = [0; 64];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(&bytes);
    });
    let answer = client.version();
    drop(client);
    thread.join().unwrap();
    answer
}

#[test]
fn an_answer_is_understood_in_any_pieces() {
    let (mut client, thread) = against(|mut stream| {
        let mut request = [0; 64];
        let count = stream.read(&mut request).unwrap();
        assert_eq!(&request[..count], b"{\"request\":\"version\"}\n");
        for byte in b"{\"ok\":{\"program\":\"chimerd\",\"version\":\"9\",\"protocol\":1}}\n" {
            stream.write_all(&[*byte]).unwrap();
        }
    });
    assert_eq!(client.version().unwrap().version, "9");
    thread.join().unwrap();
}

#[test]
fn a_refusal_is_told() {
    let answer = says(b"{\"error\":{\"code\":\"busy\",\"message\":\"later\"}}\n".to_vec());
    let Err(ClientError::Refused(fault)) = answer else { panic!("{answer:?}") };
    assert_eq!(fault, Fault::new(FaultCode::Busy, "later"));
}

#[test]
fn na_02_client_survives_hostile_replies() {
    for garbage in [
        &b"\n"[..],
        b"\x00\xff\xfe\n",
        b"null\n",
        b"{}\n",
        b"{\"ok\":{}}\n",
        b"{\"ok\":null,\"error\":null}\n",
        b"{\"ok\":{\"program\":1,\"version\":[],\"protocol\":-1}}\n",
        b"{\"ok\":{\"program\":\"a\",\"version\":\"b\",\"protocol\":1e999}}\n",
        b"{\"error\":\"no\"}\n",
    ] {
        let answer = says(garbage.to_vec());
        assert!(matches!(answer, Err(ClientError::Malformed(_))), "{garbage:?}: {answer:?}");
    }
    let mut deep = b"{\"ok\":".to_vec();
    deep.resize(200_000, b'[');
    deep.push(b'\n');
    assert!(matches!(says(deep), Err(ClientError::Malformed(_))));
}

#[test]
fn na_02_client_survives_an_endless_reply() {
    let answer = says(vec![b'x'; REPLY_MAX + (1 << 20)]);
    assert!(matches!(answer, Err(ClientError::TooLong)), "{answer:?}");
}

#[test]
fn na_02_a_drip_does_not_move_the_deadline() {
    let (mut client, thread) = against(|mut stream| {
        for _ in 0..100 {
            if stream.write_all(b" ").is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let start = Instant::now();
    let answer = client.report();
    assert!(matches!(answer, Err(ClientError::TimedOut(_))), "{answer:?}");
    assert!(start.elapsed() < 3 * SHORT);
    drop(client);
    thread.join().unwrap();
}

#[test]
fn a_connection_that_ends_is_told() {
    let (mut client, thread) = against(drop);
    thread.join().unwrap();
    assert!(matches!(client.report(), Err(ClientError::Closed)));
    let answer = says(b"{\"ok\":".to_vec());
    assert!(matches!(answer, Err(ClientError::Closed)), "{answer:?}");
}

#[test]
fn nobody_there_is_told() {
    let path = Path::new("/nonexistent/observe.sock");
    assert!(matches!(Client::connect(path, SHORT), Err(ClientError::NotRunning(_))));
}
