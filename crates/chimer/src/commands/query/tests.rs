use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use truechimer_engine::report::SourceState;
use truechimer_time::Cooked;
use truechimer_wire::{Header, Leap, Mode, ReferenceId};

use super::*;
use crate::render::fixtures;
use crate::table::Paint;

const PLAIN: Paint = Paint(false);

fn target(text: &str) -> Result<Target, String> {
    Target::parse(text, 123)
}

#[test]
fn hosts_are_read_in_every_way_of_writing() {
    for (text, address) in [
        ("192.0.2.1", "192.0.2.1:123"),
        ("192.0.2.1:1123", "192.0.2.1:1123"),
        ("2001:db8::1", "[2001:db8::1]:123"),
        ("[2001:db8::1]", "[2001:db8::1]:123"),
        ("[2001:db8::1]:1123", "[2001:db8::1]:1123"),
    ] {
        assert_eq!(target(text).unwrap().resolve(None).unwrap().to_string(), address, "{text}");
    }
    assert!(target("ntp1.example.net").is_ok());
    assert!(target("ntp1.example.net:1123").is_ok());
}

#[test]
fn what_is_no_host_is_refused() {
    for text in [
        "",
        ":123",
        "a:",
        "a:0",
        "a:65536",
        "a:b",
        "a:1:2",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[a]",
        "a b",
        "a/b",
        "fe80::1%eth0",
        "a\u{1b}[2J",
        "-é",
        "10.1",
        "1.2.3",
        "256.1.1.1:123",
        "224.0.1.1",
        "[ff02::101]:123",
        "255.255.255.255",
        "0.0.0.0",
        "::",
    ] {
        let error = target(text).unwrap_err();
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }
}

#[test]
fn a_url_is_told_from_a_host() {
    for text in ["http://ntp.example", "ntp://192.0.2.1:123", "https://a.example/b"] {
        assert!(target(text).unwrap_err().contains("name or address alone"), "{text}");
    }
}

#[test]
fn one_sample_has_no_jitter() {
    let mut source = fixtures::report().sources.remove(0);
    let named = target("a.example").unwrap();
    let block = |source: &_| answer::blocks(&[Answer::of(&named, None, source)], PLAIN);
    assert!(source.accepted > 1 && block(&source).contains("Jitter"));
    source.accepted = 1;
    assert!(!block(&source).contains("Jitter"));
}

#[test]
fn a_closed_port_is_not_called_silent() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let manner = Manner { samples: 1, timeout_s: 0.5, version: 4, family: None, key: None, nts: None };
    let answer = ask(&target(&format!("127.0.0.1:{port}")).unwrap(), &manner);
    let told = answer::blocks(&[answer], PLAIN);
    assert!(told.contains("refused: nothing listens at its port; no valid answer to 1 request"), "{told}");
}

#[test]
fn no_time_is_no_question() {
    use clap::Parser as _;
    let cli = crate::cli::Cli::parse_from(["chimer", "query", "--timeout", "0s", "192.0.2.1"]);
    let crate::cli::Command::Query(args) = cli.command else { panic!("another command") };
    assert_eq!(query(&args).unwrap_err().status, crate::outcome::USAGE);
}

#[test]
fn the_family_is_heeded() {
    let four = target("192.0.2.1").unwrap();
    assert!(four.resolve(Some(Family::V4)).is_ok());
    assert_eq!(four.resolve(Some(Family::V6)).unwrap_err(), "it has no IPv6 address");
}

#[test]
fn asking_ends_with_enough_samples_or_enough_refusals() {
    let mut source = fixtures::report().sources.remove(0);
    source.accepted = 3;
    assert!(!measure::is_settled(&source, 4));
    source.accepted = 4;
    assert!(measure::is_settled(&source, 4));
    source.accepted = 0;
    source.dropped = [("leap".to_owned(), 4)].into();
    assert!(measure::is_settled(&source, 4));
    source.dropped = [("origin".to_owned(), 4000)].into();
    assert!(!measure::is_settled(&source, 4), "forgeries do not end it");
    source.state = SourceState::Stopped;
    assert!(measure::is_settled(&source, 4));
}

