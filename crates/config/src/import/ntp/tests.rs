use crate::import::tests::{hold, shown};
use crate::import::{Dialect, Imported, NoFiles, Verdict, import};
use crate::{Config, parse};

#[test]
fn a_file_of_everything_is_told_of_line_by_line() {
    let text = include_str!("../samples/ntp.conf");
    assert_eq!(Dialect::recognise("ntp.conf", text), Some(Dialect::Ntp));
    assert_eq!(Dialect::recognise("file", text), Some(Dialect::Ntp));
    let imported = import(text, "file", Dialect::Ntp, &NoFiles);
    hold(text, &imported);
    insta::assert_snapshot!(shown(&imported));
}

fn read(text: &str) -> Imported {
    let imported = import(text, "file", Dialect::Ntp, &NoFiles);
    hold(text, &imported);
    imported
}

fn config(text: &str) -> Config {
    parse(&read(text).toml, "").unwrap().config
}

#[test]
fn nobody_is_answered_whom_a_line_refuses() {
    let access = |text: &str| {
        let serve = config(text).engine.serve;
        let rules = serve.into_iter().flat_map(|serve| serve.access);
        rules
            .map(|r| format!("{}{}/{}", if r.allow { '+' } else { '-' }, r.network, r.prefix_len))
            .collect::<Vec<_>>()
    };
    assert!(access("restrict 192.0.2.0/24 noserve ntpport\n").contains(&"-192.0.2.0/24".to_owned()));
    assert!(access("restrict 192.0.2.0 mask 255.255.255.0 notrust\n").contains(&"-192.0.2.0/24".to_owned()));
    assert!(access("restrict default notrust\n").is_empty());
    // Without a line for everybody, everybody else is answered.
    assert!(access("restrict 10.0.0.0/8 ignore\n").contains(&"-10.0.0.0/8".to_owned()));
    for line in ["restrict bad.example ignore", "restrict 10.0.0.1 mask 255.0.255.255 noserve"] {
        let imported = read(&format!("{line}\nrestrict 192.0.2.0/24\ninterface listen 192.0.2.1\n"));
        assert_eq!(imported.lines[0].verdict, Verdict::Impossible, "{line}");
        assert!(!imported.toml.contains("\n[serve]"), "{}", imported.toml);
    }
    assert!(config("restrict friend.example\n").engine.serve.is_some());
}

#[test]
fn an_interface_that_is_left_out_is_not_served() {
    let listen = |text: &str| {
        let serve = config(text).engine.serve;
        serve.into_iter().flat_map(|serve| serve.listen).map(|place| format!("{place:?}")).collect::<Vec<_>>()
    };
    assert!(listen("interface ignore eth1\n").is_empty());
    assert!(listen("interface listen all\ninterface ignore eth1\n").is_empty());
    assert!(listen("interface listen eth1\ninterface drop eth1\n").is_empty());
    assert!(listen("interface listen eth0\ninterface ignore 192.0.2.1\n").is_empty());
    assert_eq!(listen("interface ignore eth1\ninterface listen 192.0.2.1\n").len(), 1);
    let two = listen("interface listen eth0\ninterface listen eth1\ninterface ignore eth1\n");
    assert!(!two.is_empty() && two.iter().all(|place| place.contains("eth0")), "{two:?}");
}

#[test]
fn no_step_is_made_that_ntpd_does_not_make() {
    let step = |text: &str| {
        let step = config(text).engine.clock.step;
        (step.first != Some(0)).then_some(step.above_s).flatten()
    };
    assert_eq!(step(""), Some(0.128));
    assert_eq!(step("tinker step 10\n"), Some(10.0));
    assert_eq!(step("tinker step 10\ntinker step 0\n"), None);
    assert_eq!(step("tinker step 0\ntinker step 10\n"), Some(10.0));
    assert_eq!(step("tinker stepfwd 5\n"), Some(5.0));
    assert_eq!(step("tinker stepback 0\n"), None);
    assert_eq!(step("tinker step 100000\n"), None);
}

#[test]
fn a_key_that_is_not_trusted_authenticates_nobody() {
    let noselect = |trusted: &str| {
        let text = format!("keys /k\nserver a.example key 7\n{trusted}\n");
        config(&text).engine.sources[0].options.noselect
    };
    assert!(noselect(""));
    assert!(noselect("trustedkey 1 2 (8 ... 10)"));
    assert!(!noselect("trustedkey 1 7"));
    assert!(!noselect("trustedkey (5 ... 10)"));
    assert_eq!(read("trustedkey (a ... 7)\n").worst(), Verdict::Wrong);
}

#[test]
fn o2_ntpq_on_this_machine_is_answered_as_ntpd_answered_it() {
    let ntpq = |text: &str| config(text).control.ntpq;
    assert!(ntpq("server a.example\n"));
    assert!(ntpq("restrict default noquery\nrestrict 127.0.0.1\n"));
    assert!(ntpq("restrict default nomodify\nrestrict 192.0.2.0/24 noquery\n"));
    assert!(!ntpq("restrict default ignore\n"));
    assert!(!ntpq("restrict 127.0.0.0/8 nomodify\nrestrict 127.0.0.1 noquery\n"));
}
