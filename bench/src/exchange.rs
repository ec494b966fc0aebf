//! What runs in the load generator's namespace and speaks NTS: key exchange, and requests made of it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use truechimer_nts::Cookie;
use truechimer_nts::aead::{Aead, Algorithm};
use truechimer_nts::negotiate::{ALPN, ClientOffer};
use truechimer_nts::packet::{MAX_PLAINTEXT_LEN, MAX_REQUEST_LEN, open_reply, write_request};
use truechimer_nts_ke::authority::Authority;
use truechimer_nts_ke::testing::{Manners, Peer, RawClients};
use truechimer_nts_ke::{ClientSession, DatePolicy, KeyExchanged, TrustedCertificates, Validity};
use truechimer_time::NtpTimestamp;
use truechimer_wire::{Header, Packet};

use crate::net::SERVER;

/// Whom the servers' certificates are for.
const NAME: &str = "bench.example";
/// 2020 to 2100.
const VALIDITY: Validity = Validity { not_before_s: 1_577_836_800, not_after_s: 4_102_444_800 };
/// In between.
const NOW_S: i64 = 1_800_000_000;
/// Longest time for anything over the cable.
const PATIENCE: Duration = Duration::from_secs(2);
/// The group in which keys are exchanged: X25519, which all servers have.
const GROUP: u16 = 29;

/// How requests and cookies are sealed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Seal {
    /// AEAD_AES_SIV_CMAC_256, which all servers must have.
    Siv,
    /// AEAD_AES_128_GCM_SIV.
    Gcm,
}

impl Seal {
    /// What it is called on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Siv => "siv",
            Self::Gcm => "gcm",
        }
    }

    fn offer(self) -> ClientOffer {
        let algorithm = match self {
            Self::Siv => Algorithm::AesSivCmac256,
            Self::Gcm => Algorithm::Aes128GcmSiv,
        };
        ClientOffer { algorithms: vec![algorithm], ..ClientOffer::default() }
    }
}

/// A server's certificate, made for this run.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

/// Makes an authority, an intermediate one and a certificate, and writes them into a folder.
pub(crate) fn certify(folder: &Path) -> Result<Identity, String> {
    let root = Authority::new("bench", VALIDITY).map_err(text)?;
    let files = root.intermediate("middle", VALIDITY).and_then(|middle| middle.certify(&[NAME], VALIDITY));
    let files = files.map_err(text)?;
    let identity = Identity { chain: folder.join("chain.pem"), key: folder.join("key.pem") };
    fs::write(&identity.chain, files.chain).map_err(text)?;
    fs::write(&identity.key, files.key).map_err(text)?;
    fs::write(folder.join(ROOT), root.root()).map_err(text)?;
    Ok(identity)
}

const ROOT: &str = "root.pem";

#[derive(Args)]
pub(crate) struct RequestOptions {
    folder: PathBuf,
    seal: Seal,
}

