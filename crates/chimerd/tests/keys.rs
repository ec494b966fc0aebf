//! Symmetric keys in the whole daemon: files at the start and on reload, and packets over loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::Read;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::*;
use truechimer_config::Config;
use truechimer_config::keys::parse_keys;
use truechimer_control::client::{Client, ClientError};
use truechimer_control::{CONTROL_SOCKET, OBSERVE_SOCKET, Request};
use truechimer_engine::config::{Authentication, KeyTable};
use truechimer_engine::report::{Report, SourceReport, SourceState};
use truechimer_sys::clock::{Truth, can_set_time};

const KEY_FILE: &str = "10 AES128 HEX:00112233445566778899AABBCCDDEEFF\n11 SHA256 HEX:00112233445566778899\n";

fn keys() -> KeyTable {
    parse_keys(KEY_FILE.as_bytes(), "keys", false).unwrap().into_table()
}

/// A server in a thread, with its report socket in `run_dir`.
fn keyed_server(truth: Truth, run_dir: &Path) -> Running {
    let mut config: Config = server_config();
    config.engine.keys = keys();
    config.paths.run_dir = Some(run_dir.to_owned());
    let (options, _, _) = client(truth, config, 0.0, 0.0);
    Running::start(options)
}

#[test]
fn two_daemons_with_a_key_in_common() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let truth = Truth::start();
    let server = keyed_server(truth, dirs[0].path());
    for (key, works) in [(10, true), (11, true), (12, false)] {
        let mut config = client_config(&[("server", server.address())], Some(dirs[1].path()));
        config.engine.keys = keys();
        config.engine.sources[0].options.authentication = Authentication::Key(key);
        let (options, clock, _) = client(truth, config, 0.2, 20.0);
        let client = Running::start(options);
        let source = || report(dirs[1].path()).sources.remove(0);
        if works {
            wait_for("the clock to be right", 20, || clock.truth_error().seconds().abs() < 5e-4);
            assert_eq!(source().state, SourceState::SystemPeer);
            assert_eq!(source().authentication.unwrap().key_id, Some(key));
        } else {
            std::thread::sleep(Duration::from_millis(500));
            assert_eq!((source().sent, source().accepted), (0, 0), "no key, no request");
            assert_eq!(source().reason, "its key is not in the key file, so it is not asked");
        }
        client.stop();
    }
    let served = report(dirs[0].path()).server.unwrap();
    assert!(served.authenticated >= 2 && served.authenticated == served.answered, "{served:?}");
}

