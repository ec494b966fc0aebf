//! The program as an operator meets it. It never has the capability to set the machine's clock: every configuration
//! here only observes, and where the process that runs the test could set the clock, the daemon is started without that
//! capability as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Read;
use std::net::UdpSocket;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use truechimer_control::client::Client;
use truechimer_control::{CONTROL_SOCKET, OBSERVE_SOCKET, Request};
use truechimer_sys::clock::{Truth, can_set_time};

mod common;

use common::server;

const CHIMERD: &str = env!("CARGO_BIN_EXE_chimerd");

/// The daemon without the capability to set the clock.
fn chimerd() -> Command {
    if !can_set_time() {
        return Command::new(CHIMERD);
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-sys_time", "--inh-caps=-sys_time", "--", CHIMERD]);
    command
}

fn run(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        chimerd().args(args).output().expect("chimerd (and setpriv) can be run");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().expect("no signal ended it"), text(stdout), text(stderr))
}

/// A running program; killed when it is dropped.
struct Program(Child);

impl Program {
    fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts"))
    }

    fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    }

    /// Waits for the end, but not for ever: exit status and journal.
    fn end(mut self) -> (i32, String) {
        wait_for("the end", || self.0.try_wait().unwrap().is_some());
        let mut journal = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut journal).unwrap();
        (self.0.wait().unwrap().code().expect("no signal ended it"), journal)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A configuration that observes only, with everything in `dir`, and `more` at its end.
fn write_config(dir: &Path, more: &str) -> String {
    let path = dir.join("chimer.toml");
    let text = format!(
        "[clock]\ncontrol = false\nfrequency_file = \"{0}/frequency\"\n[daemon]\nstate_dir = \"{0}\"\nrun_dir = \"{0}/run\"\n{more}",
        dir.display()
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn wait_for_socket(dir: &Path) -> Client {
    let path = dir.join("run").join(OBSERVE_SOCKET);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match Client::connect(&path, Duration::from_secs(5)) {
            Ok(client) => return client,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn help_and_version_are_said_on_standard_output() {
    let (status, out, err) = run(&["--help"]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.contains("--observe") && out.contains("Exit status"), "{out}");
    let (status, out, _) = run(&["--version"]);
    assert_eq!((status, out), (0, format!("chimerd {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn bad_arguments_and_bad_configurations_exit_with_2_and_say_where() {
    let (status, out, err) = run(&["--nonsense"]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(err.contains("there is no option --nonsense"), "{err}");

    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), "[[source]]\nsrever = \"a.example\"\n");
    for args in [&["--check", "-f", &config][..], &["-f", &config]] {
        let (status, out, err) = run(args);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(err.contains("chimer.toml:8") && err.contains("did you mean"), "{err}");
    }
    let (status, _, err) = run(&["--check", "-f", "/nonexistent/chimer.toml"]);
    assert_eq!(status, 2);
    assert!(err.contains("/nonexistent/chimer.toml"), "{err}");
}

#[test]
fn a_good_configuration_passes_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let lonely = "[[source]]\nserver = \"192.0.2.1\"\n";
    let more = "[[source]]\npool = \"pool.ntp.example\"\n[[source]]\nserver = \"192.0.2.2\"\n";
    for (text, verdict) in
        [(lonely.to_owned(), "usable, with 1 warning"), (format!("{lonely}{more}"), "good")]
    {
        let config = write_config(dir.path(), &text);
        let (status, out, err) = run(&["--check", "-f", &config]);
        assert_eq!((status, out), (0, format!("{config}: {verdict}\n")));
        assert_eq!(err.contains("warning[L002]"), verdict != "good", "{err}");
    }
}

#[test]
fn a_port_in_use_exits_with_1_and_says_so() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config =
        write_config(dir.path(), &format!("[serve]\nlisten = [\"{address}\"]\nallow = [\"127.0.0.0/8\"]\n"));
    let (status, _, err) = run(&["-f", &config]);
    assert_eq!(status, 1);
    assert!(err.contains(&format!("cannot listen on {address}")), "{err}");
    assert!(err.contains("does another time daemon run"), "{err}");
}

#[test]
fn a_user_that_does_not_exist_is_named_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), "user = \"nosuchuser\"\n");
    let (status, _, err) = run(&["-f", &config]);
    assert_eq!(status, 1);
    assert!(err.contains("daemon.user is nosuchuser: no such user"), "{err}");
    assert!(!dir.path().join("run").exists(), "something is left over");
}

#[test]
fn sigterm_and_sigint_end_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let dir = tempfile::tempdir().unwrap();
        let config = write_config(dir.path(), "[[source]]\nserver = \"127.0.0.1\"\nport = 9\n");
        let mut command = chimerd();
        command.args(["-f", &config]);
        let program = Program::start(command);
        let mut client = wait_for_socket(dir.path());
        let report = client.report().unwrap();
        assert!(!report.system.controls_clock);
        assert_eq!(report.sources.len(), 1);
        program.signal(signal);
        let (status, journal) = program.end();
        assert_eq!(status, 0, "{journal}");
        assert!(journal.contains("started"), "{journal}");
        assert!(journal.ends_with("exiting\n"), "{journal}");
        for name in [OBSERVE_SOCKET, CONTROL_SOCKET] {
            assert!(!dir.path().join("run").join(name).exists(), "{name} is left over");
        }
    }
}

