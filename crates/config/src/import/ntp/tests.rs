use crate::import::tests::{hold, shown};
use crate::import::{Dialect, NoFiles, import};

#[test]
fn a_file_of_everything_is_told_of_line_by_line() {
    let text = include_str!("../samples/ntp.conf");
    assert_eq!(Dialect::recognise("ntp.conf", text), Some(Dialect::Ntp));
    assert_eq!(Dialect::recognise("file", text), Some(Dialect::Ntp));
    let imported = import(text, "file", Dialect::Ntp, &NoFiles);
    hold(text, &imported);
    insta::assert_snapshot!(shown(&imported));
}
