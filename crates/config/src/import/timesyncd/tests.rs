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