#[test]
fn o9_the_service_manager_is_told_of_start_reload_life_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let manager = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let wait_for_word = |word: &str| {
        let mut buffer = [0; 4096];
        // Signs of life come four times a second; what is waited for must not be far behind them.
        for _ in 0..100 {
            let len = manager.recv(&mut buffer).expect("the daemon says something");
            if std::str::from_utf8(&buffer[..len]).unwrap().starts_with(word) {
                return;
            }
        }
        panic!("{word} did not come");
    };
    let config = write_config(dir.path(), "[[source]]\nserver = \"127.0.0.1\"\nport = 9\n");
    let mut command = chimerd();
    command
        .args(["-f", &config])
        .env("NOTIFY_SOCKET", dir.path().join("notify"))
        .env("WATCHDOG_USEC", "500000");
    let program = Program::start(command);
    for word in ["STATUS=not synchronised", "READY=1", "WATCHDOG=1", "WATCHDOG=1"] {
        wait_for_word(word);
    }
    program.signal("HUP");
    for word in ["RELOADING=1\nMONOTONIC_USEC=", "READY=1"] {
        wait_for_word(word);
    }
    program.signal("TERM");
    wait_for_word("STOPPING=1");
    assert_eq!(program.end().0, 0);
}

#[test]
fn at_37_sighup_reads_the_configuration_again_and_a_bad_one_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let one = "[[source]]\nserver = \"127.0.0.1\"\nport = 9\n";
    let config = write_config(dir.path(), one);
    let mut command = chimerd();
    command.args(["-f", &config]);
    let program = Program::start(command);
    let mut client = wait_for_socket(dir.path());
    let mut wait_for_sources = |count: usize| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while client.report().unwrap().sources.len() != count {
            assert!(Instant::now() < deadline, "waited for {count} sources");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait_for_sources(1);
    write_config(dir.path(), &format!("{one}[[source]]\nserver = \"127.0.0.2\"\nport = 9\n"));
    program.signal("HUP");
    wait_for_sources(2);
    write_config(dir.path(), "[[source]]\nsrever = \"a.example\"\n");
    program.signal("HUP");
    std::thread::sleep(Duration::from_millis(300));
    wait_for_sources(2);
    program.signal("TERM");
    let (status, journal) = program.end();
    assert_eq!(status, 0, "{journal}");
    assert!(journal.contains("configuration read again"), "{journal}");
    assert!(journal.contains("the old one stays in force"), "{journal}");
    assert!(journal.contains("srever"), "{journal}");
}

