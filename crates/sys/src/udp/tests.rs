use std::net::Ipv6Addr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use truechimer_discipline::clock::{ClockCommand, ClockReadback, ClockResult, SystemClock};
use truechimer_time::{Now, NtpDuration, StampSource};

use super::*;
use crate::clock::{ObserveOnly, read_cooked};
use crate::poll::{Interest, PollSet};
use crate::testing::{in_own_process, with_no_descriptors_left};

fn wait(fd: i32) -> (bool, bool) {
    let mut set = PollSet::new();
    let index = set.push(fd, Interest::Read);
    set.wait(Some(Duration::from_secs(5))).unwrap();
    (set.readable(index), set.error(index))
}

/// The kernel switches its stamps on in the background, some time after the first socket asked for them.
fn wait_for_stamps() {
    let server = ServerSocket::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let client = ClientSocket::open(server.local(), None).unwrap();
    let mut buffer = [0; 64];
    for _ in 0..500 {
        client.send(b"stamped?").unwrap();
        assert!(wait(server.fd()).0);
        if server.recv(&mut buffer).unwrap().unwrap().kernel_stamp.is_some() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("no kernel receive stamps within five seconds");
}

fn exchange(address: &str, bind: Option<IpAddr>) {
    let _keeper = StampKeeper::open().unwrap();
    wait_for_stamps();
    let server = ServerSocket::open(address.parse().unwrap(), None).unwrap();
    let client = ClientSocket::open(server.local(), bind).unwrap();
    assert_eq!(client.remote(), server.local());
    let before = read_cooked().unwrap();
    client.send(b"what time is it?").unwrap();

    assert!(wait(server.fd()).0);
    let mut buffer = [0; 64];
    let request = server.recv(&mut buffer).unwrap().unwrap();
    assert_eq!(&buffer[..request.len], b"what time is it?");
    assert_eq!(request.local, Some(server.local().ip()));
    assert!(!request.truncated && !request.fragmented);
    assert_ne!(request.remote.port(), 0);
    assert!(server.recv(&mut buffer).unwrap().is_none());
    server.send_to(b"late", request.remote, request.local).unwrap();

    assert!(wait(client.fd()).0);
    let mut short = [0; 3];
    let reply = client.recv(&mut short).unwrap().unwrap();
    assert_eq!((reply.len, reply.truncated, &short[..]), (3, true, &b"lat"[..]));
    assert_eq!(reply.remote, server.local());
    assert!(client.recv(&mut short).unwrap().is_none());

    let sent = client.recv_tx_stamp().unwrap().expect("loopback gives transmit stamps");
    let after = read_cooked().unwrap();
    let arrived = request.kernel_stamp.expect("the kernel gives receive stamps");
    let returned = reply.kernel_stamp.expect("the kernel gives receive stamps");
    assert!(before <= sent && sent <= arrived && arrived <= returned && returned <= after);
    assert!(client.recv_tx_stamp().unwrap().is_none());
}

#[test]
fn a_request_and_its_reply_are_stamped_by_the_kernel() {
    exchange("127.0.0.1:0", None);
}

#[test]
fn brief_stamps_are_the_kernels_too() {
    let _keeper = StampKeeper::open().unwrap();
    wait_for_stamps();
    let server = ServerSocket::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    server.stamp_briefly();
    let client = ClientSocket::open(server.local(), None).unwrap();
    let mut buffer = [0; 8];
    client.send(b"?").unwrap();
    let after = read_cooked().unwrap();
    // Were it made when the request is read, it would be later.
    std::thread::sleep(Duration::from_millis(20));
    let request = server.recv(&mut buffer).unwrap().unwrap();
    assert!(request.kernel_stamp.unwrap() <= after + NtpDuration::from_seconds(0.01));
    assert!(request.local.is_some());
}

#[test]
fn a_client_can_be_bound_to_an_address() {
    exchange("127.0.0.1:0", Some("127.0.0.9".parse().unwrap()));
}

#[test]
fn ipv6_works_where_the_machine_has_it() {
    match ServerSocket::open((Ipv6Addr::LOCALHOST, 0).into(), None) {
        Ok(_) if std::net::UdpSocket::bind("[::1]:0").is_ok() => exchange("[::1]:0", None),
        Ok(_) => {}
        Err(error) => {
            assert!(std::net::UdpSocket::bind("[::1]:0").is_err(), "only where there is none: {error}");
        }
    }
}

#[test]
fn the_wildcards_of_both_families_share_a_port_and_answers_come_from_the_address_asked() {
    let v4 = ServerSocket::open("0.0.0.0:0".parse().unwrap(), None).unwrap();
    let port = v4.local().port();
    if std::net::UdpSocket::bind("[::1]:0").is_ok() {
        ServerSocket::open((Ipv6Addr::UNSPECIFIED, port).into(), None).expect("v6 only");
    }
    let client = ClientSocket::open(SocketAddr::new("127.0.0.77".parse().unwrap(), port), None).unwrap();
    client.send(b"?").unwrap();
    wait(v4.fd());
    let mut buffer = [0; 8];
    let request = v4.recv(&mut buffer).unwrap().unwrap();
    assert_eq!(request.local, Some("127.0.0.77".parse().unwrap()));
    v4.send_to(b"!", request.remote, request.local).unwrap();
    wait(client.fd());
    assert_eq!(client.recv(&mut buffer).unwrap().unwrap().len, 1, "a connected socket takes no other source");
}

#[test]
fn a_taken_port_is_an_error_that_the_operator_sees() {
    let first = ServerSocket::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let second = ServerSocket::open(first.local(), None).unwrap_err();
    assert_eq!(second.raw_os_error(), Some(libc::EADDRINUSE));
    let nowhere = ServerSocket::open("127.0.0.1:0".parse().unwrap(), Some("no-such-if0")).unwrap_err();
    assert_eq!(nowhere.raw_os_error(), Some(libc::ENODEV));
    let long =
        ServerSocket::open("127.0.0.1:0".parse().unwrap(), Some("a-name-beyond-any-interface")).unwrap_err();
    assert_eq!(long.raw_os_error(), Some(libc::ENODEV));
}

#[test]
fn several_sockets_share_the_clients_of_a_port_and_nobody_else_gets_in() {
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        let sockets = ServerSocket::open_several(address.parse().unwrap(), None, 4).unwrap();
        let local = sockets[0].local();
        assert!(sockets.iter().all(|socket| socket.local() == local));
        for second in [
            ServerSocket::open(local, None),
            ServerSocket::open_several(local, None, 2).map(|_| unreachable!()),
        ] {
            assert_eq!(second.unwrap_err().raw_os_error(), Some(libc::EADDRINUSE));
        }
        let target = SocketAddr::from(([127, 0, 0, 1], local.port()));
        let clients: Vec<_> = (0..64).map(|_| ClientSocket::open(target, None).unwrap()).collect();
        let mut counts = [0; 4];
        for _ in 0..2 {
            for client in &clients {
                client.send(b"?").unwrap();
            }
            let mut buffer = [0; 8];
            for (socket, count) in sockets.iter().zip(&mut counts) {
                while socket.recv(&mut buffer).unwrap().is_some() {
                    *count += 1;
                }
            }
        }
        assert_eq!(counts.iter().sum::<i32>(), 128);
        // Both requests of a client came to the same socket.
        assert!(counts.iter().all(|count| *count > 0 && count % 2 == 0), "{counts:?}");
    }
}

