use super::*;

fn at(unix_s: i128) -> Cooked {
    Cooked::from_unix_nanos(unix_s * 1_000_000_000)
}

fn files(dir: &Path) -> StateFiles {
    StateFiles::new(&Paths {
        frequency_file: Some(dir.join("frequency")),
        state_dir: Some(dir.to_owned()),
        ..Paths::NONE
    })
}

fn load(dir: &Path) -> (Restored, Vec<String>) {
    let mut warnings = Vec::new();
    let restored = files(dir).load(&mut |warning| warnings.push(warning));
    (restored, warnings)
}

#[test]
fn what_was_saved_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let oscillator =
        Oscillator { frequency: -12.25e-6, frequency_sd: 3e-8, wander: 2.5e-10, ..Oscillator::default() };
    let mut state = files(dir.path());
    state.save_frequency(&oscillator).unwrap();
    state.save_time(at(1_800_000_000)).unwrap();
    state.save_stepped(NtpDuration::from_seconds(2.5)).unwrap();
    let (restored, warnings) = load(dir.path());
    let back = restored.oscillator.unwrap();
    assert!((back.frequency - oscillator.frequency).abs() < 1e-15);
    assert!((back.frequency_sd - oscillator.frequency_sd).abs() < 1e-15);
    assert!((back.wander - oscillator.wander).abs() < 1e-22);
    assert_eq!(restored.last_good_time, Some(at(1_800_000_000)));
    assert_eq!(restored.stepped_total, NtpDuration::from_seconds(2.5));
    assert!(warnings.is_empty(), "{warnings:?}");
    let text = std::fs::read_to_string(dir.path().join("frequency")).unwrap();
    assert_eq!(text, "truechimer-frequency 1 -12.250000000 0.030000000 2.5e-10\n");
}

#[test]
fn a_first_run_has_nothing_and_warns_of_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(load(dir.path()), (Restored::default(), Vec::new()));
}

#[test]
fn na_42_saved_time_never_moves_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = files(dir.path());
    state.save_time(at(1_800_000_000)).unwrap();
    state.save_time(at(1_700_000_000)).unwrap();
    assert_eq!(load(dir.path()).0.last_good_time, Some(at(1_800_000_000)));
    // Nor does a later run, which has read the file, move it back.
    let mut next_run = files(dir.path());
    next_run.load(&mut |_| {});
    next_run.save_time(at(1_750_000_000)).unwrap();
    assert_eq!(load(dir.path()).0.last_good_time, Some(at(1_800_000_000)));
}

#[test]
fn at_36_garbage_is_absent_with_a_warning() {
    let good = "truechimer-frequency 1 1.0 0.1 1e-9\n";
    assert!(parse_frequency(good).is_some());
    let torn: Vec<String> = (1..good.len()).map(|len| good[..len].to_owned()).collect();
    let bad = [
        "",
        "\n",
        "truechimer-frequency 2 1.0 0.1 1e-9\n",
        "truechimer-frequency 1 NaN 0.1 1e-9\n",
        "truechimer-frequency 1 inf 0.1 1e-9\n",
        "truechimer-frequency 1 1e9 0.1 1e-9\n",
        "truechimer-frequency 1 1.0 0 1e-9\n",
        "truechimer-frequency 1 1.0 -1 1e-9\n",
        "truechimer-frequency 1 1.0 0.1 1\n",
        "truechimer-frequency 1 1.0 0.1 1e-9 7\n",
        "truechimer-frequency 1 1.0 0.1 1e-9\nmore\n",
        "truechimer-time 1 5\n",
    ];
    for text in bad.iter().map(|text| (*text).to_owned()).chain(torn) {
        assert_eq!(parse_frequency(&text), None, "{text:?}");
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("frequency"), &text).unwrap();
        let (restored, warnings) = load(dir.path());
        assert_eq!(restored, Restored::default());
        assert_eq!(warnings.len(), 1, "{text:?}");
    }
    for text in
        ["truechimer-time 1 -5\n", "truechimer-time 1 1e9\n", "truechimer-time 1 99999999999999999999\n"]
    {
        assert_eq!(parse_time(text), None, "{text:?}");
    }
    for text in ["truechimer-stepped 1 -5\n", "truechimer-stepped 1 NaN\n", "truechimer-stepped 1\n"] {
        assert_eq!(parse_stepped(text), None, "{text:?}");
    }
}

