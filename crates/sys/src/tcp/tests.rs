use std::io::{Read, Write};
use std::time::Duration;

use super::*;
use crate::poll::{Interest, PollSet};
use crate::testing::{in_own_process, with_no_descriptors_left};

fn wait(fd: RawFd, interest: Interest) {
    let mut set = PollSet::new();
    let place = set.push(fd, interest);
    set.wait(Some(Duration::from_secs(5))).unwrap();
    assert!(set.readable(place) || set.writable(place), "nothing happens");
}

fn listen(address: &str) -> TcpListener {
    TcpListener::open(address.parse().unwrap(), None).unwrap()
}

#[test]
fn bytes_pass_both_ways_and_the_end_is_seen() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = listen(address);
        assert!(listener.accept().unwrap().is_none(), "nobody yet");
        let client = TcpStream::connect(listener.local(), None).unwrap();
        wait(client.fd(), Interest::Write);
        client.connected().unwrap();
        wait(listener.fd(), Interest::Read);
        let (server, remote) = listener.accept().unwrap().unwrap();
        assert_eq!(remote.ip(), listener.local().ip());

        let mut buffer = [0; 16];
        assert_eq!(server.read(&mut buffer).unwrap(), None);
        assert_eq!(client.write(b"question").unwrap(), Some(8));
        client.finish().unwrap();
        wait(server.fd(), Interest::Read);
        assert_eq!(server.read(&mut buffer).unwrap(), Some(8));
        assert_eq!(server.read(&mut buffer).unwrap(), Some(0));
        assert_eq!(server.write(b"answer").unwrap(), Some(6));
        drop(server);
        wait(client.fd(), Interest::Read);
        assert_eq!(client.read(&mut buffer).unwrap(), Some(6));
        assert_eq!(&buffer[..6], b"answer");
    }
}

#[test]
fn a_refused_connection_is_told_and_a_full_one_takes_no_more() {
    let gone = listen("127.0.0.1:0").local();
    match TcpStream::connect(gone, None) {
        Ok(stream) => {
            wait(stream.fd(), Interest::Write);
            assert_eq!(stream.connected().unwrap_err().raw_os_error(), Some(libc::ECONNREFUSED));
        }
        Err(error) => assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED)),
    }
    let listener = listen("127.0.0.1:0");
    let client = TcpStream::connect(listener.local(), Some("127.0.0.2".parse().unwrap())).unwrap();
    wait(listener.fd(), Interest::Read);
    let (server, remote) = listener.accept().unwrap().unwrap();
    assert_eq!(remote.ip().to_string(), "127.0.0.2");
    let mut written = 0;
    while let Some(len) = client.write(&[0; 65_536]).unwrap() {
        written += len;
        assert!(written < 100_000_000, "it takes everything");
    }
    drop(server);
    wait(client.fd(), Interest::Read);
    let broken = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        client.write(b"more").err()
    });
    assert!(broken.is_some(), "an error, and no signal");
}

#[test]
fn a_port_can_be_taken_again_at_once_and_not_twice() {
    let listener = listen("127.0.0.1:0");
    let address = listener.local();
    assert_eq!(TcpListener::open(address, None).unwrap_err().raw_os_error(), Some(libc::EADDRINUSE));
    let mut client = std::net::TcpStream::connect(address).unwrap();
    let (server, _) = loop {
        wait(listener.fd(), Interest::Read);
        if let Some(accepted) = listener.accept().unwrap() {
            break accepted;
        }
    };
    // Who closes first keeps the port for a minute (TIME_WAIT).
    server.finish().unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    client.flush().unwrap();
    drop((client, server, listener));
    TcpListener::open(address, None).unwrap();
}

#[test]
fn na_07_without_descriptors_the_connection_waits_and_is_taken_later() {
    in_own_process("tcp::tests::na_07_without_descriptors_the_connection_waits_and_is_taken_later", || {
        let listener = listen("127.0.0.1:0");
        let _client = std::net::TcpStream::connect(listener.local()).unwrap();
        wait(listener.fd(), Interest::Read);
        with_no_descriptors_left(|| {
            for _ in 0..3 {
                assert!(is_shortage(&listener.accept().unwrap_err()));
            }
            assert!(is_shortage(&TcpStream::connect(listener.local(), None).unwrap_err()));
        });
        assert!(listener.accept().unwrap().is_some());
    });
}