#[test]
fn a_10_without_the_capability_it_observes_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), "");
    let text = std::fs::read_to_string(&config).unwrap().replace("control = false", "control = true");
    std::fs::write(&config, text).unwrap();
    let mut command = chimerd();
    command.args(["-f", &config]);
    let program = Program::start(command);
    let mut client = wait_for_socket(dir.path());
    assert!(!client.report().unwrap().system.controls_clock);
    program.signal("TERM");
    let (status, journal) = program.end();
    assert_eq!(status, 0, "{journal}");
    assert!(journal.contains("CAP_SYS_TIME is missing"), "{journal}");
}

#[test]
fn names_are_resolved_in_a_process_of_its_own_and_the_source_is_used() {
    let server = server(Truth::start(), 0.0);
    let dir = tempfile::tempdir().unwrap();
    let more = format!(
        "[[source]]\nserver = \"localhost\"\nfamily = \"ipv4\"\nport = {}\npoll = {{ min = -2, max = -2 }}\n",
        server.address().port()
    );
    let mut command = chimerd();
    command.args(["-f", &write_config(dir.path(), &more)]);
    let program = Program::start(command);
    let mut client = wait_for_socket(dir.path());
    wait_for("samples", || client.report().unwrap().sources[0].samples >= 2);
    let report = client.report().unwrap();
    assert_eq!(report.sources[0].address, Some(server.address().to_string()));
    // The truth of the server is the machine's clock, which this daemon only looks at.
    assert!(report.system.bound_s.unwrap() < 0.1, "{report:?}");
    assert!(!report.system.controls_clock);
    program.signal("TERM");
    let (status, journal) = program.end();
    assert_eq!(status, 0, "{journal}");
    assert!(journal.contains("selected source localhost"), "{journal}");
}

#[test]
fn started_as_root_it_becomes_the_user_and_still_cleans_up() {
    // Only root can become somebody else; for all others the line in the configuration is an error at the start.
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // Not "nobody": that is the resolver, which the daemon may not even send a signal to after the change.
    let user = if root { "daemon" } else { "root" };
    let more = format!("user = \"{user}\"\n[[source]]\nserver = \"localhost\"\nport = 9\n");
    let config = write_config(dir.path(), &more);
    let text = std::fs::read_to_string(&config).unwrap();
    let state_dir = format!("{}/state", dir.path().display());
    let text = text.replace(
        &format!("state_dir = \"{}\"", dir.path().display()),
        &format!("state_dir = \"{state_dir}\""),
    );
    std::fs::write(&config, text).unwrap();
    let mut command = chimerd();
    command.args(["-f", &config]);
    let program = Program::start(command);
    if !root {
        let (status, journal) = program.end();
        assert_eq!(status, 1, "{journal}");
        assert!(journal.contains("cannot become user root"), "{journal}");
        return;
    }
    drop(wait_for_socket(dir.path()));
    let id = program.0.id();
    let status = |field: &str| {
        let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = text.lines().find(|line| line.starts_with(field)).unwrap().to_owned();
        line.split_once(':').unwrap().1.trim().to_owned()
    };
    wait_for("the change of user", || !status("Uid").split_whitespace().any(|uid| uid == "0"));
    wait_for("the end of privileges", || u64::from_str_radix(&status("CapEff"), 16).unwrap() == 0);
    let owner = std::fs::metadata(&state_dir).unwrap().uid();
    assert!(status("Uid").starts_with(&owner.to_string()));
    program.signal("TERM");
    let (status, journal) = program.end();
    assert_eq!(status, 0, "{journal}");
    assert!(!dir.path().join("run").join(OBSERVE_SOCKET).exists(), "the socket is left over");
}

