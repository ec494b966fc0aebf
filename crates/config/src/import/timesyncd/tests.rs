use std::collections::BTreeMap;

use crate::import::tests::{Disk, hold, shown};
use crate::import::{Dialect, Imported, NoFiles, Verdict, import};

#[test]
fn a_file_of_everything_is_told_of_line_by_line() {
    let text = include_str!("../samples/timesyncd.conf");
    assert_eq!(Dialect::recognise("timesyncd.conf", text), Some(Dialect::Timesyncd));
    assert_eq!(Dialect::recognise("file", text), Some(Dialect::Timesyncd));
    let imported = import(text, "file", Dialect::Timesyncd, &NoFiles);
    hold(text, &imported);
    insta::assert_snapshot!(shown(&imported));
}

/// Debian's file says nothing else, and what it would be imported as has no source.
#[test]
fn a_file_that_names_no_server_is_not_taken_over_in_silence() {
    let imported = import("[Time]\n#NTP=\n", "file", Dialect::Timesyncd, &NoFiles);
    hold("[Time]\n#NTP=\n", &imported);
    assert!(
        shown(&imported).starts_with("file:1 not yet | [Time]\n    no server is named"),
        "{}",
        shown(&imported)
    );
}

fn read(text: &str) -> Imported {
    let imported = import(text, "file", Dialect::Timesyncd, &NoFiles);
    hold(text, &imported);
    imported
}

#[test]
fn what_timesyncd_leaves_out_starts_all_the_same() {
    for line in ["NTPP=a", "NTP", "RootDistanceMaxSec=soon", "PollIntervalMinSec=8", "PollIntervalMaxSec=16"]
    {
        let imported = read(&format!("[Time]\nNTP=a.example\n{line}\n"));
        assert_eq!(imported.lines[2].verdict, Verdict::Impossible, "{line}");
        assert!(imported.toml.contains("poll = { min = 5, max = 11 }"), "{}", imported.toml);
        assert!(imported.toml.contains("max_distance = \"5s\""), "{}", imported.toml);
    }
    let imported = read("[Time]\nNTP=a.example \\\n# between\n  b.example\nRootDistanceMaxSec=infinity\n");
    assert!(imported.toml.contains("a.example") && imported.toml.contains("b.example"), "{}", imported.toml);
    assert!(imported.toml.contains("max_distance = \"16s\""), "{}", imported.toml);
}

#[test]
fn files_beside_it_are_read_in_the_order_of_their_names() {
    let files = Disk(BTreeMap::from([
        ("/etc/systemd/timesyncd.conf.d/20.conf", "[Time]\nNTP=etc.example\n"),
        ("/usr/lib/systemd/timesyncd.conf.d/10.conf", "[Time]\nNTP=lib.example\n"),
        ("/usr/lib/systemd/timesyncd.conf.d/20.conf", "[Time]\nNTP=hidden.example\n"),
        ("/run/systemd/timesyncd.conf.d/15.conf", "[Time]\nNTP=\nNTP=run.example\n"),
        ("/run/systemd/timesyncd.conf.d/30.conf/x", ""),
    ]));
    let imported =
        import("[Time]\nNTP=main.example\n", "/etc/systemd/timesyncd.conf", Dialect::Timesyncd, &files);
    let servers: Vec<_> = imported.toml.lines().filter(|line| line.starts_with("server")).collect();
    assert_eq!(servers, ["server = \"run.example\"", "server = \"etc.example\""]);
    assert!(shown(&imported).contains("30.conf"), "{}", shown(&imported));
}
