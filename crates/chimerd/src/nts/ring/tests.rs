use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use truechimer_nts::Keys;
use truechimer_nts::aead::Algorithm;
use truechimer_time::Cooked;

use super::*;

const DAY_S: f64 = 86_400.0;
/// Some day in 2026.
const START_S: f64 = 1_790_000_000.0;

/// A keeper with its clock, and what it says.
struct Bench {
    dir: tempfile::TempDir,
    said: Vec<(Priority, String)>,
    /// Seconds since the start.
    time_s: f64,
    /// By how much the calendar is off.
    off_s: f64,
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), said: Vec::new(), time_s: 100.0, off_s: 0.0 }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("key-ring")
    }

    fn now(&self) -> Now {
        let unix_s = START_S + self.time_s + self.off_s;
        Now {
            mono: Mono::default().after(self.time_s),
            cooked: Cooked::from_unix_nanos((unix_s * 1e9) as i128),
        }
    }

    fn config(&self, rotate_s: Option<f64>) -> ServeNts {
        let ring = RingOrigin::File { path: Some(self.path()), rotate_s };
        ServeNts { key_exchange: None, ring, keep: 2 }
    }

    fn start(&mut self, config: &ServeNts) -> RingKeeper {
        let now = self.now();
        RingKeeper::start(config, None, now, &mut |priority, text| self.said.push((priority, text)))
    }

    /// Goes on for so long, looking every ten seconds or when the keeper wants to; how often there was another ring.
    fn run(&mut self, keeper: &mut RingKeeper, seconds: f64, time_known: bool) -> usize {
        let end = self.time_s + seconds;
        let mut changes = 0;
        while self.time_s < end {
            self.time_s += (seconds / 200.0).max(5.0);
            let now = self.now();
            let mut say = |priority, text| self.said.push((priority, text));
            changes += usize::from(keeper.poll_change(now, time_known, &mut say));
        }
        changes
    }

    fn complaints(&self) -> Vec<&str> {
        let worse = |(priority, _): &&(Priority, String)| *priority <= Priority::Warning;
        self.said.iter().filter(worse).map(|(_, text)| text.as_str()).collect()
    }
}

fn id(keeper: &RingKeeper) -> u32 {
    keeper.ring().unwrap().current_id()
}

fn cookie(keeper: &RingKeeper) -> Vec<u8> {
    let keys = Keys::new(Algorithm::AesSivCmac256, &[1; 32], &[2; 32]).unwrap();
    let cookie = keeper.ring().unwrap().seal_cookie(&keys, &mut fresh_random().unwrap()).unwrap();
    cookie.as_bytes().to_vec()
}

fn opens(keeper: &RingKeeper, cookie: &[u8]) -> bool {
    keeper.ring().unwrap().open_cookie(cookie).is_ok()
}

