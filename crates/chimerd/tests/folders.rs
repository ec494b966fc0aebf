//! Folders of sources (`daemon.source_dirs`) in the whole program: what comes, goes and is wrong in them at a reload. The
//! program only observes, and where the process that runs the test could set the clock, it is started without that
//! capability as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use truechimer_control::client::Client;
use truechimer_control::{CONTROL_SOCKET, OBSERVE_SOCKET, Request};
use truechimer_engine::report::SourceReport;
use truechimer_sys::clock::{Truth, can_set_time};

mod common;

use common::{server, wait_for};

const CHIMERD: &str = env!("CARGO_BIN_EXE_chimerd");
const TIMEOUT: Duration = Duration::from_secs(5);

/// A running program; killed when it is dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(config: &Path, journal: &Path) -> Program {
    let mut command = Command::new(CHIMERD);
    if can_set_time() {
        command = Command::new("setpriv");
        command.args(["--bounding-set=-sys_time", "--inh-caps=-sys_time", "--", CHIMERD]);
    }
    let journal = fs::File::create(journal).unwrap();
    command.arg("-f").arg(config).stdout(Stdio::null()).stderr(journal);
    Program(command.spawn().expect("starts"))
}

#[test]
fn na_45_sources_come_and_go_with_files_and_the_others_keep_what_was_learned() {
    let truth = Truth::start();
    let servers = [server(truth, 0.0), server(truth, 0.0), server(truth, 0.0)];
    let source = |index: usize, name: &str| {
        let port = servers[index].address().port();
        format!(
            "[[source]]\nserver = \"127.0.0.1\"\nport = {port}\nname = \"{name}\"\npoll = {{ min = 0, max = 0 }}\n"
        )
    };
    let dir = tempfile::tempdir().unwrap();
    let (folder, config, log) =
        (dir.path().join("sources.d"), dir.path().join("chimer.toml"), dir.path().join("log"));
    let own = source(0, "own");
    let text = format!(
        "{own}[clock]\ncontrol = false\n[daemon]\nstate_dir = \"{0}\"\nrun_dir = \"{0}/run\"\nsource_dirs = [\"{0}/sources.d\"]\n",
        dir.path().display()
    );
    fs::write(&config, text).unwrap();

    // Without a name of its own, by its port.
    let third = servers[2].address().to_string();

    // The folder comes later than the daemon.
    let _program = start(&config, &log);
    let (observe, control) =
        (dir.path().join("run").join(OBSERVE_SOCKET), dir.path().join("run").join(CONTROL_SOCKET));
    let sources = || -> Vec<SourceReport> {
        Client::connect(&observe, TIMEOUT)
            .and_then(|mut client| client.report())
            .map_or(Vec::new(), |report| report.sources)
    };
    let names = || -> Vec<String> { sources().into_iter().map(|source| source.name).collect() };
    let reload = || Client::connect(&control, TIMEOUT).unwrap().command(&Request::Reload);
    let samples =
        |name: &str| sources().iter().find(|source| source.name == name).map_or(0, |source| source.samples);
    wait_for("samples", 20, || samples("own") >= 3);

    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("eth0.toml"), source(1, "eth0")).unwrap();
    fs::write(
        folder.join("eth1.sources"),
        format!("server 127.0.0.1 port {} iburst minpoll 0\n", servers[2].address().port()),
    )
    .unwrap();
    let had = samples("own");
    reload().unwrap();
    assert_eq!(names(), ["own", "eth0", &third]);
    assert!(samples("own") >= had, "a source that stays was begun anew");
    wait_for("samples from the folder", 20, || samples("eth0") >= 2 && samples(&third) >= 1);

    // A broken file, and one that names what is there already, change nothing.
    fs::write(folder.join("wrong.toml"), "# broken\n[[source]]\nsrever = \"192.0.2.1\"\n").unwrap();
    fs::write(folder.join("zz.toml"), source(0, "twice")).unwrap();
    let had = [samples("own"), samples("eth0")];
    reload().unwrap();
    assert_eq!(names(), ["own", "eth0", &third]);
    assert!(samples("own") >= had[0] && samples("eth0") >= had[1], "unchanged sources were begun anew");
    let journal = fs::read_to_string(&log).unwrap();
    assert!(journal.contains("wrong.toml:3:1") && journal.contains("this file is left out"), "{journal}");
    // What was told is not told again while it is as it was.
    reload().unwrap();
    let again = fs::read_to_string(&log).unwrap();
    assert_eq!(again.matches("wrong.toml:3:1").count(), journal.matches("wrong.toml:3:1").count(), "{again}");

    fs::remove_file(folder.join("eth0.toml")).unwrap();
    reload().unwrap();
    assert_eq!(names(), ["own", &third]);
    fs::remove_dir_all(&folder).unwrap();
    reload().unwrap();
    assert_eq!(names(), ["own"]);
    assert!(samples("own") >= had[0]);
}
