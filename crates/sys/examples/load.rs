//! A load generator for NTP servers: what `cargo xtask bench serve` and the test of floods (AT-46) run.
//!
//! It belongs into a network namespace of its own, joined to the server's by a virtual cable (`bench/src/net.rs` makes
//! both). Requests leave as frames through a packet socket, past routing and the UDP layer, and so for less than a server
//! spends on an answer. They come from many addresses, 172.18.0.1 and up.
//!
//! | mode | what it does |
//! |---|---|
//! | `ask` | one request after the other; each reply is checked against its request and timed |
//! | `press` | keeps a number of requests under way (`--outstanding`), so the server is always busy and never flooded, and the rate finds itself; replies are counted by the interface, and nobody need take them in |
//! | `flood` | `--payload`, or garbage of all lengths, as fast as this machine can, whatever comes back |
//!
//! For `ask`, the namespace must call all of 172.18.0.0/16 its own. For `press` it should drop what comes in as early as it
//! can: with a virtual cable that is work on the server's core.
//!
//! ```text
//! load ask|press|flood --interface NAME --mac XX:XX:XX:XX:XX:XX --server ADDRESS[:PORT] [--seconds S]
//!      [--clients N] [--outstanding N] [--payload HEX]
//! ```
//!
//! Prints one line of JSON.

// A mistake in here ends a measurement, no more.
#![allow(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use libc::{iovec, mmsghdr};

/// Frames a call.
const FEW: usize = 64;
/// The source port of all requests.
const PORT: u16 = 40_123;
/// The first source address.
const FIRST: u32 = u32::from_be_bytes([172, 18, 0, 1]);
/// Ethernet, IPv4 and UDP headers.
const HEADERS: usize = 14 + 20 + 8;
/// What has not come back after this is lost.
const LOST: Duration = Duration::from_millis(20);

