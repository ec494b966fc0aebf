use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use truechimer_wire::signd::SIGN_REQUEST_LEN;

use super::*;

/// What became of each job, by its key identifier.
#[derive(Default)]
struct Book {
    done: Vec<(u8, Result<Vec<u8>, SigningError>)>,
    said: Vec<String>,
}

impl Desk for Book {
    fn stamp(&mut self, packet: &mut [u8; HEADER_LEN]) {
        packet[47] = 0x77;
    }
    fn done(&mut self, job: &Job, result: Result<&[u8; SIGNED_LEN], SigningError>) {
        self.done.push((job.key_id[0], result.map(|packet| packet.to_vec())));
    }
    fn say(&mut self, _: Priority, text: &str) {
        self.said.push(text.to_owned());
    }
}

fn job(account: u8, since: Mono) -> Job {
    let remote = SocketAddr::from(([192, 0, 2, 1], 123));
    Job { packet: [account; 48], key_id: [account, 4, 0, 0], remote, local: None, listener: 1, since }
}

/// What the stand-in does with a request for an account.
fn answer(request: &[u8; SIGN_REQUEST_LEN]) -> Option<Vec<u8>> {
    let (id, account) = (&request[12..14], request[16]);
    let head = |len: u32, operation: u32| {
        [&len.to_be_bytes()[..], &[0; 4], &operation.to_be_bytes(), &[0, 0], id].concat()
    };
    let signed = [&request[20..], &request[16..20], &[0xAB; 16]].concat();
    match account {
        // A disabled account: Samba closes the connection.
        2 => None,
        3 => Some(head(12, 4)),
        4 => Some([head(80, 3), vec![0; 68]].concat()),
        5 => Some(vec![0xff; 40]),
        6 => Some(Vec::new()),
        _ => Some([head(80, 3), signed].concat()),
    }
}

/// Serves as many connections, one after the other.
fn stand_in(path: &Path, connections: usize) -> JoinHandle<()> {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for _ in 0..connections {
            let Ok((mut stream, _)) = listener.accept() else { return };
            serve(&mut stream);
        }
    })
}

fn serve(stream: &mut UnixStream) {
    let mut request = [0; SIGN_REQUEST_LEN];
    while stream.read_exact(&mut request).is_ok() {
        let Some(bytes) = answer(&request) else { return };
        // In pieces, as a stream may carry it.
        for piece in bytes.chunks(7) {
            let _ = stream.write_all(piece);
        }
    }
}

/// Turns the loop until so many jobs are done.
fn turn_until(signer: &mut Signer, book: &mut Book, start: Mono, count: usize) {
    let began = Instant::now();
    while book.done.len() < count {
        assert!(began.elapsed() < Duration::from_secs(10), "{} done of {count}", book.done.len());
        let mut poll = PollSet::new();
        signer.register(&mut poll);
        poll.wait(Some(Duration::from_millis(10))).unwrap();
        signer.handle_ready(&poll, start.after(began.elapsed().as_secs_f64()), book);
    }
}

const START: Mono = Mono::from_nanos(1_000_000_000_000);

#[test]
fn a_reply_comes_back_signed_and_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let _samba = stand_in(&dir.path().join("socket"), 1);
    // The folder will do, as for chrony.
    let (mut signer, mut book) = (Signer::new(dir.path()), Book::default());
    for account in [1, 9, 1] {
        signer.push(job(account, START)).unwrap();
    }
    turn_until(&mut signer, &mut book, START, 3);
    for (account, result) in &book.done {
        let packet = result.as_ref().unwrap();
        assert_eq!((packet.len(), packet[0], packet[47], packet[48]), (68, *account, 0x77, *account));
        assert_eq!(packet[52..], [0xAB; 16]);
    }
    assert_eq!(book.said, [""; 0]);
}

#[test]
fn what_is_refused_or_forged_harms_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signd");
    let _samba = stand_in(&path, 8);
    let (mut signer, mut book) = (Signer::new(&path), Book::default());
    // Closed, refused, another packet than ours, garbage: each between two good ones.
    for account in [1, 2, 1, 3, 1, 4, 1, 5, 1] {
        signer.push(job(account, START)).unwrap();
    }
    turn_until(&mut signer, &mut book, START, 9);
    for (account, result) in &book.done {
        match account {
            1 => assert!(result.is_ok()),
            _ => assert_eq!(*result, Err(SigningError::Refused), "{account}"),
        }
    }
}