#[test]
fn nobody_listening_is_reported_and_does_not_spin() {
    let gone = {
        let server = ServerSocket::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
        server.local()
    };
    let client = ClientSocket::open(gone, None).unwrap();
    client.send(b"hello?").unwrap();
    let mut buffer = [0; 8];
    let mut refused = 0;
    for _ in 0..8 {
        let mut set = PollSet::new();
        let index = set.push(client.fd(), Interest::Read);
        set.wait(Some(Duration::from_millis(50))).unwrap();
        if !set.readable(index) && !set.error(index) {
            break;
        }
        let results = [client.recv(&mut buffer).map(|_| ()), client.recv_tx_stamp().map(|_| ())];
        refused += results.iter().flat_map(|r| r.as_ref().err()).count();
    }
    assert!((1..=3).contains(&refused), "{refused}");
    let mut set = PollSet::new();
    let index = set.push(client.fd(), Interest::Read);
    set.wait(Some(Duration::ZERO)).unwrap();
    assert!(!set.readable(index) && !set.error(index), "everything was taken out");
}

/// AT-14: what leaves carries don't-fragment, so a datagram above the interface's size is refused rather than cut up.
#[test]
fn at_14_nothing_is_sent_in_fragments() {
    let server = ServerSocket::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let client = ClientSocket::open(server.local(), None).unwrap();
    for fd in [server.fd(), client.fd()] {
        let (mut value, mut length) = (0i32, 4u32);
        // SAFETY: the pointers are to an integer and to its length.
        let result = unsafe {
            libc::getsockopt(
                fd,
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
                (&raw mut value).cast(),
                &raw mut length,
            )
        };
        assert_eq!((result, value), (0, libc::IP_PMTUDISC_PROBE));
    }
}

