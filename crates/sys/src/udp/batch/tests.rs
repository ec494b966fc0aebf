use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::*;
use crate::poll::{Interest, PollSet};

fn server(address: &str) -> ServerSocket {
    ServerSocket::open(address.parse().unwrap(), None).unwrap()
}

/// A client on loopback that waits for replies no longer than it must.
fn client(address: &str, server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket
}

/// Loopback delivers at once, but be sure.
fn wait(socket: &ServerSocket) {
    let mut set = PollSet::new();
    let index = set.push(socket.fd(), Interest::Read);
    set.wait(Some(Duration::from_secs(5))).unwrap();
    assert!(set.readable(index));
}

fn reply_of(client: &UdpSocket) -> Option<Vec<u8>> {
    let mut buffer = [0; 4096];
    client.recv(&mut buffer).ok().map(|len| buffer[..len].to_vec())
}

/// Answers each request with itself, but for the first byte; returns how many came in.
fn echo(batch: &mut Batch, socket: &ServerSocket) -> usize {
    let count = batch.receive(socket).unwrap();
    for request in batch.requests() {
        let len = request.received.len;
        assert!(request.buffer.len() >= len && request.received.local.is_some());
        request.reply(len);
    }
    let mut most = 0;
    batch.send(socket, |replies| {
        most = most.max(replies.len());
        for reply in replies {
            reply[0] = b'!';
        }
    });
    assert!(most <= FEW && most == count.min(FEW));
    count
}

#[test]
fn everybody_gets_the_answer_to_his_own_question_from_the_address_that_he_asked() {
    let socket = server("0.0.0.0:0");
    let port = socket.local().port();
    // More than fit into one batch, of different lengths and from different sources to different addresses.
    let clients: Vec<UdpSocket> = (0..LIMIT + 20)
        .map(|n| client(&format!("127.0.1.{}:0", n + 1), SocketAddr::from(([127, 0, 2, n as u8 + 1], port))))
        .collect();
    let mut batch = Batch::new();
    assert_eq!(batch.receive(&socket).unwrap(), 0, "nothing yet");
    for round in 0..3 {
        for (n, client) in clients.iter().enumerate() {
            client.send(format!("?{round} {}", "x".repeat(n)).as_bytes()).unwrap();
        }
        wait(&socket);
        assert_eq!(echo(&mut batch, &socket), LIMIT);
        assert_eq!(echo(&mut batch, &socket), 20);
        assert_eq!(batch.receive(&socket).unwrap(), 0);
        for (n, client) in clients.iter().enumerate() {
            // A connected socket takes no other source.
            assert_eq!(reply_of(client).unwrap(), format!("!{round} {}", "x".repeat(n)).as_bytes());
        }
    }
}

#[test]
fn a_socket_on_one_address_answers_from_it() {
    let socket = server("127.0.0.44:0");
    let asker = client("127.0.0.1:0", socket.local());
    asker.send(b"?").unwrap();
    wait(&socket);
    assert_eq!(echo(&mut Batch::new(), &socket), 1);
    assert_eq!(reply_of(&asker).unwrap(), b"!");
}

#[test]
fn ipv6_clients_are_answered_in_batches_too() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return; // A machine without IPv6.
    }
    let socket = server("[::]:0");
    let asker = client("[::1]:0", SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, socket.local().port())));
    for _ in 0..3 {
        asker.send(b"?").unwrap();
    }
    wait(&socket);
    assert_eq!(echo(&mut Batch::new(), &socket), 3);
    for _ in 0..3 {
        assert_eq!(reply_of(&asker).unwrap(), b"!");
    }
}

/// AT-16: no way to make a reply longer than its request, even for a caller that tries.
#[test]
fn at_16_a_reply_is_never_longer_than_its_request() {
    let socket = server("127.0.0.1:0");
    let asker = client("127.0.0.1:0", socket.local());
    asker.send(b"four").unwrap();
    wait(&socket);
    let mut batch = Batch::new();
    batch.receive(&socket).unwrap();
    for request in batch.requests() {
        request.buffer[..8].copy_from_slice(b"fourfour");
        request.reply(8);
    }
    batch.send(&socket, |_| {});
    assert_eq!(reply_of(&asker).unwrap(), b"four");
}

#[test]
fn what_does_not_fit_and_what_is_not_answered_is_passed_over() {
    let socket = server("127.0.0.1:0");
    let (long, silent, answered) = (
        client("127.0.0.1:0", socket.local()),
        client("127.0.0.1:0", socket.local()),
        client("127.0.0.1:0", socket.local()),
    );
    long.send(&[b'x'; ROOM + 1]).unwrap();
    silent.send(b"").unwrap();
    answered.send(&[b'y'; ROOM]).unwrap();
    wait(&socket);
    let mut batch = Batch::new();
    assert_eq!(batch.receive(&socket).unwrap(), 3);
    let lens: Vec<usize> = batch.requests().map(|request| request.received.len).collect();
    assert_eq!(lens, [0, ROOM]);
    for request in batch.requests() {
        let len = request.received.len;
        request.reply(len);
    }
    let mut stamped = 0;
    batch.send(&socket, |replies| stamped += replies.len());
    assert_eq!(stamped, 1);
    assert_eq!(reply_of(&answered).unwrap().len(), ROOM);
    for other in [long, silent] {
        assert!(reply_of(&other).is_none());
    }
    batch.send(&socket, |_| panic!("sent twice"));
}

#[test]
fn a_reply_that_cannot_be_sent_does_not_hold_up_the_others() {
    let socket = server("0.0.0.0:0");
    let port = socket.local().port();
    let clients: Vec<UdpSocket> =
        (0..20).map(|_| client("127.0.0.1:0", SocketAddr::from(([127, 0, 0, 1], port)))).collect();
    for client in &clients {
        client.send(b"?").unwrap();
    }
    wait(&socket);
    let mut batch = Batch::new();
    assert_eq!(batch.receive(&socket).unwrap(), 20);
    for request in batch.requests() {
        request.reply(1);
    }
    // Nobody's address, as if one of ours had been taken away meanwhile: the kernel refuses it as a source.
    let lost = [0, 3, 4, 11, 19];
    for (n, slot) in batch.slots.iter_mut().enumerate().filter(|(n, _)| lost.contains(n)) {
        let received = slot.received.as_mut().unwrap();
        assert_eq!(
            received.remote.port(),
            clients[n].local_addr().unwrap().port(),
            "in the order of their coming"
        );
        received.local = Some("192.0.2.1".parse().unwrap());
    }
    batch.send(&socket, |_| {});
    for (n, client) in clients.iter().enumerate() {
        assert_eq!(reply_of(client).is_none(), lost.contains(&n), "{n}");
    }
}