fn fixture_answers() -> Vec<Answer> {
    let address = "192.0.2.1:123".parse().unwrap();
    let good = fixtures::report().sources.remove(0);
    let mut bad = fixtures::report().sources.remove(9);
    bad.dropped.insert("leap".into(), 4);
    let dumb = fixtures::report().sources.remove(6);
    let named = |name: &str| target(name).unwrap();
    vec![
        Answer::of(&named("ntp1.example.net"), Some(address), &good),
        Answer::of(&named("[2001:db8::1]:1123"), Some(address), &bad),
        Answer::of(&named("dumb.example.net"), Some(address), &dumb),
        Answer::failed(
            &named("nowhere.example"),
            None,
            target::unresolved("failed to lookup address information: Name or service not known"),
        ),
    ]
}

#[test]
fn answers_look_like_this() {
    fixtures::expect("query", &answer::table(&fixture_answers(), PLAIN, None));
    fixtures::expect("query_verbose", &answer::blocks(&fixture_answers(), PLAIN));
}

#[test]
fn the_bound_is_the_farther_end_of_the_interval() {
    let value = serde_json::to_value(&fixture_answers()[0]).unwrap();
    let bound = value["bound_s"].as_f64().unwrap();
    assert!((bound - (1.2e-3 - 12.3e-6)).abs() < 1e-12 || (bound - (12.3e-6 + 1.1e-3)).abs() < 1e-12);
    assert!(bound >= 1.2e-3 - 12.3e-6);
}

/// A server on loopback that answers `count` requests, each changed by `edit`, and then goes.
fn server(
    count: usize,
    edit: impl Fn(usize, &mut Header) + Send + 'static,
) -> (SocketAddr, std::thread::JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let address = socket.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 512];
        for number in 0..count {
            let Ok((len, client)) = socket.recv_from(&mut buffer) else { return };
            let request = Header::parse(&buffer[..len]).unwrap();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let now = Cooked::from_unix_nanos(now.as_nanos() as i128);
            let mut reply = Header {
                leap: Leap::None,
                mode: Mode::Server,
                stratum: 1,
                precision: -20,
                reference_id: ReferenceId(*b"TEST"),
                reference_timestamp: now.timestamp(),
                origin_timestamp: request.transmit_timestamp,
                receive_timestamp: now.timestamp(),
                transmit_timestamp: now.timestamp(),
                ..request
            };
            edit(number, &mut reply);
            socket.send_to(&reply.write(), client).unwrap();
        }
    });
    (address, thread)
}

fn ask_one(address: SocketAddr, samples: u32, timeout_s: f64) -> Answer {
    let target = target(&address.to_string()).unwrap();
    ask(&target, &Manner { samples, timeout_s, version: 4, family: None, key: None, nts: None })
}

#[test]
fn a_real_exchange_on_loopback() {
    let (address, thread) = server(2, |_, reply| assert_eq!(reply.version, 4));
    let answer = ask_one(address, 2, 8.0);
    thread.join().unwrap();
    let value = serde_json::to_value(&answer).unwrap();
    assert!(answer.ok, "{value}");
    assert_eq!(value["samples"], 2);
    assert_eq!(value["stratum"], 1);
    assert_eq!(value["reference_id"], "TEST");
    assert_eq!(value["leap"], "none");
    let number = |name: &str| value[name].as_f64().unwrap_or_else(|| panic!("{name}: {value}"));
    // One clock asked about itself: the truth is zero, within the bound.
    assert!(number("offset_s").abs() <= number("bound_s"), "{value}");
    assert!(number("bound_s") < 0.5 && number("delay_s") < 0.5 && number("root_distance_s") < 0.5, "{value}");
}

#[test]
fn na_10_a_reply_without_our_origin_is_no_answer() {
    let (address, thread) =
        server(1, |_, reply| reply.origin_timestamp = truechimer_time::NtpTimestamp::ZERO);
    let answer = ask_one(address, 1, 0.6);
    thread.join().unwrap();
    let value = serde_json::to_value(&answer).unwrap();
    assert!(!answer.ok, "{value}");
    assert_eq!(value["dropped"]["origin"], 1);
    assert_eq!(value["offset_s"], serde_json::Value::Null);
}

