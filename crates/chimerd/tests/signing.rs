//! Members of a Windows domain and the whole daemon, with a stand-in for Samba's `ntp_signd` that speaks its protocol, well or badly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chimerd::DaemonOptions;
use common::*;
use truechimer_engine::report::ServerReport;
use truechimer_sys::clock::{DemoClock, Truth};
use truechimer_time::{Frequency, NtpDuration};
use truechimer_wire::signd::SIGN_REQUEST_LEN;

/// Accounts, by the first byte of their identifier: what the stand-in does when it is asked for one.
const MEMBER: u8 = 1;
const DISABLED: u8 = 2;
const REFUSED: u8 = 3;
const OTHER_PACKET: u8 = 4;
const OTHER_ACCOUNT: u8 = 5;
const ENDLESS: u8 = 6;
const CUT_OFF: u8 = 7;
const TOO_MUCH: u8 = 8;
const EMPTY: u8 = 9;
const NEVER: u8 = 10;
const LATE: u8 = 11;

/// A password's stand-in: it depends on every byte of the packet, and on the account.
fn digest(packet: &[u8], key_id: &[u8]) -> [u8; 16] {
    let mut digest = [0x5a_u8; 16];
    for (index, byte) in packet.iter().chain(key_id).enumerate() {
        let place = &mut digest[index % 16];
        *place = place.rotate_left(3) ^ byte;
    }
    digest
}

