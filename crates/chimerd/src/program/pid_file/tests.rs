use super::*;

#[test]
fn the_number_stands_there_while_it_runs_and_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pid");
    let file = PidFile::write(&path, None).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
    // Our own number may be left from before a reboot.
    drop(PidFile::write(&path, None).unwrap());
    assert!(!path.exists());
    // What another has written since is not ours to remove.
    fs::write(&path, "1\n").unwrap();
    drop(file);
    assert!(path.exists());
}

#[test]
fn a_process_that_runs_keeps_others_out_and_everything_else_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pid");
    let parent = std::os::unix::process::parent_id();
    fs::write(&path, format!(" {parent}\n")).unwrap();
    let fault = PidFile::write(&path, None).unwrap_err();
    assert!(fault.contains("may already be running") && fault.contains(&parent.to_string()), "{fault}");
    for stale in ["4194304999", "0", "-1", "", "a daemon", "7 ".repeat(60).as_str()] {
        fs::write(&path, stale).unwrap();
        drop(PidFile::write(&path, None).unwrap());
    }
    assert!(PidFile::write(Path::new("/nonexistent/pid"), None).unwrap_err().contains("cannot write"));
}