#[test]
fn an_unsynchronised_server_is_told_apart_at_once() {
    let (address, thread) = server(1, |_, reply| reply.leap = Leap::Unsynchronised);
    let start = Instant::now();
    let answer = ask_one(address, 1, 20.0);
    assert!(start.elapsed() < Duration::from_secs(10), "it does not wait for the whole time");
    thread.join().unwrap();
    let value = serde_json::to_value(&answer).unwrap();
    assert!(!answer.ok, "{value}");
    assert_eq!(value["dropped"]["leap"], 1, "{value}");
}

#[test]
fn nobody_there_is_no_answer_in_time() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let start = Instant::now();
    let answer = ask_one(socket.local_addr().unwrap(), 1, 0.4);
    assert!(!answer.ok);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(serde_json::to_value(&answer).unwrap()["error"].as_str().unwrap().contains("no answer"));
}

#[test]
fn a_key_that_is_not_there_is_no_question() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    assert_eq!(Key::read(10, &path).unwrap_err().code, "io");
    std::fs::write(&path, "10 AES128 HEX:0011\n").unwrap();
    assert_eq!(Key::read(10, &path).unwrap_err().code, "bad_keys");
    std::fs::write(&path, KEYS).unwrap();
    assert_eq!(Key::read(12, &path).unwrap_err().status, crate::outcome::USAGE);
    assert_eq!(Key::read(10, &path).unwrap().id, 10);
    use clap::Parser as _;
    for words in [&["--key", "10"][..], &["--keys", "k"], &["--key", "0", "--keys", "k"]] {
        let words = ["chimer", "query", "192.0.2.1"].iter().chain(words);
        assert!(crate::cli::Cli::try_parse_from(words).is_err());
    }
}

const KEYS: &str =
    "10 AES128 HEX:00112233445566778899AABBCCDDEEFF\n11 SHA256 HEX:00112233445566778899AABBCCDDEEFF\n";

/// The server's file has other bytes for key 11, and no key 12.
#[test]
fn with_a_key_only_authenticated_replies_count() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    let theirs = format!("{KEYS}12 MD5 HEX:00112233445566778899AABBCCDDEEFF\n")
        .replace("11 SHA256 HEX:00", "11 SHA256 HEX:FF");
    std::fs::write(&path, theirs).unwrap();
    let server = Serving::start_with(KEYS);
    let ask = |id: u32| {
        let key = Some(Key::read(id, &path).unwrap());
        let manner = Manner { samples: 2, timeout_s: 6.0, version: 4, family: None, key, nts: None };
        let target = Target::parse(&server.time.to_string(), 123).unwrap();
        let answer = ask(&target, &manner);
        (answer::blocks(std::slice::from_ref(&answer), PLAIN), serde_json::to_value(answer).unwrap())
    };
    let (text, value) = ask(10);
    assert_eq!((&value["ok"], &value["samples"]), (&true.into(), &2.into()), "{value}");
    assert_eq!(value["key"], serde_json::json!({ "id": 10, "algorithm": "AES128" }), "{value}");
    assert!(text.contains("Key") && text.contains("10, AES128"), "{text}");
    for id in [11, 12] {
        let (_, value) = ask(id);
        assert_eq!((&value["ok"], &value["samples"]), (&false.into(), &0.into()), "{value}");
        let error = value["error"].as_str().unwrap();
        assert!(error.contains(&format!("with key {id}; servers say nothing")), "{error}");
    }
    // A server that does not heed the key answers nevertheless: that is no answer.
    let (address, thread) = self::server(1, |_, _| ());
    let key = Some(Key::read(10, &path).unwrap());
    let manner = Manner { samples: 1, timeout_s: 6.0, version: 4, family: None, key, nts: None };
    let target = Target::parse(&address.to_string(), 123).unwrap();
    let value = serde_json::to_value(super::ask(&target, &manner)).unwrap();
    thread.join().unwrap();
    assert_eq!((&value["ok"], &value["dropped"]["mac"]), (&false.into(), &1.into()), "{value}");
}

/// A daemon that serves time and keys on loopback until it is dropped, and the file of who vouches for it.
struct Serving {
    time: SocketAddr,
    keys: SocketAddr,
    root: std::path::PathBuf,
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

impl Serving {
    fn start() -> Self {
        Self::start_with("")
    }

