use super::super::tests::{config, verdict};
use super::{integer, number, unsigned};
use crate::import::Verdict;

#[test]
fn numbers_are_those_of_c() {
    for (word, value) in [
        ("5", Some(5)),
        ("+5", Some(5)),
        ("010", Some(10)),
        ("5abc", Some(5)),
        ("0x10", Some(0)),
        ("2147483648", Some(-2_147_483_648)),
        ("4294967296", Some(0)),
        ("99999999999999999999", Some(-1)),
        ("-99999999999999999999", Some(0)),
        ("--1", None),
        ("abc", None),
        ("\u{663}", None),
        ("", None),
    ] {
        assert_eq!(integer(word), value, "{word}");
    }
    assert_eq!((unsigned("-1"), unsigned("4294967297")), (Some(u32::MAX), Some(1)));
    for (word, value) in [
        ("1.5", Some(1.5)),
        (".5", Some(0.5)),
        ("5.", Some(5.0)),
        ("1,5", Some(1.0)),
        ("1e3s", Some(1000.0)),
        ("-2e-1", Some(-0.2)),
        ("-Infinity", Some(f64::NEG_INFINITY)),
        ("1e400", Some(f64::INFINITY)),
        ("0x10", None),
        (".", None),
        ("x", None),
        ("", None),
    ] {
        assert_eq!(number(word), value, "{word}");
    }
    assert!(number("nan").is_some_and(f64::is_nan));
}

/// Compared line by line with `chronyd -p` of chrony 4.3 and 4.6.1.
#[test]
fn what_chronyd_refuses_is_wrong_and_nothing_else_is() {
    for line in [
        "allow 10.",
        "allow 10..1",
        "deny .10",
        "allow 256",
        "allow 1.2.3.4.",
        "allow ALL",
        "allow all all",
        "allow *",
        "allow 2001:db8",
        "allow fe80::1%lo",
        "allow [::1]",
        "allow 1.2.3.4#x",
        "refclock PPS /dev/pps0 foo",
        "refclock PPS x refid GPSXX",
        "refclock PPS x poll",
        "refclock PPS x delay x",
        "refclock PPS x stratum 16",
        "refclock PPS x poll 3.5",
        "refclock PPS x lock",
        "hwtimestamp eth0 foo",
        "hwtimestamp eth0 rxfilter foo",
        "hwtimestamp eth0 rxcomp x",
        "hwtimestamp eth0 maxsamples",
        "tempcomp /f 30",
        "tempcomp /f 30 26000 0 0.000183",
        "tempcomp /f 30 a b c d",
        "tempcomp /f 30 1 2 3 4 5",
        "smoothtime 400 0.01 foo",
        "broadcast 30 localhost",
        "driftfile /x foo",
        "ntsaeads 1 x",
        "ntsrefresh .5",
        "log Measurements",
        "cmdallow 10.",
        "cmddeny ALL",
        "cmdallow 1.2.3.4 all",
        "cmddeny 1.2.3.4/8x",
        "cmdratelimit kod 2",
        "ntsratelimit kod 2",
        "local stratum 0",
        "local stratum 16",
        "server a key 0",
        "server a key 4294967296",
        "server a extfield 1",
        "server a minpoll 5abc",
        "makestep 1.0x 3",
        "maxchange 1 2x 3",
        "fallbackdrift 1x 2",
        "confdir /0 /1 /2 /3 /4 /5 /6 /7 /8 /9 /10",
        "server\u{a0}a",
        "\u{a0}server a",
        "server\u{2003}a",
    ] {
        assert_eq!(verdict(line), Verdict::Wrong, "{line}");
    }
    for line in [
        "maxdistance 1e400",
        "maxdistance 3s",
        "minsources 2x",
        "minsources 99999999999999999999",
        "makestep 1 3x",
        "maxchange 1 2 3x",
        "port -1",
        "port 65536",
        "cmdport 70000",
        "commandkey",
        "commandkey a b",
        "dumponexit now",
        "generatecommandkey SHA1 160",
        "linux_hz",
        "linux_freq_scale x y",
        "ntsaeads",
        "sourcedir",
        "sourcedir /0 /1 /2 /3 /4 /5 /6 /7 /8 /9 /10",
        "cmdallow all 10.1/16",
        "cmddeny host.example",
        "cmdallow",
        "initstepslew 10x a",
        "ntstrustedcerts 0x /f",
        "ntstrustedcerts -1 /f",
        "server a key -1",
        "server a port 70000",
        "refclock PPS /dev/pps0 lock NMEA rate 5 REFID GPS",
        "refclock SHM 0:perm=0644 poll 3 offset -0.1 noselect",
        "hwtimestamp * minpoll 1 txcomp 1e-7 nocrossts rxfilter NTP",
        "tempcomp /f 30 26000 0 0.000183 0",
        "tempcomp /f 30 /p",
        "smoothtime 400 0.01 LEAPONLY",
        "driftfile /x",
        "server\u{b}a",
        "server a extfield F323",
        "log",
        "broadcast 30 192.0.2.255 123",
        "local stratum 15",
        "server a\r",
    ] {
        assert!(verdict(line) < Verdict::Wrong, "{line}");
    }
}

#[test]
fn a_line_is_not_longer_than_chronyd_reads() {
    for (length, wrong) in [(2047, false), (2048, true)] {
        assert_eq!(verdict(&format!("#{}", "x".repeat(length - 1))) == Verdict::Wrong, wrong, "{length}");
    }
    assert_eq!(verdict(&format!("#{}\n", "x".repeat(2046))), Verdict::Wrong);
}

#[test]
fn intervals_that_chronyd_does_not_have_are_the_usual_ones() {
    let poll = |options: &str| {
        let options = config(&format!("server a.example {options}\n")).engine.sources.remove(0).options;
        (options.min_poll.exponent(), options.max_poll.exponent())
    };
    assert_eq!(poll("minpoll -8"), (6, 10));
    assert_eq!(poll("minpoll 4 maxpoll -99999"), (4, 10));
    assert_eq!(poll("minpoll 8 maxpoll 4"), (8, 8));
    assert_eq!(poll("maxpoll 4"), (6, 6));
}
