use std::ffi::CStr;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::clock::read_mono;
use crate::role::{Confinement, Heard, Inside, Program, Role, Waiting};

const MAX: usize = 1000;
const DUTIES: [(&str, Duty); 3] = [("serve", Duty::Serve), ("call", Duty::Call), ("resolve", Duty::Resolve)];

fn open(path: &CStr, flags: libc::c_int) -> libc::c_int {
    // SAFETY: the path ends in zero.
    unsafe { libc::open(path.as_ptr(), flags, 0o600) }
}

fn socket(family: libc::c_int) -> libc::c_int {
    // SAFETY: no pointers are passed.
    unsafe { libc::socket(family, libc::SOCK_STREAM, 0) }
}

/// No kernel sets this clock, whoever asks.
fn set_clock() -> libc::c_int {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a structure.
    unsafe { libc::clock_settime(libc::CLOCK_MONOTONIC, &raw const time) }
}

fn become_another() -> libc::c_int {
    let nothing = [std::ptr::null()];
    // SAFETY: the path ends in zero, and the lists in a null pointer.
    unsafe { libc::execve(c"/bin/true".as_ptr(), nothing.as_ptr(), nothing.as_ptr()) }
}

fn look_into_others() -> libc::c_int {
    // SAFETY: a length of zero: nothing is read or written.
    let result = unsafe { libc::process_vm_readv(1, std::ptr::null(), 0, std::ptr::null(), 0, 0) };
    result as libc::c_int
}

fn code_in_memory() -> libc::c_int {
    let (access, kind) = (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: new memory, wherever the kernel likes.
    let place = unsafe { libc::mmap(std::ptr::null_mut(), 4096, access, kind, -1, 0) };
    if place == libc::MAP_FAILED { -1 } else { 0 }
}

/// What is tried, and what comes of it under each duty: an error, or none. Those of files that are landlock's alone are
/// at the end.
type Trial = (&'static str, fn() -> libc::c_int, [libc::c_int; 3]);
const TRIALS: [Trial; 10] = [
    ("set a clock", set_clock, [libc::EPERM; 3]),
    ("start a program", become_another, [libc::EPERM; 3]),
    ("look into others", look_into_others, [libc::EPERM; 3]),
    ("make code", code_in_memory, [libc::EPERM, libc::EPERM, 0]),
    ("an IP socket", || socket(libc::AF_INET), [libc::EPERM, 0, 0]),
    ("a unix socket", || socket(libc::AF_UNIX), [libc::EPERM, libc::EPERM, 0]),
    ("read the system", || open(c"/etc/passwd", libc::O_RDONLY), [libc::EPERM, 0, 0]),
    ("write", || open(c"/dev/null", libc::O_RDWR), [libc::EPERM, libc::EPERM, 0]),
    ("read elsewhere", || open(c"/dev/zero", libc::O_RDONLY), [libc::EPERM, libc::EACCES, 0]),
    ("write elsewhere", || open(c"/dev/full", libc::O_WRONLY), [libc::EPERM, libc::EPERM, libc::EACCES]),
];
const OF_LANDLOCK: usize = 2;

fn has_landlock() -> bool {
    const VERSION: libc::c_int = 1;
    // SAFETY: with this flag no attributes are read.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, VERSION) > 0 }
}

/// Runs as the role when the tests start it, and is empty otherwise: tries everything and tells the errors.
#[test]
fn inside_the_confined_role() {
    let Some(name) = std::env::var_os("SYS_TEST_DUTY") else { return };
    let duty = DUTIES.into_iter().find(|(other, _)| name == *other).map(|(_, duty)| duty);
    let confinement = Confinement { duty, ..Confinement::default() };
    let inside = Inside::enter(&confinement, Waiting::Blocks, MAX).unwrap();
    let tried = TRIALS.map(|(_, trial, _)| match trial() {
        -1 => std::io::Error::last_os_error().raw_os_error().unwrap() as u8,
        _ => 0,
    });
    inside.send(&tried).unwrap();
    let _ = inside.receive();
}

#[test]
fn at_49_a_role_can_do_what_it_is_for_and_nothing_else() {
    let tried = if has_landlock() { TRIALS.len() } else { TRIALS.len() - OF_LANDLOCK };
    for (place, (name, _)) in DUTIES.into_iter().enumerate() {
        let program = Program::new(move || {
            let mut command = Command::new("/proc/self/exe");
            command.args(["role::sandbox::tests::inside_the_confined_role", "--exact", "--test-threads=1"]);
            command.env("SYS_TEST_DUTY", name);
            command
        });
        let mut role = Role::start(program, MAX).unwrap();
        let start = Instant::now();
        let errors = loop {
            match role.hear(read_mono().unwrap()) {
                Heard::Message(errors) => break errors,
                heard => assert_eq!(heard, Heard::Nothing, "{name}"),
            }
            assert!(start.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        };
        for ((what, _, expected), error) in TRIALS.iter().zip(errors).take(tried) {
            assert_eq!(i32::from(error), expected[place], "{name}: {what}");
        }
    }
}
