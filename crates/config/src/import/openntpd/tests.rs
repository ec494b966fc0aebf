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
