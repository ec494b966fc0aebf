//! Certificates and key exchanges for the tests.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use truechimer_control::OBSERVE_SOCKET;
use truechimer_control::client::Client;
use truechimer_engine::report::KeyExchangeReport;

use truechimer_nts::negotiate::ClientOffer;
use truechimer_nts_ke::authority::Authority;
use truechimer_nts_ke::{ClientSession, DatePolicy, KeError, KeyExchanged, NetworkFault, Validity};
use truechimer_sys::clock::can_set_time;

use super::wait_for;

const CHIMERD: &str = env!("CARGO_BIN_EXE_chimerd");
pub(crate) const NAME: &str = "localhost";
pub(crate) const DAY_S: i64 = 86_400;

/// Seconds since 1970, by the machine's clock.
pub(crate) fn unix_s() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}

/// From yesterday on, for so many days.
pub(crate) fn days(days: i64) -> Validity {
    Validity { not_before_s: unix_s() - DAY_S, not_after_s: unix_s() + days * DAY_S }
}

/// An authority whose own certificate lasts.
pub(crate) fn authority() -> Authority {
    Authority::new("test root", days(3650)).unwrap()
}

/// Writes `chain.pem` and `key.pem` for a server of this name, or of its address.
pub(crate) fn write_certificate(dir: &Path, authority: &Authority, name: &str, validity: Validity) {
    let files = authority.certify(&[name, "127.0.0.1"], validity).unwrap();
    fs::write(dir.join("chain.pem"), files.chain).unwrap();
    fs::write(dir.join("key.pem"), files.key).unwrap();
}

/// Ports that were free a moment ago, for UDP and TCP.
pub(crate) fn free_ports() -> (u16, u16) {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    (udp, tcp)
}

/// One exchange, with a few seconds' patience.
pub(crate) fn exchange(
    address: SocketAddr,
    authority: &Authority,
    name: &str,
) -> Result<KeyExchanged, KeError> {
    let tls = authority.clients().unwrap();
    let mut session = ClientSession::new(&tls, name, DatePolicy::At(unix_s()), ClientOffer::default())?;
    let failed = |_| KeError::Network(NetworkFault::Reset);
    let patience = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&address, patience)
        .map_err(|_| KeError::Network(NetworkFault::Refused))?;
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut buffer = [0; 4096];
    loop {
        let output = session.poll_output().to_vec();
        session.handle_written(output.len());
        stream.write_all(&output).map_err(failed)?;
        if session.outcome().is_some() {
            return session.into_outcome();
        }
        match stream.read(&mut buffer).map_err(failed)? {
            0 => session.handle_eof(),
            len => session.handle_bytes(&buffer[..len]),
        }
    }
}

/// Starts the program with `chimer.toml` of a folder, and its journal there; never with the capability to set the clock.
pub(crate) fn chimerd(dir: &Path, wrap: &[&str]) -> Child {
    let mut words: Vec<&str> = wrap.to_vec();
    if can_set_time() {
        words.extend(["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "--"]);
    }
    words.push(CHIMERD);
    let journal = fs::File::create(dir.join("journal")).unwrap();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg("-f").arg(dir.join("chimer.toml"));
    command.stdout(Stdio::null()).stderr(journal).spawn().unwrap()
}

/// A daemon that serves time and keys on loopback, from a folder of its own.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) authority: Authority,
    pub(crate) ntp: SocketAddr,
    pub(crate) ke: SocketAddr,
}

impl Server {
    /// `more` stands in `[serve.nts]`; `wrap` is what the daemon is started with.
    pub(crate) fn start(more: &str, wrap: &[&str]) -> Self {
        Self::start_with("", more, wrap)
    }

    /// As [`Server::start`]; `serve` stands in `[serve]`.
    pub(crate) fn start_with(serve: &str, more: &str, wrap: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The roles are nobody when the test runs as root, and must find the program.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let authority = authority();
        write_certificate(dir.path(), &authority, NAME, days(90));
        let (ntp, ke) = free_ports();
        let text = format!(
            "[clock]\ncontrol = false\nfrequency_file = false\n\
             [daemon]\nstate_dir = \"{0}\"\nrun_dir = \"{0}/run\"\n\
             [local]\nstratum = 9\n\
             [serve]\nlisten = [\"127.0.0.1:{ntp}\"]\nallow = [\"127.0.0.0/8\"]\n{serve}\n\
             [serve.nts]\nlisten = [\"127.0.0.1:{ke}\"]\n\
             certificate = \"{0}/chain.pem\"\nprivate_key = \"{0}/key.pem\"\n{more}\n",
            dir.path().display()
        );
        fs::write(dir.path().join("chimer.toml"), text).unwrap();
        let child = chimerd(dir.path(), wrap);
        let server = Self {
            child,
            dir,
            authority,
            ntp: ([127, 0, 0, 1], ntp).into(),
            ke: ([127, 0, 0, 1], ke).into(),
        };
        wait_for("the first keys", 20, || exchange(server.ke, &server.authority, NAME).is_ok());
        server
    }

    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(self.dir.path().join("journal")).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn signal(&self, id: u32, name: &str) {
        let script = format!("kill -{name} {id}");
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    }

    pub(crate) fn report(&self) -> KeyExchangeReport {
        let path = self.dir.path().join("run").join(OBSERVE_SOCKET);
        let mut client = Client::connect(&path, Duration::from_secs(5)).unwrap();
        client.report().unwrap().key_exchange.unwrap()
    }

    /// The process of the role.
    pub(crate) fn role(&self) -> Option<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let children = fs::read_to_string(children).ok()?;
        let is_role = |id: &u32| {
            fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| line.starts_with(b"chimerd-ke-server\0"))
        };
        children.split_whitespace().map(|id| id.parse().unwrap()).find(is_role)
    }

    pub(crate) fn end(mut self) -> String {
        self.signal(self.child.id(), "TERM");
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.journal());
        self.journal()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
