use crate::import::tests::{hold, shown};
use crate::import::{Dialect, NoFiles, import};

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
