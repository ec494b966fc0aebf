use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use super::*;
use crate::poll::{Interest, PollSet};
use crate::testing::{in_own_process, with_no_descriptors_left};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn wait(fd: RawFd) {
    let mut set = PollSet::new();
    set.push(fd, Interest::Read);
    set.wait(Some(Duration::from_secs(5))).unwrap();
}

#[test]
fn a_connection_carries_bytes_both_ways_and_says_who_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe.sock");
    let mut listener = Listener::bind(&path, 0o666).unwrap();
    assert!(listener.accept().unwrap().is_none());
    let mut client = UnixStream::connect(&path).unwrap();
    wait(listener.fd());
    let mut stream = listener.accept().unwrap().unwrap();

    let mut buffer = [0; 16];
    assert_eq!(stream.read(&mut buffer).unwrap(), None);
    client.write_all(b"ping").unwrap();
    wait(stream.fd());
    assert_eq!(stream.read(&mut buffer).unwrap(), Some(4));
    assert_eq!(stream.write(b"pong").unwrap(), Some(4));
    client.read_exact(&mut buffer[..4]).unwrap();
    assert_eq!(&buffer[..4], b"pong");

    let big = [0; 65_536];
    let mut written = 0;
    while let Some(count) = stream.write(&big).unwrap() {
        written += count;
        assert!(written < 1 << 26, "a peer that does not read must stop us some time");
    }
    drop(client);
    assert!(stream.write(b"x").is_err(), "an error, not a signal");
    drop(listener);
    assert!(!path.exists());
}

/// NA-33 (chrony 4.8): the permissions are right from the first moment on, so they are never set afterwards. A socket
/// that is bound with a `umask` of nothing and narrowed by `chmod` later would be open in between; here the `umask`
/// is wide open, and a watcher looks at the name all the time.
#[test]
fn na_33_socket_created_without_chmod_race() {
    in_own_process("unix::tests::na_33_socket_created_without_chmod_race", || {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        // SAFETY: no pointers are passed.
        unsafe { libc::umask(0) };
        let (done, watched) = (std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)), path.clone());
        let stop = done.clone();
        let watcher = std::thread::spawn(move || {
            let mut widest = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                widest |= fs::symlink_metadata(&watched).map_or(0, |m| m.permissions().mode() & 0o777);
            }
            widest
        });
        for _ in 0..500 {
            let listener = Listener::bind(&path, 0o660).unwrap();
            assert_eq!(mode(&path), 0o660);
            drop(listener);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(watcher.join().unwrap() & !0o660, 0);
        // SAFETY: no pointers are passed.
        assert_eq!(unsafe { libc::umask(0o077) }, 0, "and the umask is as it was");
        let _listener = Listener::bind(&path, 0o666).unwrap();
        assert_eq!(mode(&path), 0o666, "a narrow umask does not narrow it");
    });
}

#[test]
fn only_a_stale_socket_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "left behind, as after a crash");
    let listener = Listener::bind(&path, 0o660).unwrap();

    let second = Listener::bind(&path, 0o660).unwrap_err();
    assert_eq!(second.raw_os_error(), Some(libc::EADDRINUSE));
    UnixStream::connect(&path).expect("the first one was left alone");
    drop(listener);

    fs::write(&path, b"precious").unwrap();
    assert_eq!(Listener::bind(&path, 0o660).unwrap_err().raw_os_error(), Some(libc::EEXIST));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(directory.path().join("elsewhere"), &path).unwrap();
    assert!(Listener::bind(&path, 0o660).is_err());
    assert!(!directory.path().join("elsewhere").exists());
}

#[test]
fn a_name_that_was_taken_over_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sock");
    let first = Listener::bind(&path, 0o660).unwrap();
    fs::remove_file(&path).unwrap();
    let _second = UnixListener::bind(&path).unwrap();
    drop(first);
    assert!(path.exists());
}

#[test]
fn impossible_names_are_errors() {
    for name in ["", &"x".repeat(200), "/nonexistent-directory/sock"] {
        assert!(Listener::bind(Path::new(name), 0o660).is_err(), "{name}");
    }
}

/// AT-25: with no descriptor left a connection is closed instead of waking the loop for ever, and afterwards all is well.
#[test]
fn at_25_no_descriptors_left_at_accept() {
    in_own_process("unix::tests::at_25_no_descriptors_left_at_accept", || {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sock");
        let mut listener = Listener::bind(&path, 0o660).unwrap();
        let mut client = UnixStream::connect(&path).unwrap();
        with_no_descriptors_left(|| {
            assert_eq!(listener.accept().unwrap_err().raw_os_error(), Some(libc::EMFILE));
            assert_eq!(client.read(&mut [0]).unwrap(), 0, "closed");
            assert!(listener.accept().unwrap_or(None).is_none());
        });
        let _client = UnixStream::connect(&path).unwrap();
        assert!(listener.accept().unwrap().is_some());
    });
}

#[test]
fn connecting_never_waits_and_says_who_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    assert_eq!(Stream::connect(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    let listener = UnixListener::bind(&path).unwrap();
    let mut stream = Stream::connect(&path).unwrap();
    let (mut other, _) = listener.accept().unwrap();
    assert_eq!(stream.write(b"request").unwrap(), Some(7));
    let mut buffer = [0; 7];
    other.read_exact(&mut buffer).unwrap();
    assert_eq!(stream.read(&mut buffer).unwrap(), None, "nothing yet");
    other.write_all(b"reply").unwrap();
    assert_eq!(stream.read(&mut buffer).unwrap(), Some(5));
    drop((other, listener));
    assert_eq!(Stream::connect(&path).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    assert!(Stream::connect(Path::new("")).is_err());
}

#[test]
fn datagrams_are_answered_to_the_name_they_came_from() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("server.sock");
    let server = Datagrams::bind(&path, 0o660).unwrap();
    assert_eq!(mode(&path), 0o660);
    let mut buffer = [0; 16];
    assert_eq!(server.receive(&mut buffer).unwrap(), None);
    let own = directory.path().join("client.sock");
    let client = UnixDatagram::bind(&own).unwrap();
    client.send_to(b"ping", &path).unwrap();
    wait(server.fd());
    assert_eq!(server.receive(&mut buffer).unwrap(), Some((4, Some(own.clone()))));
    server.send(b"pong", &own).unwrap();
    assert_eq!(client.recv(&mut buffer).unwrap(), 4);
    UnixDatagram::unbound().unwrap().send_to(b"x", &path).unwrap();
    assert_eq!(server.receive(&mut buffer).unwrap(), Some((1, None)));

    let second = Datagrams::bind(&path, 0o660).unwrap_err();
    assert_eq!(second.raw_os_error(), Some(libc::EADDRINUSE));
    // One that does not read holds nobody up.
    let refused = (0..100_000).find(|_| server.send(b"pong", &own).is_err());
    assert!(refused.is_some());
    drop(server);
    assert!(!path.exists());
    // What a crash leaves is replaced.
    drop(UnixDatagram::bind(&path).unwrap());
    drop(Datagrams::bind(&path, 0o600).unwrap());
    assert!(!path.exists());
}