#[test]
fn at_36_huge_and_binary_files_are_absent_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("frequency"), vec![b'1'; 1 << 20]).unwrap();
    std::fs::write(dir.path().join(TIME_FILE), [0xff, 0xfe, 0]).unwrap();
    std::fs::create_dir(dir.path().join(STEPPED_FILE)).unwrap();
    let (restored, warnings) = load(dir.path());
    assert_eq!(restored, Restored::default());
    assert_eq!(warnings.len(), 3, "{warnings:?}");
}

#[test]
fn at_36_a_file_that_cannot_be_written_is_named_and_the_old_one_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = StateFiles::new(&Paths {
        frequency_file: Some(dir.path().join("missing/frequency")),
        state_dir: Some(dir.path().join("missing")),
        ..Paths::NONE
    });
    assert_eq!(
        state.save_frequency(&Oscillator::default()).unwrap_err().path,
        dir.path().join("missing/frequency")
    );
    assert!(state.save_time(at(1_800_000_000)).is_err());
    // A failed write is tried again.
    assert!(state.save_time(at(1_800_000_000)).is_err());
}

#[test]
fn without_paths_nothing_is_touched() {
    let mut state = StateFiles::new(&Paths::NONE);
    assert_eq!(state.load(&mut |_| panic!("nothing to warn of")), Restored::default());
    state.save_frequency(&Oscillator::default()).unwrap();
    state.save_time(at(1_800_000_000)).unwrap();
    state.save_stepped(NtpDuration::from_seconds(1.0)).unwrap();
}

#[test]
fn what_chronyd_has_learned_is_the_start_until_there_is_a_file_of_our_own() {
    let dir = tempfile::tempdir().unwrap();
    let drift = dir.path().join("chrony.drift");
    let load = |text: &str| {
        std::fs::write(&drift, text).unwrap();
        let paths = Paths {
            chrony_drift_file: Some(drift.clone()),
            frequency_file: Some(dir.path().join("frequency")),
            ..Paths::NONE
        };
        let mut warnings = Vec::new();
        let restored = StateFiles::new(&paths).load(&mut |warning| warnings.push(warning));
        assert_eq!(std::fs::read_to_string(&drift).unwrap(), text, "it is only read");
        (
            restored.oscillator.map(|oscillator| (oscillator.frequency * 1e6, oscillator.frequency_sd * 1e6)),
            warnings.len(),
        )
    };
    let near = |found: (Option<(f64, f64)>, usize), ppm: f64, sd_ppm: f64| {
        let (frequency, sd) = found.0.unwrap();
        assert!((frequency - ppm).abs() < 1e-9 && (sd - sd_ppm).abs() < 1e-9 && found.1 == 0, "{found:?}");
    };
    // A clock that gains is held back. However sure chronyd was, we are not.
    near(load("           -12.500000             0.010000\n"), 12.5, 1.0);
    near(load("7.25 3.5"), -7.25, 3.5);
    near(load("0 1000000"), 0.0, MAX_PPM);
    // AT-36, by whoever can write chrony's folder.
    let long = "1 ".repeat(200);
    for hostile in
        ["", "7", "nan 1", "1 nan", "inf 1", "1 -1", "1e9 1", "1 1e7", "1 1 1", "\u{1b}[2J 1", "0x7 1", &long]
    {
        assert_eq!(load(hostile), (None, 1), "{hostile:?}");
    }
    // Ours counts as soon as it is there, damaged or not.
    std::fs::write(dir.path().join("frequency"), "truechimer-frequency 1 3 1 1e-9\n").unwrap();
    near(load("50 1\n"), 3.0, 1.0);
    std::fs::write(dir.path().join("frequency"), "torn").unwrap();
    assert_eq!(load("50 1\n"), (None, 1));
}
