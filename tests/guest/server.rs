//! An NTP server of forty lines, whose clock is wrong on purpose and that can fall silent.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds from 1900 to 1970.
const NTP_EPOCH: f64 = 2_208_988_800.0;

/// The law of the server's time: the host's clock at the start, plus `ahead_s`, running `fast` (seconds a second)
/// faster than the host's monotonic clock.
#[derive(Clone, Copy)]
struct Law {
    start: Instant,
    unix_at_start: f64,
    fast: f64,
}

impl Law {
    fn now(&self) -> f64 {
        self.unix_at_start + self.start.elapsed().as_secs_f64() * (1.0 + self.fast)
    }
}

/// Answers on two loopback ports by one law. The first can be silenced; the second always tells the truth to whoever
/// judges the client.
pub(crate) struct Server {
    /// Port of the server that can fall silent.
    pub(crate) port: u16,
    /// Port of the judge.
    pub(crate) judge: u16,
    silent: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(ahead_s: f64, fast: f64) -> Result<Self, String> {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?;
        let law = Law { start: Instant::now(), unix_at_start: unix.as_secs_f64() + ahead_s, fast };
        let stop = Arc::new(AtomicBool::new(false));
        let silent = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        let mut ports = Vec::new();
        for mute in [silent.clone(), Arc::new(AtomicBool::new(false))] {
            let socket = UdpSocket::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
            socket.set_read_timeout(Some(Duration::from_millis(200))).map_err(|e| e.to_string())?;
            ports.push(socket.local_addr().map_err(|e| e.to_string())?.port());
            let stop = stop.clone();
            threads.push(std::thread::spawn(move || serve(&socket, law, &mute, &stop)));
        }
        let [port, judge] = ports[..] else { return Err("two ports were asked for".into()) };
        Ok(Self { port, judge, silent, stop, threads })
    }

    /// From now on the first port does not answer.
    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, law: Law, mute: &AtomicBool, stop: &AtomicBool) {
    let mut request = [0; 512];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, client)) = socket.recv_from(&mut request) else { continue };
        let received = law.now();
        if length < 48 || mute.load(Ordering::Relaxed) {
            continue;
        }
        let mut reply = [0_u8; 48];
        // Version as asked, mode 4, stratum 1, precision 1 µs, root delay and dispersion of 15 µs each.
        reply[0] = (request[0] & 0x38) | 4;
        reply[1] = 1;
        reply[3] = (-20_i8) as u8;
        reply[7] = 1;
        reply[11] = 1;
        reply[12..16].copy_from_slice(b"TEST");
        reply[16..24].copy_from_slice(&stamp(received - 1.0));
        reply[24..32].copy_from_slice(&request[40..48]);
        reply[32..40].copy_from_slice(&stamp(received));
        reply[40..48].copy_from_slice(&stamp(law.now()));
        let _ = socket.send_to(&reply, client);
    }
}

/// Seconds since 1970 as an NTP timestamp.
fn stamp(unix: f64) -> [u8; 8] {
    let seconds = unix + NTP_EPOCH;
    let fraction = (seconds.fract() * 4_294_967_296.0) as u32;
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&(seconds as u64 as u32).to_be_bytes());
    bytes[4..].copy_from_slice(&fraction.to_be_bytes());
    bytes
}