fn main() {
    if let Err(error) = run() {
        eprintln!("load: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let options = Options::parse()?;
    let frames = Frames::new(&options).map_err(|e| format!("cannot send frames: {e}"))?;
    let result = match options.mode.as_str() {
        "ask" => ask(&options, frames)?,
        "press" => press(&options, frames).map_err(|e| format!("cannot count replies: {e}"))?,
        "flood" => flood(&options, frames),
        other => return Err(format!("{other}: ask, press or flood")),
    };
    println!("{result}");
    Ok(())
}

struct Options {
    mode: String,
    interface: String,
    mac: [u8; 6],
    server: SocketAddrV4,
    time: Duration,
    clients: u32,
    outstanding: u64,
    payload: Option<Vec<u8>>,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let mut given = BTreeMap::new();
        let mut words = std::env::args().skip(1);
        let mode = words.next().ok_or("which mode?")?;
        while let Some(word) = words.next() {
            given.insert(word, words.next().ok_or("a value is missing")?);
        }
        let mut take = |name: &str| given.remove(name);
        let number = |text: Option<String>, default: f64| match text {
            Some(text) => text.parse::<f64>().map_err(|e| format!("{text}: {e}")),
            None => Ok(default),
        };
        let server = take("--server").ok_or("--server is missing")?;
        let server = if server.contains(':') { server } else { format!("{server}:123") };
        let options = Self {
            mode,
            interface: take("--interface").ok_or("--interface is missing")?,
            mac: parse_mac(&take("--mac").ok_or("--mac is missing")?)?,
            server: server.parse().map_err(|e| format!("{server}: {e}"))?,
            time: Duration::from_secs_f64(number(take("--seconds"), 1.0)?),
            clients: number(take("--clients"), 16_384.0)? as u32,
            outstanding: number(take("--outstanding"), 128.0)? as u64,
            payload: take("--payload").map(|hex| parse_hex(&hex)).transpose()?,
        };
        match given.keys().next() {
            Some(unknown) => Err(format!("{unknown} is not known")),
            None if options.clients == 0 || options.clients > 65_000 => Err("--clients: 1 to 65000".into()),
            None => Ok(options),
        }
    }
}

fn parse_hex(hex: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u32> = hex
        .chars()
        .map(|c| c.to_digit(16).ok_or("--payload is not hexadecimal"))
        .collect::<Result<_, _>>()?;
    Ok(digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

fn parse_mac(text: &str) -> Result<[u8; 6], String> {
    let bytes: Result<Vec<u8>, _> = text.split(':').map(|part| u8::from_str_radix(part, 16)).collect();
    bytes.ok().and_then(|bytes| bytes.try_into().ok()).ok_or(format!("{text} is not a hardware address"))
}

/// The way out.
struct Frames {
    socket: OwnedFd,
    bytes: Vec<[u8; 2048]>,
    lens: [usize; FEW],
    clients: u32,
    next_client: u32,
}

impl Frames {
    fn new(options: &Options) -> io::Result<Self> {
        let name = std::ffi::CString::new(options.interface.as_str())?;
        // SAFETY: `name` ends with a zero; the other calls take integers only.
        let (index, fd) = unsafe {
            (
                libc::if_nametoindex(name.as_ptr()),
                libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0),
            )
        };
        if index == 0 || fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was opened a moment ago and is nobody else's.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: all zeros is a legal address.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = index as i32;
        let one: i32 = 1;
        // SAFETY: the pointers and lengths describe `address` and `one`.
        let result = unsafe {
            libc::setsockopt(fd, libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, (&raw const one).cast(), 4);
            libc::bind(fd, (&raw const address).cast(), size_of::<libc::sockaddr_ll>() as u32)
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        let own = own_mac(&options.interface)?;
        let frame = empty_frame(options.mac, own, options.server);
        Ok(Self { socket, bytes: vec![frame; FEW], lens: [0; FEW], clients: options.clients, next_client: 0 })
    }

    /// Makes the frame at a place into a datagram of these bytes from the next client.
    fn put(&mut self, place: usize, payload: &[u8]) {
        let frame = &mut self.bytes[place];
        frame[HEADERS..HEADERS + payload.len()].copy_from_slice(payload);
        self.lens[place] = HEADERS + payload.len();
        frame[16..18].copy_from_slice(&(28 + payload.len() as u16).to_be_bytes());
        frame[26..30].copy_from_slice(&(FIRST + self.next_client).to_be_bytes());
        self.next_client = (self.next_client + 1) % self.clients;
        frame[24..26].fill(0);
        let sum: u32 =
            frame[14..34].chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        let sum = (sum & 0xffff) + (sum >> 16);
        frame[24..26].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
        frame[38..40].copy_from_slice(&(8 + payload.len() as u16).to_be_bytes());
    }

    /// Sends the first `count` frames; how many left.
    fn send(&mut self, count: usize) -> usize {
        // SAFETY: all zeros is legal for both: empty ones.
        let (mut iovs, mut headers): ([iovec; FEW], [mmsghdr; FEW]) = unsafe { std::mem::zeroed() };
        for (((header, iov), bytes), len) in
            headers.iter_mut().zip(&mut iovs).zip(&mut self.bytes).zip(self.lens)
        {
            *iov = iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: len };
            header.msg_hdr.msg_iov = iov;
            header.msg_hdr.msg_iovlen = 1;
        }
        let fd = self.socket.as_raw_fd();
        // SAFETY: each of the headers points to a vector of one, which outlives the call.
        let sent =
            unsafe { libc::sendmmsg(fd, headers.as_mut_ptr(), count.min(FEW) as u32, libc::MSG_DONTWAIT) };
        usize::try_from(sent).unwrap_or(0)
    }
}

fn own_mac(interface: &str) -> io::Result<[u8; 6]> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{interface}/address"))?;
    parse_mac(text.trim()).map_err(io::Error::other)
}

/// A frame without its lengths, checksum and source address. The UDP checksum stays zero: none (RFC 768).
fn empty_frame(to: [u8; 6], from: [u8; 6], server: SocketAddrV4) -> [u8; 2048] {
    let mut frame = [0; 2048];
    frame[..6].copy_from_slice(&to);
    frame[6..12].copy_from_slice(&from);
    frame[12..16].copy_from_slice(&[0x08, 0x00, 0x45, 0x00]); // IPv4
    frame[20..24].copy_from_slice(&[0x40, 0x00, 64, 17]); // don't fragment, 64 hops, UDP
    frame[30..34].copy_from_slice(&server.ip().octets());
    frame[34..36].copy_from_slice(&PORT.to_be_bytes());
    frame[36..38].copy_from_slice(&server.port().to_be_bytes());
    frame
}

/// One request after the other.
fn ask(options: &Options, mut frames: Frames) -> Result<String, String> {
    let replies = Replies::new().map_err(|e| format!("cannot wait for replies: {e}"))?;
    let mut tally = Tally::default();
    let start = Instant::now();
    while start.elapsed() < options.time {
        let request = options.request(tally.sent + 1);
        frames.put(0, &request);
        // Replies that were lost may still come.
        while replies.take(|_| ()).is_some() {}
        let asked = Instant::now();
        tally.sent += frames.send(1) as u64;
        let mut outcome = None;
        while outcome.is_none() && asked.elapsed() < LOST {
            outcome = replies.take(|reply| options.is_answer(&request, reply));
        }
        match outcome {
            Some(true) => {
                tally.answered += 1;
                tally.rtts_ns.push(asked.elapsed().as_nanos() as u32);
            }
            Some(false) => tally.invalid += 1,
            None => tally.lost += 1,
        }
    }
    Ok(tally.report(start.elapsed()))
}

/// A number of requests under way at all times.
fn press(options: &Options, mut frames: Frames) -> io::Result<String> {
    let counter = Counter::open(&options.interface)?;
    let mut tally = Tally::default();
    let already = counter.read()?;
    let start = Instant::now();
    let mut last_answer = start;
    while start.elapsed() < options.time {
        let under_way = tally.sent - tally.answered - tally.lost;
        let room = options.outstanding.saturating_sub(under_way).min(FEW as u64);
        for place in 0..room {
            frames.put(place as usize, &options.request(tally.sent + place + 1));
        }
        if room > 0 {
            tally.sent += frames.send(room as usize) as u64;
        }
        let answered = (counter.read()? - already).min(tally.sent - tally.lost);
        if answered > tally.answered {
            last_answer = Instant::now();
            tally.answered = answered;
        } else if last_answer.elapsed() > LOST {
            tally.lost = tally.sent - tally.answered;
        }
    }
    Ok(tally.report(start.elapsed()))
}

impl Options {
    /// The request of this number.
    fn request(&self, number: u64) -> Vec<u8> {
        if let Some(payload) = &self.payload {
            return payload.clone();
        }
        let mut request = vec![0; 48];
        request[0] = 0x23; // version 4, client
        request[40..].copy_from_slice(&number.to_be_bytes());
        request
    }

    /// Whether this is a server's answer to the request, and no refusal. Authentication is not looked at.
    fn is_answer(&self, request: &[u8], reply: &[u8]) -> bool {
        (48..=request.len()).contains(&reply.len())
            && reply[0] & 7 == 4
            && (1..=15).contains(&reply[1])
            && reply[24..32] == request[40..48]
            && (reply.len() > 48) == (request.len() > 48)
    }
}

/// How many frames have come in through an interface.
struct Counter(std::fs::File);

impl Counter {
    fn open(interface: &str) -> io::Result<Self> {
        std::fs::File::open(format!("/sys/class/net/{interface}/statistics/rx_packets")).map(Self)
    }

    fn read(&self) -> io::Result<u64> {
        let mut text = [0; 24];
        let len = std::os::unix::fs::FileExt::read_at(&self.0, &mut text, 0)?;
        let text = std::str::from_utf8(&text[..len]).map_err(io::Error::other)?;
        text.trim().parse().map_err(io::Error::other)
    }
}

/// Garbage, or the same again and again, and no interest in replies.
fn flood(options: &Options, mut frames: Frames) -> String {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut tally = Tally::default();
    let start = Instant::now();
    while start.elapsed() < options.time {
        for place in 0..FEW {
            let mut bytes = [0; 512];
            for word in bytes.chunks_exact_mut(8) {
                // Marsaglia's xorshift.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                word.copy_from_slice(&state.to_le_bytes());
            }
            match &options.payload {
                Some(payload) => frames.put(place, payload),
                None => frames.put(place, &bytes[..(state % 512) as usize]),
            }
        }
        tally.sent += frames.send(FEW) as u64;
    }
    tally.report(start.elapsed())
}

/// The way back.
struct Replies {
    socket: UdpSocket,
}

impl Replies {
    fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// Takes in one, if it has come.
    fn take<T>(&self, judge: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let mut bytes = [0; 2048];
        let len = self.socket.recv(&mut bytes).ok()?;
        Some(judge(&bytes[..len]))
    }
}

#[derive(Default)]
struct Tally {
    sent: u64,
    answered: u64,
    invalid: u64,
    lost: u64,
    rtts_ns: Vec<u32>,
}

impl Tally {
    fn report(mut self, time: Duration) -> String {
        self.rtts_ns.sort_unstable();
        let quantile = |q: f64| {
            let at = (self.rtts_ns.len().saturating_sub(1) as f64 * q) as usize;
            f64::from(self.rtts_ns.get(at).copied().unwrap_or(0)) / 1e3
        };
        format!(
            "{{\"seconds\":{:.6},\"sent\":{},\"answered\":{},\"invalid\":{},\"lost\":{},\"rtt_p50_us\":{:.1},\"rtt_p99_us\":{:.1}}}",
            time.as_secs_f64(),
            self.sent,
            self.answered,
            self.invalid,
            self.lost,
            quantile(0.5),
            quantile(0.99),
        )
    }
}
