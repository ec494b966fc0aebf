use crate::import::tests::{hold, shown};
use crate::import::{Dialect, NoFiles, import};

#[test]
fn a_file_of_everything_is_told_of_line_by_line() {
    let text = include_str!("../samples/cisco.txt");
    assert_eq!(Dialect::recognise("cisco.txt", text), Some(Dialect::Cisco));
    assert_eq!(Dialect::recognise("file", text), Some(Dialect::Cisco));
    let imported = import(text, "file", Dialect::Cisco, &NoFiles);
    hold(text, &imported);
    insta::assert_snapshot!(shown(&imported));
}