    /// With a key file of these lines.
    fn start_with(keys: &str) -> Self {
        use truechimer_nts_ke::{Validity, authority::Authority};
        let dir = tempfile::tempdir().unwrap();
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let validity = Validity { not_before_s: now_s - 3600, not_after_s: now_s + 3600 };
        let authority = Authority::new("test", validity).unwrap();
        let files = authority.certify(&["127.0.0.1"], validity).unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (chain, key) = (write("chain.pem", &files.chain), write("key.pem", &files.key));
        let root = write("root.pem", authority.root());
        let text = format!(
            "[clock]\ncontrol = false\nfrequency_file = false\n\
             [daemon]\nroles = \"inline\"\nstate_dir = false\nrun_dir = false\n[local]\n\
             [serve]\nlisten = [\"127.0.0.1:1123\"]\nallow = [\"127.0.0.0/8\"]\n\
             [serve.nts]\nlisten = [\"127.0.0.1:4460\"]\ncertificate = {chain:?}\nprivate_key = {key:?}\n"
        );
        let mut config = truechimer_config::parse(&text, "test").unwrap().config;
        config.engine.keys =
            truechimer_config::keys::parse_keys(keys.as_bytes(), "keys", false).unwrap().into_table();
        // Ports that the system chooses, which a file cannot ask for.
        config.engine.serve.as_mut().unwrap().listen[0].address.set_port(0);
        let key_exchange = config.serve_nts.as_mut().unwrap().key_exchange.as_mut().unwrap();
        key_exchange.listen[0].address.set_port(0);
        key_exchange.ntp_port = None;
        let clock = Box::new(truechimer_sys::clock::ObserveOnly::new());
        let mut options = chimerd::DaemonOptions::new(config, clock, false);
        options.max_sleep = Duration::from_millis(20);
        let mut daemon = chimerd::Daemon::new(options).unwrap();
        let (time, keys) = (daemon.listening()[0], daemon.exchanging()[0]);
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let flag = std::sync::Arc::clone(&stop);
        let thread = Some(std::thread::spawn(move || daemon.run(&flag).unwrap()));
        Self { time, keys, root, stop, thread, _dir: dir }
    }

    fn ask(&self, host: &str, trust: &std::path::Path) -> serde_json::Value {
        let target = Target::parse(host, self.time.port()).unwrap();
        let trust = CertificateTrust { system: false, files: vec![trust.to_owned()] };
        let nts = Some(Nts { ke_port: self.keys.port(), trust });
        let manner =
            Manner { samples: 2, timeout_s: 20.0, version: 4, family: Some(Family::V4), key: None, nts };
        serde_json::to_value(ask(&target, &manner)).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn authorities_that_cannot_be_read_are_said_before_anybody_is_asked() {
    let error = trust(Some(&PathBuf::from("/nonexistent/ca.pem"))).unwrap_err();
    assert_eq!(error.status, crate::outcome::USAGE);
    assert!(error.message.contains("/nonexistent/ca.pem: No such file"), "{}", error.message);
    assert!(trust(None).unwrap().system);
}

#[test]
fn by_nts_keys_are_exchanged_first() {
    let server = Serving::start();
    let value = server.ask("127.0.0.1", &server.root);
    assert_eq!(value["ok"], true, "{value}");
    assert_eq!(value["samples"], 2, "{value}");
    assert_eq!(value["nts"]["server"], "127.0.0.1", "{value}");
    assert_eq!(value["nts"]["key_exchange"], server.keys.to_string(), "{value}");
    assert!(value["nts"]["cookies"].as_u64().unwrap() >= 7, "{value}");
    assert!(value["nts"]["certificate_expires_unix_s"].is_i64(), "{value}");
}

#[test]
fn by_nts_a_server_of_another_name_is_refused_and_said_so_at_once() {
    let server = Serving::start();
    let start = Instant::now();
    // Its certificate is for the address alone.
    let value = server.ask("localhost", &server.root);
    assert!(start.elapsed() < Duration::from_secs(10), "it does not wait for the whole time");
    assert_eq!(value["ok"], false, "{value}");
    assert_eq!(value["samples"], 0);
    let error = value["error"].as_str().unwrap();
    assert!(error.starts_with("no keys: ") && error.contains("name"), "{error}");
}
