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

#[test]
fn an_access_list_that_is_not_read_answers_nobody() {
    for text in ["ntp access-group peer 10\nntp master\n", "ntp master\nntp access-group peer 10\n"] {
        let imported = import(text, "file", Dialect::Cisco, &NoFiles);
        assert!(!imported.toml.contains("\n[serve]"), "{}", imported.toml);
        assert!(imported.toml.contains("stratum = 8"), "{}", imported.toml);
    }
}