#[test]
fn silence_ends_and_the_queue_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signd");
    let _samba = stand_in(&path, 4);
    let (mut signer, mut book) = (Signer::new(&path), Book::default());
    let pushed = (0..200).filter(|_| signer.push(job(6, START)).is_ok()).count();
    assert_eq!(pushed, MAX_QUEUE);
    assert_eq!(signer.push(job(1, START)), Err(SigningError::Busy));
    assert_eq!(signer.poll_timeout(), Some(START.after(LIMIT_S)));
    turn_until(&mut signer, &mut book, START, MAX_QUEUE);
    assert!(book.done.iter().all(|(_, result)| *result == Err(SigningError::TimedOut)));
    assert_eq!(signer.poll_timeout(), None);
    // The next one is signed, on a new connection.
    let later = START.after(20.0);
    signer.push(job(1, later)).unwrap();
    turn_until(&mut signer, &mut book, later, MAX_QUEUE + 1);
    assert!(book.done.last().unwrap().1.is_ok());
}

#[test]
fn without_samba_nobody_waits_and_it_is_said_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signd");
    let (mut signer, mut book) = (Signer::new(&path), Book::default());
    for second in 0..5 {
        let now = START.after(f64::from(second) * 2.0);
        signer.push(job(1, now)).unwrap();
        signer.handle_ready(&PollSet::new(), now, &mut book);
        assert_eq!(signer.push(job(1, now.after(0.5))), Err(SigningError::Unavailable), "it rests");
    }
    assert_eq!(book.done.len(), 5);
    assert!(book.done.iter().all(|(_, result)| *result == Err(SigningError::Unavailable)));
    assert_eq!(book.said.len(), 1, "{:?}", book.said);
    let _samba = stand_in(&path, 1);
    let now = START.after(60.0);
    signer.push(job(1, now)).unwrap();
    turn_until(&mut signer, &mut book, now, 6);
    assert!(book.done[5].1.is_ok() && book.said[1].ends_with("answers again"), "{:?}", book.said);
}

#[test]
fn a_samba_that_was_restarted_is_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signd");
    let listener = UnixListener::bind(&path).unwrap();
    let samba = std::thread::spawn(move || {
        // One answer, then the end, then another life.
        let (mut first, _) = listener.accept().unwrap();
        let mut request = [0; SIGN_REQUEST_LEN];
        first.read_exact(&mut request).unwrap();
        first.write_all(&answer(&request).unwrap()).unwrap();
        drop(first);
        serve(&mut listener.accept().unwrap().0);
    });
    let (mut signer, mut book) = (Signer::new(&path), Book::default());
    for count in 1..=2 {
        signer.push(job(1, START)).unwrap();
        turn_until(&mut signer, &mut book, START, count);
    }
    assert!(book.done.iter().all(|(_, result)| result.is_ok()), "{:?}", book.done);
    drop(signer);
    samba.join().unwrap();
}

#[test]
fn no_reply_begins_before_a_step_and_ends_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let samba = stand_in(&path, 1);
    let (mut signer, mut book) = (Signer::new(&path), Book::default());
    signer.push(job(1, START)).unwrap();
    signer.push(job(7, START)).unwrap();
    signer.handle_step(START);
    // One that came after it, and one from a thread that handed it over late.
    signer.push(job(8, START.after(0.001))).unwrap();
    signer.push(job(9, START)).unwrap();
    turn_until(&mut signer, &mut book, START.after(0.002), 4);
    let done: Vec<_> = book.done.iter().map(|(account, result)| (*account, result.is_ok())).collect();
    assert_eq!(done, [(1, false), (7, false), (8, true), (9, false)]);
    assert!(book.done.iter().all(|(account, result)| *account == 8 || *result == Err(SigningError::Stepped)));
    drop(signer);
    samba.join().unwrap();
}
