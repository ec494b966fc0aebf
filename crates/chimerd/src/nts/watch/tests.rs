use std::fs;

use super::*;

#[test]
fn files_are_taken_when_they_have_changed_and_settled() {
    let dir = tempfile::tempdir().unwrap();
    let [chain, key] = ["chain", "key"].map(|name| dir.path().join(name));
    let mut files = Watched::new(vec![chain.clone(), key.clone()]);
    assert!(!files.look(), "one look does not tell whether they change");
    assert!(files.look(), "they were never taken, not even missed");
    files.take();
    assert!(!files.look() && !files.look() && !files.is_changing());

    fs::write(&chain, "new").unwrap();
    assert!(!files.look() && files.is_changing());
    fs::write(&key, "new").unwrap();
    assert!(!files.look() && files.is_changing(), "it is still being replaced");
    assert!(files.look());
    files.take();
    assert!(!files.look() && !files.is_changing());

    // As renewal tools do it: the link changes, and nothing else.
    let other = dir.path().join("other");
    fs::write(&other, "new").unwrap();
    fs::remove_file(&chain).unwrap();
    std::os::unix::fs::symlink(&other, &chain).unwrap();
    files.look();
    assert!(files.look());
}
