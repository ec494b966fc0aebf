use std::ffi::OsStr;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use truechimer_config::Ready;
use truechimer_time::Mono;

use super::{ServiceManager, Standing};

/// A manager that keeps what it is told.
struct Told {
    socket: UnixDatagram,
    _folder: tempfile::TempDir,
}

impl Told {
    fn start(watchdog: Option<Duration>) -> (Self, ServiceManager) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let service = ServiceManager::new(path.as_os_str(), watchdog).unwrap();
        (Self { socket, _folder: folder }, service)
    }

    fn take(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        std::iter::from_fn(|| self.socket.recv(&mut buffer).ok().map(|len| buffer[..len].to_vec()))
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .collect()
    }
}

fn standing(synchronised: bool, reason: &str) -> Standing {
    Standing { synchronised, bound_s: Some(1.5e-3), reason: reason.to_owned() }
}

fn at(seconds: f64) -> Mono {
    Mono::from_nanos(1_000_000_000).after(seconds)
}

#[test]
fn o9_ready_at_the_start_or_only_when_synchronised() {
    let (told, mut service) = Told::start(None);
    service.handle_turn(Ready::Started, at(0.0), || standing(false, "no source has answered"));
    assert_eq!(told.take(), ["STATUS=not synchronised: no source has answered", "READY=1"]);

    let (told, mut service) = Told::start(None);
    for second in 0..5 {
        service.handle_turn(Ready::Synchronised, at(f64::from(second)), || standing(false, "waiting"));
    }
    assert_eq!(told.take(), ["STATUS=not synchronised: waiting"]);
    service.handle_turn(Ready::Synchronised, at(5.0), || standing(true, "4 of 4 sources agree"));
    service.handle_turn(Ready::Synchronised, at(6.0), || panic!("nobody wants to know"));
    assert_eq!(
        told.take(),
        ["STATUS=synchronised, wrong by 1.500 ms at most: 4 of 4 sources agree", "READY=1"]
    );
}

#[test]
fn o9_the_status_is_one_line_and_told_when_it_changes() {
    let (told, mut service) = Told::start(None);
    service.handle_turn(Ready::Started, at(0.0), || standing(false, "a\nREADY=1"));
    assert_eq!(told.take(), ["STATUS=not synchronised: a READY=1", "READY=1"]);
    service.handle_turn(Ready::Started, at(11.0), || standing(false, "a\nREADY=1"));
    assert_eq!(told.take(), [""; 0]);
    service.handle_turn(Ready::Started, at(22.0), || standing(false, "b"));
    assert_eq!(told.take(), ["STATUS=not synchronised: b"]);
}

#[test]
fn o9_signs_of_life_come_twice_in_the_time_of_the_watchdog() {
    let (told, mut service) = Told::start(Some(Duration::from_secs(10)));
    let mut signs = 0;
    for tenth in 0..=300 {
        let now = at(f64::from(tenth) / 10.0);
        if service.poll_timeout().is_some_and(|due| due <= now) {
            service.handle_turn(Ready::Started, now, || standing(false, "a"));
            signs += told.take().iter().filter(|line| *line == "WATCHDOG=1").count();
        }
    }
    assert_eq!(signs, 7);
}

#[test]
fn o9_reloads_and_the_end_are_told() {
    let (told, mut service) = Told::start(None);
    service.handle_reload(at(0.0));
    service.handle_reloaded();
    assert_eq!(told.take(), [""; 0], "before it is ready, a reload is no news");
    service.handle_turn(Ready::Started, at(0.0), || standing(false, "a"));
    told.take();
    service.handle_reload(at(1.0));
    service.handle_reloaded();
    service.handle_end();
    assert_eq!(told.take(), ["RELOADING=1\nMONOTONIC_USEC=2000000", "READY=1", "STOPPING=1"]);
}

#[test]
fn o9_a_manager_that_is_gone_does_not_matter() {
    let (told, mut service) = Told::start(None);
    drop(told);
    service.handle_turn(Ready::Started, at(0.0), || standing(false, "a"));
    service.handle_end();
}

#[test]
fn o9_what_is_no_socket_is_refused() {
    for name in ["relative", "vsock:2:1234", "/a\0b"] {
        assert!(ServiceManager::new(OsStr::new(name), None).is_err(), "{name}");
    }
    assert!(ServiceManager::new(OsStr::new("@truechimer-abstract"), None).is_ok());
}