#[test]
fn a_ring_is_made_kept_private_and_found_again() {
    let mut bench = Bench::new();
    let config = bench.config(Some(DAY_S));
    let keeper = bench.start(&config);
    assert!(keeper.is_for(&config) && !keeper.is_for(&bench.config(None)));
    assert_eq!(fs::metadata(bench.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let cookie = cookie(&keeper);
    let again = bench.start(&config);
    assert!(opens(&again, &cookie));
    assert_eq!((id(&again), bench.said.len()), (id(&keeper), 0));
    // Nothing on the disk: another ring each time.
    let memory = ServeNts { ring: RingOrigin::File { path: None, rotate_s: Some(DAY_S) }, ..config };
    let (one, other) = (bench.start(&memory), bench.start(&memory));
    assert_ne!(id(&one), id(&other));
    assert_eq!(fs::read_dir(bench.dir.path()).unwrap().count(), 1);
}

#[test]
fn at_22_keys_change_on_schedule_and_restarts_do_not_put_that_off() {
    let mut bench = Bench::new();
    let config = bench.config(Some(DAY_S));
    let mut keeper = bench.start(&config);
    let (first, old) = (id(&keeper), cookie(&keeper));
    for day in 1..=2 {
        // Twice a day it is started again.
        assert_eq!(bench.run(&mut keeper, DAY_S / 2.0, true), 0);
        keeper = bench.start(&config);
        assert_eq!(bench.run(&mut keeper, DAY_S / 2.0 + 1000.0, true), 1);
        assert_eq!(id(&keeper), first.wrapping_add(day));
        assert!(opens(&keeper, &old), "day {day}");
        bench.time_s -= 1000.0;
    }
    bench.run(&mut keeper, DAY_S + 1000.0, true);
    assert!(!opens(&keeper, &old), "two rotations, and no more");
    assert_eq!(bench.complaints(), [""; 0]);
    // A server that was off for a month has no old keys left.
    bench.time_s += 30.0 * DAY_S;
    let recent = cookie(&keeper);
    keeper = bench.start(&config);
    assert_eq!(bench.run(&mut keeper, 20.0, true), 1);
    assert!(!opens(&keeper, &recent));
}

#[test]
fn a_clock_that_is_not_known_to_be_right_makes_no_cookie_void() {
    let mut bench = Bench::new();
    let config = bench.config(Some(DAY_S));
    let mut keeper = bench.start(&config);
    let old = cookie(&keeper);
    bench.off_s = 70.0 * 365.0 * DAY_S;
    assert_eq!(bench.run(&mut keeper, DAY_S / 2.0, false), 0);
    bench.off_s = -50.0 * 365.0 * DAY_S;
    assert_eq!(bench.run(&mut keeper, DAY_S / 4.0, false), 0);
    assert!(opens(&keeper, &old));
    // But keys do not live for ever for want of a source.
    assert_eq!(bench.run(&mut keeper, DAY_S, false), 1);
    assert!(opens(&keeper, &old));
    bench.off_s = 0.0;
    bench.run(&mut keeper, 100.0, true);
    assert!(opens(&keeper, &old));
}

/// A machine without a battery clock makes its first keys in 1970, and is started again after its clock was set.
#[test]
fn a_restart_after_the_clock_was_set_makes_no_cookie_void() {
    for off_s in [-START_S, 70.0 * 365.0 * DAY_S] {
        let mut bench = Bench::new();
        let config = bench.config(Some(DAY_S));
        bench.off_s = off_s;
        let mut keeper = bench.start(&config);
        let old = cookie(&keeper);
        bench.run(&mut keeper, 60.0, false);
        bench.off_s = 0.0;
        bench.run(&mut keeper, DAY_S / 2.0, true);
        let first = id(&keeper);
        keeper = bench.start(&config);
        assert_eq!(bench.run(&mut keeper, DAY_S / 4.0, true), 0, "the key is not a day old");
        assert!(opens(&keeper, &old));
        assert_eq!(bench.run(&mut keeper, DAY_S / 4.0 + 1000.0, true), 1, "and now it is");
        assert_eq!(id(&keeper), first.wrapping_add(1));
        assert!(opens(&keeper, &old));
    }
}

#[test]
fn at_36_garbage_is_a_new_ring_with_a_warning() {
    let mut bench = Bench::new();
    let config = bench.config(Some(DAY_S));
    let good = bench.start(&config).ring().unwrap().write();
    for (garbage, what) in [
        (&b""[..], "something else"),
        (b"\xff\x00garbage", "something else"),
        (&good.as_bytes()[..good.len() / 2], "damaged"),
        (b"truechimer-key-ring 1\n", "cut off"),
        (b"truechimer-key-ring 2\n", "another version"),
        (&[b'x'; 100_000], "too long"),
    ] {
        fs::write(bench.path(), garbage).unwrap();
        bench.said.clear();
        let keeper = bench.start(&config);
        let said = bench.complaints().join("\n");
        assert!(said.contains(what) && said.contains("new keys are made"), "{said}");
        assert!(!said.contains("truechimer-key-ring"), "nothing of the file is shown");
        let written = fs::read(bench.path()).unwrap();
        assert_eq!(written, keeper.ring().unwrap().write().as_bytes(), "a new ring is in its place");
    }
}

#[test]
fn at_36_what_cannot_be_written_is_said_once_and_the_keys_go_on() {
    let mut bench = Bench::new();
    let ring =
        RingOrigin::File { path: Some(bench.dir.path().join("missing/key-ring")), rotate_s: Some(600.0) };
    let config = ServeNts { ring, ..bench.config(None) };
    let mut keeper = bench.start(&config);
    let old = cookie(&keeper);
    assert_eq!(bench.run(&mut keeper, 1000.0, true), 1);
    assert!(opens(&keeper, &old));
    let complaints = bench.complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].contains("cannot write the key ring"), "{complaints:?}");
}