/// A key file and a configuration that observes only, with a source at `server`.
fn write_files(dir: &Path, server: SocketAddr, key: u32, keys: &str) -> String {
    std::fs::write(dir.join("keys"), keys).unwrap();
    let mut permissions = std::fs::metadata(dir.join("keys")).unwrap().permissions();
    permissions.set_mode(0o600);
    std::fs::set_permissions(dir.join("keys"), permissions).unwrap();
    let text = format!(
        "[[source]]\nserver = \"{}\"\nport = {}\nkey = {key}\npoll = {{ min = -3, max = -2 }}\n\
         [keys]\nfile = \"{2}/keys\"\n[clock]\ncontrol = false\n\
         [daemon]\nstate_dir = false\nrun_dir = \"{2}/run\"\n",
        server.ip(),
        server.port(),
        dir.display()
    );
    let path = dir.join("chimer.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The program without the capability to set the clock.
fn chimerd(args: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_chimerd");
    let mut command = if can_set_time() {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-sys_time", "--inh-caps=-sys_time", "--", program]);
        command
    } else {
        Command::new(program)
    };
    command.args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Exit status and what was said.
fn check(config: &str) -> (i32, String) {
    let output = chimerd(&["--check", "-f", config]).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_key_file_that_is_no_good_stops_the_start_and_shows_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let config = write_files(dir.path(), nowhere, 10, KEY_FILE);
    assert_eq!(check(&config).0, 0);
    for (keys, said) in [
        ("10 AES128 HEX:00112233445566778899AABBCCDDEE\n", "must have 16 bytes"),
        ("10 SECRETWORD other\n", "the second of three words must be the type"),
        ("11 SHA256 HEX:00112233445566778899AABBCCDDEEFF\n", "key 10 is not in"),
    ] {
        let config = write_files(dir.path(), nowhere, 10, keys);
        let (status, err) = check(&config);
        assert_eq!(status, 2, "{err}");
        assert!(err.contains(said) && !err.contains("001122") && !err.contains("SECRETWORD"), "{err}");
    }
    std::fs::remove_file(dir.path().join("keys")).unwrap();
    let (status, err) = check(&config);
    assert_eq!(status, 2);
    assert!(err.contains("cannot read the key file") && err.contains("chimer keygen"), "{err}");
}

#[test]
fn a_key_file_that_everybody_can_read_and_weak_keys_draw_warnings() {
    let dir = tempfile::tempdir().unwrap();
    let config = write_files(dir.path(), "127.0.0.1:9".parse().unwrap(), 10, "10 MD5 secretsecretsecret\n");
    let path = dir.path().join("keys");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (status, err) = check(&config);
    assert_eq!(status, 0, "{err}");
    assert!(err.contains("warning[L050]") && err.contains("warning[L051]"), "{err}");
    assert!(!err.contains("secretsecret"), "{err}");
}

fn only(dir: &Path) -> SourceReport {
    let report: Report = report(&dir.join("run"));
    report.sources.into_iter().next().unwrap()
}

#[test]
fn at_37_keys_are_read_again_on_reload_and_a_bad_file_leaves_the_old_ones() {
    let truth = Truth::start();
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let server = keyed_server(truth, dirs[0].path());
    let dir = dirs[1].path();
    // The client starts with another key under the same identifier.
    let wrong = "10 AES128 HEX:FF112233445566778899AABBCCDDEEFF\n";
    let config = write_files(dir, server.address(), 10, wrong);
    let mut program = Program(chimerd(&["-f", &config]).spawn().unwrap());
    let observe = dir.join("run").join(OBSERVE_SOCKET);
    wait_for("the daemon", 10, || Client::connect(&observe, Duration::from_secs(5)).is_ok());
    wait_for("the server to refuse", 10, || {
        report(dirs[0].path()).server.unwrap().dropped.get("digest").is_some_and(|count| *count > 2)
    });
    assert_eq!(only(dir).accepted, 0);

    let mut control = Client::connect(&dir.join("run").join(CONTROL_SOCKET), Duration::from_secs(5)).unwrap();
    write_files(dir, server.address(), 10, "10 AES128 HEX:garbage\n");
    let Err(ClientError::Refused(fault)) = control.command(&Request::Reload) else { panic!("not refused") };
    assert!(fault.message.contains("keys:1"), "{}", fault.message);
    assert!(!fault.message.contains("garbage"), "{}", fault.message);

    write_files(dir, server.address(), 10, KEY_FILE);
    control.command(&Request::Reload).unwrap();
    wait_for("samples with the new key", 10, || only(dir).accepted > 2);
    assert_eq!(only(dir).authentication.unwrap().algorithm.as_deref(), Some("AES128"));

    program.0.kill().unwrap();
    let mut journal = String::new();
    program.0.stderr.take().unwrap().read_to_string(&mut journal).unwrap();
    assert!(journal.contains("the old one stays in force"), "{journal}");
    assert!(!journal.contains("garbage") && !journal.contains("112233"), "{journal}");
}

#[test]
fn na_25_replies_over_the_wire_are_as_long_as_the_request() {
    let dir = tempfile::tempdir().unwrap();
    let server = keyed_server(Truth::start(), dir.path());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut request = [0; 48];
    (request[0], request[47]) = (4 << 3 | 3, 1);
    let signed = sign(&request);
    socket.send(&signed).unwrap();
    let mut reply = [0; 512];
    let len = socket.recv(&mut reply).unwrap();
    assert_eq!(len, signed.len());
    assert_eq!(sign(&reply[..48]), reply[..len]);
    // A wrong one is not answered, and the one after it is.
    let mut forged = signed.clone();
    forged[67] ^= 1;
    socket.send(&forged).unwrap();
    socket.send(&request).unwrap();
    assert_eq!(socket.recv(&mut reply).unwrap(), 48);
    assert_eq!(report(dir.path()).server.unwrap().dropped["digest"], 1);
}

/// With key 10.
fn sign(packet: &[u8]) -> Vec<u8> {
    use truechimer_wire::mac::{KeyAlgorithm, MAX_DIGEST_LEN, SymmetricKey};
    let bytes: Vec<u8> = (0..16).map(|at: u8| at * 0x11).collect();
    let mut digest = [0; MAX_DIGEST_LEN];
    let key = SymmetricKey::new(KeyAlgorithm::AesCmac128, &bytes).unwrap();
    let len = key.digest(packet, &mut digest);
    [packet, &10_u32.to_be_bytes(), &digest[..len]].concat()
}