/// The service, with every connection that it has.
struct Samba {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<UnixStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Samba {
    fn start(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let (stop, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (flag, list) = (Arc::clone(&stop), Arc::clone(&open));
        let thread = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if flag.load(Ordering::Relaxed) {
                    return;
                }
                list.lock().unwrap().push(stream.try_clone().unwrap());
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { path: path.to_owned(), stop, open, thread: Some(thread) }
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // So that it looks at the flag.
        let _ = UnixStream::connect(&self.path);
        let _ = self.thread.take().unwrap().join();
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let _ = fs::remove_file(&self.path);
    }
}

fn serve(mut stream: UnixStream) {
    let mut request = [0; SIGN_REQUEST_LEN];
    while stream.read_exact(&mut request).is_ok() {
        assert_eq!(request[..4], 64_u32.to_be_bytes(), "the length without itself");
        let (id, key_id, packet) = (&request[12..14], &request[16..20], &request[20..]);
        let answer = |len: u32, operation: u32, body: &[u8]| {
            let head = [&len.to_be_bytes()[..], &[0; 4], &operation.to_be_bytes(), &[0, 0], id].concat();
            [&head, body].concat()
        };
        let signed = [packet, key_id, &digest(packet, key_id)].concat();
        let bytes = match key_id[0] {
            DISABLED => break,
            REFUSED => answer(12, 4, &[]),
            OTHER_PACKET => answer(80, 3, &[0; 68]),
            OTHER_ACCOUNT => answer(80, 3, &[packet, &[MEMBER, 4, 0, 0], &digest(packet, key_id)].concat()),
            ENDLESS => answer(u32::MAX, 3, &signed),
            CUT_OFF => answer(80, 3, &signed[..30]),
            TOO_MUCH => answer(580, 3, &[signed.clone(), vec![0; 500]].concat()),
            EMPTY => answer(12, 3, &[]),
            NEVER => continue,
            LATE => {
                std::thread::sleep(Duration::from_millis(1300));
                answer(80, 3, &signed)
            }
            _ => answer(80, 3, &signed),
        };
        // In pieces, as a stream may carry it.
        for piece in bytes.chunks(31) {
            let _ = stream.write_all(piece);
        }
        if key_id[0] == CUT_OFF {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// The daemon, and a member that asks it.
struct Domain {
    server: Running,
    dir: tempfile::TempDir,
    socket: UdpSocket,
}

impl Domain {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = server_config();
        config.engine.serve.as_mut().unwrap().sign = true;
        config.paths.signd = Some(dir.path().join("socket"));
        config.paths.run_dir = Some(dir.path().to_owned());
        let clock = DemoClock::new(Truth::start(), NtpDuration::ZERO, Frequency::ZERO);
        let server = Running::start(DaemonOptions::new(config, Box::new(clock), false));
        let socket = client_socket(server.address());
        Self { server, dir, socket }
    }

    fn samba(&self) -> Samba {
        Samba::start(&self.dir.path().join("socket"))
    }

    fn report(&self) -> ServerReport {
        report(self.dir.path()).server.unwrap()
    }

    fn dropped(&self, reason: &str) -> u64 {
        self.report().dropped.get(reason).copied().unwrap_or_default()
    }

    /// Asks for an account, with a transmit timestamp of its own, which comes back.
    fn send(&self, account: u8, len: usize) -> [u8; 8] {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let nonce = (0xe000_0000_0000_0000 + COUNT.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
        let mut request = vec![0; len];
        request[0] = 0x1b;
        request[40..48].copy_from_slice(&nonce);
        if len > 48 {
            request[48..52].copy_from_slice(&[account, 4, 0, 0]);
        }
        self.socket.send(&request).unwrap();
        nonce
    }

    fn receive(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 2048];
        self.socket.recv(&mut buffer).ok().map(|len| buffer[..len].to_vec())
    }

    /// The account gets the time with its signature.
    fn serves(&self, account: u8) -> bool {
        let nonce = self.send(account, 68);
        let Some(reply) = self.receive() else { return false };
        assert_eq!((reply.len(), &reply[24..32]), (68, &nonce[..]), "its own reply and nobody else's");
        assert_eq!(reply[0] & 0x3f, 0x1c, "a server's, of version 3");
        assert_ne!(reply[40..48], [0; 8]);
        assert_eq!(reply[48..52], [account, 4, 0, 0]);
        assert_eq!(reply[52..], digest(&reply[..48], &reply[48..52]), "signed as it is");
        true
    }

    /// Nothing is on its way that nobody waits for.
    fn assert_silent(&self) {
        self.socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        assert_eq!(self.receive(), None);
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

fn client_socket(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

#[test]
fn members_get_the_time_with_their_signature() {
    let domain = Domain::start();
    let _samba = domain.samba();
    for account in [MEMBER, 100, 200] {
        assert!(domain.serves(account));
    }
    // Who is no member is served as ever, and the extended form is not.
    domain.send(0, 48);
    assert_eq!(domain.receive().unwrap().len(), 48);
    domain.send(MEMBER, 120);
    wait_for("the extended form to be counted", 20, || domain.dropped("ms_sntp_extended") == 1);
    domain.assert_silent();
    let report = domain.report();
    assert_eq!((report.received, report.answered, report.signed, report.authenticated), (5, 4, 3, 0));
    domain.server.stop();
}

#[test]
fn what_is_refused_or_a_lie_is_sent_to_nobody_and_harms_nobody() {
    let domain = Domain::start();
    let _samba = domain.samba();
    let bad = [DISABLED, REFUSED, OTHER_PACKET, OTHER_ACCOUNT, ENDLESS, CUT_OFF, TOO_MUCH, EMPTY];
    for (count, account) in (1..).zip(bad) {
        domain.send(account, 68);
        wait_for("the refusal", 20, || domain.dropped("signing_refused") == count);
        assert!(domain.serves(MEMBER), "after account {account}");
    }
    domain.assert_silent();
    let report = domain.report();
    assert_eq!(report.dropped, [("signing_refused".to_owned(), bad.len() as u64)].into());
    assert_eq!(report.signed, bad.len() as u64);
    domain.server.stop();
}

#[test]
fn a_slow_samba_delays_nobody_elses_time() {
    let domain = Domain::start();
    let _samba = domain.samba();
    assert!(domain.serves(MEMBER));
    let other = client_socket(domain.server.address());
    for (count, account) in [(1, NEVER), (2, LATE)] {
        domain.send(account, 68);
        let asked = Instant::now();
        // All the while, plain requests are answered: thousands are, on a quiet machine.
        let mut answered = 0;
        while domain.dropped("signing_timeout") < count {
            assert!(asked.elapsed() < Duration::from_secs(20), "it is never given up");
            let mut plain = [0x1b; 48];
            other.send(&plain).unwrap();
            assert_eq!(other.recv(&mut plain).unwrap(), 48);
            answered += 1;
        }
        assert!(asked.elapsed() > Duration::from_millis(900), "it was given up early");
        assert!(answered >= 10, "{answered} answers in {:?}", asked.elapsed());
        // What comes too late is nobody's.
        assert!(domain.serves(MEMBER));
    }
    domain.assert_silent();
    domain.server.stop();
}

#[test]
fn without_samba_members_get_nothing_until_it_is_back() {
    let domain = Domain::start();
    for round in 0..2 {
        let before = domain.dropped("signing_unavailable");
        domain.send(MEMBER, 68);
        wait_for("the refusal", 20, || domain.dropped("signing_unavailable") > before);
        domain.send(0, 48);
        assert_eq!(domain.receive().unwrap().len(), 48, "others are served");
        let samba = domain.samba();
        // It rests for a second before it looks again.
        domain.socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        wait_for("a signature", 20, || domain.serves(MEMBER));
        domain.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(domain.serves(100), "round {round}");
        drop(samba);
    }
    domain.server.stop();
}