#[test]
fn na_33_a_link_in_the_place_of_the_ring_is_replaced_and_not_followed() {
    let mut bench = Bench::new();
    let victim = bench.dir.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, bench.path()).unwrap();
    symlink(&victim, bench.dir.path().join(".key-ring.new")).unwrap();
    let config = bench.config(Some(DAY_S));
    bench.start(&config);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(fs::symlink_metadata(bench.path()).unwrap().is_file());
}

#[test]
fn a_ring_that_others_can_read_draws_a_warning() {
    let mut bench = Bench::new();
    let config = bench.config(Some(DAY_S));
    bench.start(&config);
    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o644)).unwrap();
    bench.start(&config);
    assert!(bench.complaints()[0].contains("chmod 600"), "{:?}", bench.said);
}

#[test]
fn servers_that_share_a_file_accept_each_others_cookies() {
    let mut bench = Bench::new();
    let (leads, follows) = (bench.config(Some(DAY_S)), bench.config(None));
    let mut follower = bench.start(&follows);
    assert!(follower.ring().is_none());
    assert!(bench.complaints()[0].contains("not there yet"), "{:?}", bench.said);
    let mut leader = bench.start(&leads);
    assert_eq!(bench.run(&mut follower, 60.0, true), 1);
    assert_eq!(id(&follower), id(&leader));
    for _ in 0..5 {
        bench.run(&mut leader, DAY_S, true);
        // The leader is ahead for a moment, and the follower opens its cookies all the same: it has the next key.
        assert!(opens(&follower, &cookie(&leader)));
        bench.run(&mut follower, 60.0, true);
        assert_eq!(id(&follower), id(&leader));
        assert!(opens(&leader, &cookie(&follower)));
    }
    // A copy that was cut off on its way changes nothing, and who makes the keys puts it right.
    let before = id(&follower);
    fs::write(bench.path(), "truechimer-key-ring 1\nnext").unwrap();
    assert_eq!(bench.run(&mut follower, 60.0, true), 0);
    assert_eq!(id(&follower), before);
    bench.run(&mut leader, 60.0, true);
    assert_eq!(*read_ring(&bench.path(), 2).ok().unwrap().write(), *leader.ring().unwrap().write());
}

#[test]
fn a_fleet_derives_the_same_keys_from_one_secret() {
    let mut bench = Bench::new();
    let secret = bench.dir.path().join("secret");
    let config = ServeNts {
        key_exchange: None,
        ring: RingOrigin::Master { path: secret.clone(), rotate_s: DAY_S },
        keep: 2,
    };
    let mut early = bench.start(&config);
    assert!(early.ring().is_none());
    assert!(bench.complaints()[0].contains("cannot read the master secret"), "{:?}", bench.said);
    fs::write(&secret, "short\n").unwrap();
    bench.run(&mut early, 60.0, true);
    assert!(bench.complaints()[1].contains("fewer than 32 bytes"), "{:?}", bench.said);
    fs::write(&secret, format!("{}\n", "s3cret".repeat(8))).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(bench.run(&mut early, 60.0, true), 1);

    // Another server of the fleet, whose file ends otherwise and whose clock is ten minutes off.
    let (mut other, elsewhere) = (Bench::new(), early.path().unwrap().to_owned());
    fs::write(other.dir.path().join("secret"), "s3cret".repeat(8)).unwrap();
    assert_eq!(elsewhere, secret);
    let path = other.dir.path().join("secret");
    other.time_s = bench.time_s;
    other.off_s = 600.0;
    let mut late = other.start(&ServeNts { ring: RingOrigin::Master { path, rotate_s: DAY_S }, ..config });
    for _ in 0..4 {
        assert!(opens(&late, &cookie(&early)) && opens(&early, &cookie(&late)));
        assert_eq!(bench.run(&mut early, DAY_S, true), 1);
        assert_eq!(other.run(&mut late, DAY_S, true), 1);
    }
    let files: Vec<_> = fs::read_dir(bench.dir.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing but the secret is on the disk");
}