/// NA-29 (2014-9298): access lists trust the machine itself, so nobody else may pass for it.
#[test]
fn na_29_loopback_spoof_from_wire_dropped() {
    use super::message::is_forged_loopback;
    for loopback in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        let loopback = loopback.parse().unwrap();
        assert!(is_forged_loopback(loopback, Some(2)));
        assert!(!is_forged_loopback(loopback, Some(1)), "the exchanges above run so");
        assert!(!is_forged_loopback(loopback, None), "not known");
    }
    assert!(!is_forged_loopback("192.0.2.1".parse().unwrap(), Some(2)));
}

/// AT-25: running out of descriptors is an error like any other, and nothing is left behind.
#[test]
fn at_25_no_descriptors_left_is_an_error() {
    in_own_process("udp::tests::at_25_no_descriptors_left_is_an_error", || {
        with_no_descriptors_left(|| {
            let client = ClientSocket::open("127.0.0.1:9".parse().unwrap(), None);
            assert_eq!(client.unwrap_err().raw_os_error(), Some(libc::EMFILE));
            let server = ServerSocket::open("127.0.0.1:0".parse().unwrap(), None);
            assert_eq!(server.unwrap_err().raw_os_error(), Some(libc::EMFILE));
            assert!(StampKeeper::open().is_err());
        });
        ClientSocket::open("127.0.0.1:9".parse().unwrap(), None).expect("and it recovers");
    });
}

#[test]
fn sockets_are_not_inherited_and_do_not_block() {
    let server = ServerSocket::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    // SAFETY: these commands take and return integers only.
    let (descriptor, status) =
        unsafe { (libc::fcntl(server.fd(), libc::F_GETFD), libc::fcntl(server.fd(), libc::F_GETFL)) };
    assert!(descriptor & libc::FD_CLOEXEC != 0 && status & libc::O_NONBLOCK != 0);

    let bare = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let bare = std::os::fd::OwnedFd::from(bare);
    // SAFETY: as above.
    unsafe { libc::fcntl(bare.as_raw_fd(), libc::F_SETFD, 0) };
    crate::ffi::keep_to_ourselves(&bare).unwrap();
    // SAFETY: as above.
    let (descriptor, status) = unsafe {
        (libc::fcntl(bare.as_raw_fd(), libc::F_GETFD), libc::fcntl(bare.as_raw_fd(), libc::F_GETFL))
    };
    assert!(descriptor & libc::FD_CLOEXEC != 0 && status & libc::O_NONBLOCK != 0);
}