/// Exchanges keys, asks once, checks the answer, and prints another request, in hexadecimal.
pub(crate) fn request(options: &RequestOptions) -> Result<(), String> {
    let mut trusted = TrustedCertificates::new();
    trusted.add_pem_file(&options.folder.join(ROOT)).map_err(text)?;
    let tls = truechimer_nts_ke::ClientTls::new(trusted).map_err(text)?;
    let mut session =
        ClientSession::new(&tls, NAME, DatePolicy::At(NOW_S), options.seal.offer()).map_err(text)?;
    let mut stream = connect()?;
    let mut buffer = [0; 4096];
    while session.outcome().is_none() {
        let sent = session.poll_output().to_vec();
        stream.write_all(&sent).map_err(text)?;
        session.handle_written(sent.len());
        match stream.read(&mut buffer).map_err(text)? {
            0 => session.handle_eof(),
            len => session.handle_bytes(buffer.get(..len).unwrap_or_default()),
        }
    }
    let exchanged = session.into_outcome().map_err(text)?;
    let first = seal(&exchanged, 0, 1)?;
    verify(&exchanged, &first)?;
    let second = seal(&exchanged, 1, 2)?;
    println!("{}", second.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    Ok(())
}

/// A request with one of the cookies. Its number makes all that is random in it.
fn seal(exchanged: &KeyExchanged, cookie: usize, number: u8) -> Result<Vec<u8>, String> {
    let cookie = exchanged.cookies.get(cookie).and_then(|cookie| Cookie::new(cookie)).ok_or("no cookie")?;
    let mut random = ChaCha20Rng::from_seed([number; 32]);
    let header = Header::request(4, NtpTimestamp::from_bits(u64::from(number)));
    let c2s = Aead::new(exchanged.keys.c2s());
    let mut request = [0; MAX_REQUEST_LEN];
    let len = write_request(&mut request, &header, &[number; 32], &cookie, 0, &c2s, &mut random);
    Ok(request.get(..len.map_err(|_| "no room")?).unwrap_or_default().to_vec())
}

/// Asks, and opens the answer.
fn verify(exchanged: &KeyExchanged, request: &[u8]) -> Result<(), String> {
    let socket = UdpSocket::bind("0.0.0.0:0").map_err(text)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    socket.send_to(request, (SERVER, 123)).map_err(text)?;
    let mut reply = [0; 2048];
    let len = socket.recv(&mut reply).map_err(|e| format!("no answer with NTS: {e}"))?;
    let packet = Packet::parse(reply.get(..len).unwrap_or_default()).map_err(|e| e.name().to_owned())?;
    let s2c = Aead::new(exchanged.keys.s2c());
    let mut scratch = [0; MAX_PLAINTEXT_LEN];
    let opened = open_reply(&packet, &[1; 32], &s2c, &mut scratch).map_err(|e| format!("{e:?}"))?;
    if len > request.len() || opened.cookies().count() != 1 {
        return Err("the answer is too long, or is not one with one cookie".into());
    }
    Ok(())
}

#[derive(Args)]
pub(crate) struct CallOptions {
    folder: PathBuf,
    seal: Seal,
    seconds: f64,
    threads: usize,
}

/// Exchanges keys again and again, and prints how often.
pub(crate) fn call(options: &CallOptions) -> Result<(), String> {
    let root = fs::read_to_string(options.folder.join(ROOT)).map_err(text)?;
    let manners = Manners {
        protocols: vec![ALPN.to_vec()],
        says: options.seal.offer().write().map_err(|e| format!("{e:?}"))?,
        groups: vec![GROUP],
        ..Manners::default()
    };
    let clients = RawClients::new(&root, manners).map_err(text)?;
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(options.seconds);
    let one = || {
        let mut done = 0_u64;
        while Instant::now() < end {
            exchange(&clients)?;
            done += 1;
        }
        Ok::<u64, String>(done)
    };
    let done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads).map(|_| scope.spawn(one)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err("panicked".into())))
            .sum::<Result<u64, _>>()
    })?;
    println!("{{\"exchanges\":{done},\"seconds\":{}}}", start.elapsed().as_secs_f64());
    Ok(())
}

/// One whole exchange, without looking closely at what it yields.
fn exchange(clients: &RawClients) -> Result<(), String> {
    let mut client = clients.connect(NAME).map_err(text)?;
    let mut stream = connect()?;
    let mut buffer = [0; 4096];
    while !client.is_closed {
        stream.write_all(&client.pull()).map_err(text)?;
        match stream.read(&mut buffer).map_err(text)? {
            0 => client.push_eof(),
            len => client.push(buffer.get(..len).unwrap_or_default()),
        }
        if let Some(complaint) = &client.complaint {
            return Err(complaint.clone());
        }
        // An error is shorter.
        if client.heard.len() > COOKIES_LEN && client.heard.ends_with(END) {
            return Ok(());
        }
    }
    Err("the server closed without an answer".into())
}

/// Eight of the shortest cookies.
const COOKIES_LEN: usize = 8 * 64;

/// The record that ends a message.
const END: &[u8] = &[0x80, 0, 0, 0];

fn connect() -> Result<TcpStream, String> {
    let address = format!("{SERVER}:4460").parse().map_err(text)?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|e| format!("port 4460: {e}"))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    Ok(stream)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
