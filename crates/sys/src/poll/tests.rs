use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::*;

#[test]
fn timeouts_are_rounded_up_and_bounded() {
    assert_eq!(milliseconds(Duration::ZERO), 0);
    assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
    assert_eq!(milliseconds(Duration::from_millis(7)), 7);
    assert_eq!(milliseconds(Duration::from_micros(7_001)), 8);
    assert_eq!(milliseconds(Duration::MAX), c_int::MAX);
}

#[test]
fn readiness_is_told_for_the_right_descriptor() {
    let (mut near, far) = UnixStream::pair().unwrap();
    let mut set = PollSet::new();
    let quiet = set.push(near.as_raw_fd(), Interest::Read);
    let loud = set.push(far.as_raw_fd(), Interest::Read);
    let never = set.push(-1, Interest::ReadWrite);
    near.write_all(b"x").unwrap();
    set.wait(Some(Duration::from_secs(5))).unwrap();
    assert!(!set.readable(quiet) && set.readable(loud) && !set.readable(never));
    assert!(!set.error(loud) && !set.writable(loud));
    assert!(!set.readable(17), "an index that is not there is never ready");

    set.clear();
    let index = set.push(near.as_raw_fd(), Interest::ReadWrite);
    set.wait(None).unwrap();
    assert!(set.writable(index) && !set.readable(index));
}

#[test]
fn the_other_end_closing_is_readable() {
    let (near, far) = UnixStream::pair().unwrap();
    drop(far);
    let mut set = PollSet::new();
    let index = set.push(near.as_raw_fd(), Interest::Read);
    set.wait(Some(Duration::from_secs(5))).unwrap();
    assert!(set.readable(index));
}

#[test]
fn an_empty_set_sleeps_for_the_time_given() {
    let start = Instant::now();
    let mut set = PollSet::new();
    set.wait(Some(Duration::ZERO)).unwrap();
    set.wait(Some(Duration::from_millis(20))).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(20));
}