/// AT-47: the program may be held up as long as it likes between a datagram's arrival and its handling.
#[test]
fn at_47_insane_stamps_are_replaced_by_the_programs_own_and_late_handling_does_not_matter() {
    let mut clock = ObserveOnly::new();
    let now = clock.now().cooked;
    let second = NtpDuration::from_seconds(1.0);
    let good = judge_received(Some(now - second), &mut clock, now);
    assert_eq!((good.source, good.at), (StampSource::Kernel, now - second));
    for bad in [None, Some(now + second), Some(now - second * 3600)] {
        let stamp = judge_received(bad, &mut clock, now);
        assert_eq!((stamp.source, stamp.at), (StampSource::User, now));
        assert!(stamp.error > good.error);
    }
    let meanwhile = now + NtpDuration::from_nanos(20_000);
    assert_eq!(judge_received(Some(meanwhile), &mut clock, now).at, meanwhile, "while we were reading");
    let before = now - second;
    let sent = judge_sent(Some(before + second / 2), &mut clock, before, now);
    assert_eq!((sent.source, sent.at), (StampSource::Kernel, before + second / 2));
    for bad in [None, Some(now + second), Some(before - second)] {
        let stamp = judge_sent(bad, &mut clock, before, now);
        assert_eq!((stamp.source, stamp.at), (StampSource::User, before));
    }
}

#[test]
fn stamps_are_translated_to_the_clock_in_use() {
    struct Shifted;
    impl SystemClock for Shifted {
        fn now(&mut self) -> Now {
            unreachable!("not asked here")
        }
        fn from_kernel(&mut self, stamp: Cooked) -> Cooked {
            stamp + NtpDuration::from_seconds(1000.0)
        }
        fn apply(&mut self, _: ClockCommand) -> ClockResult {
            ClockResult::Observing
        }
        fn readback(&mut self) -> Option<ClockReadback> {
            None
        }
    }
    let kernel = Cooked::UNIX_EPOCH;
    let now = kernel + NtpDuration::from_seconds(1001.0);
    let stamp = judge_received(Some(kernel), &mut Shifted, now);
    assert_eq!((stamp.source, (now - stamp.at).seconds()), (StampSource::Kernel, 1.0));
}

fn class(client: &ClientSocket, level: i32, name: i32) -> i32 {
    let (mut value, mut length) = (0_i32, 4);
    // SAFETY: the pointers are to an integer and to its length.
    let result =
        unsafe { libc::getsockopt(client.fd(), level, name, (&raw mut value).cast(), &raw mut length) };
    assert_eq!(result, 0);
    value
}

#[test]
fn packets_are_marked() {
    for (address, level, name) in
        [("127.0.0.1:9", libc::IPPROTO_IP, libc::IP_TOS), ("[::1]:9", libc::IPPROTO_IPV6, libc::IPV6_TCLASS)]
    {
        for dscp in [0, 46, 63] {
            let departure = Departure { dscp, ..Departure::default() };
            let client = ClientSocket::open_as(address.parse().unwrap(), &departure).unwrap();
            assert_eq!(class(&client, level, name), i32::from(dscp) << 2);
        }
    }
}

#[test]
fn requests_to_several_servers_leave_from_one_port_and_each_gets_its_own_answers() {
    let servers =
        ["127.0.0.1:0", "127.0.0.2:0"].map(|at| ServerSocket::open(at.parse().unwrap(), None).unwrap());
    let free = std::net::UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let departure = Departure { port: Some(free), interface: Some("lo"), ..Departure::default() };
    let clients = servers.each_ref().map(|server| ClientSocket::open_as(server.local(), &departure).unwrap());
    let mut buffer = [0; 16];
    for (number, (client, server)) in (0_u8..).zip(clients.iter().zip(&servers)) {
        client.send(&[number]).unwrap();
        assert!(wait(server.fd()).0);
        let request = server.recv(&mut buffer).unwrap().unwrap();
        assert_eq!((buffer[0], request.remote.port()), (number, free));
        server.send_to(&[number + 10], request.remote, request.local).unwrap();
    }
    for (number, client) in (0_u8..).zip(&clients) {
        assert!(wait(client.fd()).0);
        assert_eq!(client.recv(&mut buffer).unwrap().unwrap().len, 1);
        assert_eq!(buffer[0], number + 10);
    }
}

#[test]
fn an_interface_that_is_not_there_is_an_error() {
    let departure = Departure { interface: Some("nosuch0"), ..Departure::default() };
    assert!(ClientSocket::open_as("127.0.0.1:9".parse().unwrap(), &departure).is_err());
}
