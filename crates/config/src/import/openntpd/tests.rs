use crate::import::tests::{hold, shown};
use crate::import::{Dialect, NoFiles, import};

#[test]
fn a_file_of_everything_is_told_of_line_by_line() {
    let text = include_str!("../samples/ntpd.conf");
    assert_eq!(Dialect::recognise("ntpd.conf", text), Some(Dialect::Openntpd));
    assert_eq!(Dialect::recognise("file", text), Some(Dialect::Openntpd));
    let imported = import(text, "file", Dialect::Openntpd, &NoFiles);
    hold(text, &imported);
    insta::assert_snapshot!(shown(&imported));
}

#[test]
fn the_clock_steps_no_more_than_before() {
    let imported = import("server a.example\n", "file", Dialect::Openntpd, &NoFiles);
    let clock = crate::parse(&imported.toml, "").unwrap().config.engine.clock;
    assert_eq!((clock.step.first, clock.panic.forward_s), (Some(0), None));
}
