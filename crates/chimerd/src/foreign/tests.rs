use super::*;

#[test]
fn files_and_folders_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("a.conf"), b"# caf\xe9\nserver a.example\n").unwrap();
    std::fs::write(path("large"), vec![b' '; MAX_BYTES + 1]).unwrap();
    assert_eq!(Disk.read(&path("a.conf")).unwrap(), "# caf\u{fffd}\nserver a.example\n");
    assert!(Disk.read(&path("large")).is_err());
    assert_eq!(Disk.read(&path("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    let mut names = Disk.list(&folder.path().display().to_string()).unwrap();
    names.sort();
    assert_eq!(names, ["a.conf", "large"]);
    assert!(Disk.list(&path("none")).is_err());
}
