//! Starts that fail under the name `chronyd`: the status and the reason that the one who called it gets. Those that succeed
//! need a machine of their own: `tests/interop` has them, beside chronyd's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Stdio};

use truechimer_sys::clock::can_set_time;

/// Runs the program under that name, without the right to set the clock: status, standard error.
fn chronyd(dir: &Path, args: &[&str]) -> (i32, String) {
    bare(dir, &[&["-x", "-u", "root"], args].concat())
}

fn bare(dir: &Path, args: &[&str]) -> (i32, String) {
    let link = dir.join("chronyd");
    if !link.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_chimerd"), &link).unwrap();
    }
    let mut command = Command::new(if can_set_time() { Path::new("setpriv") } else { &link });
    if can_set_time() {
        command.args(["--bounding-set=-sys_time", "--inh-caps=-sys_time", "--"]).arg(&link);
    }
    let output = command.args(args).stdin(Stdio::null()).output().unwrap();
    assert!(output.stdout.is_empty(), "what its parts say to each other is nobody's business");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_cannot_start_in_the_background_says_why_to_the_one_who_called_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(dir.path().join("chrony.conf"), "server 192.0.2.1\nfrobnicate\n").unwrap();
    std::fs::write(dir.path().join("pid"), format!("{}\n", std::process::id())).unwrap();
    let (ours, nowhere) = (format!("pidfile {}", path("pid")), "pidfile /nonexistent/pid".to_owned());
    for (args, reason) in [
        (vec!["-f", "/nonexistent/chrony.conf"], "/nonexistent/chrony.conf"),
        (vec!["-f", &path("chrony.conf")], "chrony.conf:2:1"),
        (vec!["-u", "nosuchuser", "port 0", &nowhere], "daemon.user is nosuchuser: no such user"),
        (vec!["-l", "/nonexistent/log", "port 0"], "cannot write /nonexistent/log"),
        (vec!["port 0", &ours], "another daemon may already be running (pid"),
        (vec!["port 0", &nowhere], "cannot write /nonexistent/pid"),
    ] {
        let (status, said) = chronyd(dir.path(), &args);
        assert_eq!(status, 1, "{args:?}: {said}");
        assert!(said.contains(reason), "{args:?}: {said}");
    }
    assert!(dir.path().join("pid").exists(), "the file of another is not ours to remove");
}

#[test]
fn with_q_a_daemon_that_runs_and_a_lack_of_sources_are_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    let line = format!("pidfile {}", pid_file.display());
    let (status, said) = chronyd(dir.path(), &["-q", &line]);
    assert!(status == 1 && said.contains("there is no source to ask"), "{said}");
    std::fs::write(&pid_file, format!("{}\n", std::process::id())).unwrap();
    let (status, said) = chronyd(dir.path(), &["-q", "server 192.0.2.1", &line]);
    assert!(status == 1 && said.contains("may already be running"), "{said}");
}

#[test]
fn q_that_cannot_set_the_clock_is_no_success() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = "server 127.0.0.1 port 1 iburst";
    let (status, said) = bare(dir.path(), &["-q", "-t", "1", "-u", "root", nobody, "port 0", "pidfile /"]);
    assert!(status == 1 && said.contains("-q cannot set the clock without CAP_SYS_TIME"), "{said}");
}