#[test]
fn at_25_running_out_of_descriptors_degrades_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let sources: String = (1..=20)
        .map(|n| format!("[[source]]\nserver = \"127.0.0.{n}\"\nport = 9\npoll = {{ min = -2, max = -1 }}\noffline = true\n"))
        .collect();
    let config = write_config(dir.path(), &sources);
    let plain = chimerd();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 16; exec \"$@\"", "sh"]).arg(plain.get_program()).args(plain.get_args());
    command.args(["-f", &config]);
    let program = Program::start(command);
    drop(wait_for_socket(dir.path()));
    let run_dir = dir.path().join("run");
    let connect = |name| Client::connect(&run_dir.join(name), Duration::from_secs(2));
    let mut operator = connect(CONTROL_SOCKET).unwrap();
    operator.command(&Request::Online { source: None }).unwrap();
    // All descriptors are in use: who comes now is sent away, who is there is served.
    wait_for("exhaustion", || connect(OBSERVE_SOCKET).and_then(|mut client| client.report()).is_err());
    assert_eq!(operator.report().unwrap().sources.len(), 20);
    // Some come free, and all is well again.
    operator.command(&Request::Offline { source: None }).unwrap();
    wait_for("recovery", || connect(OBSERVE_SOCKET).and_then(|mut client| client.report()).is_ok());
    program.signal("TERM");
    let (status, journal) = program.end();
    assert_eq!(status, 0, "{journal}");
    assert!(journal.lines().count() < 60, "NA-27: {journal}");
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The program under the name `chronyd`.
fn chronyd(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let link = dir.join("chronyd");
    if !link.exists() {
        std::os::unix::fs::symlink(CHIMERD, &link).unwrap();
    }
    let mut command = match can_set_time() {
        false => Command::new(&link),
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-sys_time", "--inh-caps=-sys_time", "--"]).arg(&link);
            command
        }
    };
    let Output { status, stdout, stderr } = command.args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().expect("no signal ended it"), text(stdout), text(stderr))
}

#[test]
fn a_chrony_conf_is_run_as_it_is_and_a_wrong_line_of_it_starts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("chrony.conf");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "! ours\nserver 192.0.2.1 iburst xleave\nmakestep 1 3\n").unwrap();
    let (status, out, err) = run(&["--check", "-f", path]);
    assert_eq!((status, out), (0, format!("{path}: usable, with 3 warnings\n")), "{err}");
    assert!(err.contains("chrony.conf:2:1: warning[L080]: `xleave`"), "{err}");
    std::fs::write(&file, "server 192.0.2.1\n  makestep 1\n").unwrap();
    for (status, _, err) in [run(&["-f", path]), chronyd(dir.path(), &["-d", "-f", path])] {
        assert_eq!(status, 1, "chronyd's status");
        assert!(err.contains("chrony.conf:2:3") && err.contains("`makestep` lacks LIMIT"), "{err}");
    }
}

#[test]
fn called_as_chronyd_it_prints_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let (file, more) = (dir.path().join("c.conf"), dir.path().join("conf.d"));
    std::fs::create_dir(&more).unwrap();
    std::fs::write(more.join("a.conf"), "rtcsync\n").unwrap();
    let text = format!("# ours\nserver   192.0.2.1\tiburst\nconfdir {}\nmakestep 1 3\n", more.display());
    std::fs::write(&file, text).unwrap();
    let (status, out, err) = chronyd(dir.path(), &["-p", "-f", file.to_str().unwrap()]);
    assert_eq!((status, out.as_str()), (0, "server 192.0.2.1 iburst\nrtcsync\nmakestep 1 3\n"), "{err}");
    let (status, _, err) = chronyd(dir.path(), &["-Z"]);
    assert!(status == 1 && err.starts_with("chronyd: there is no option -Z"), "{err}");
}

#[test]
fn called_as_chronyd_it_says_once_how_wrong_the_clock_is() {
    let server = server(Truth::start(), 0.0);
    let dir = tempfile::tempdir().unwrap();
    let source = format!("server 127.0.0.1 port {} iburst", server.addresses[0].port());
    let (status, _, err) = chronyd(dir.path(), &["-Q", "-t", "5", &source]);
    assert_eq!(status, 0, "{err}");
    assert!(err.contains("System clock wrong by ") && err.contains("seconds (ignored)"), "{err}");
    // Nobody answers there.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let source = format!("server 127.0.0.1 port {} iburst", nobody.local_addr().unwrap().port());
    let log = dir.path().join("log");
    let (status, _, err) = chronyd(dir.path(), &["-Q", "-t", "1", "-l", log.to_str().unwrap(), &source]);
    assert_eq!(status, 1, "the clock could not be compared with any other");
    assert!(err.contains("the time is up, and the clock is not synchronised: "), "{err}");
    assert!(log.exists());
}
