use crate::import::tests::{hold, shown};
use crate::import::{Dialect, NoFiles, import};

#[test]
fn a_file_of_everything_is_told_of_line_by_line() {
    let text = include_str!("../samples/ntp.toml");
    assert_eq!(Dialect::recognise("ntp.toml", text), Some(Dialect::NtpdRs));
    assert_eq!(Dialect::recognise("file", text), Some(Dialect::NtpdRs));
    let imported = import(text, "file", Dialect::NtpdRs, &NoFiles);
    hold(text, &imported);
    insta::assert_snapshot!(shown(&imported));
}
