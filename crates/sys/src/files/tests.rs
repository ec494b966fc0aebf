use std::os::unix::fs::symlink;

use super::*;
use crate::testing::in_own_process;

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_with_its_permissions() {
    let directory = directory();
    let path = directory.path().join("frequency");
    write_atomic(&path, b"one", 0o600).unwrap();
    write_atomic(&path, b"two", 0o666).unwrap();
    assert_eq!(read_bounded(&path, 3).unwrap(), b"two");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666, "whatever the umask is");
    assert_eq!(names(directory.path()), ["frequency"]);
}

#[test]
fn reading_has_a_limit_and_takes_regular_files_only() {
    let directory = directory();
    let path = directory.path().join("file");
    fs::write(&path, b"12345").unwrap();
    assert_eq!(read_bounded(&path, 5).unwrap().len(), 5);
    assert_eq!(read_bounded(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert!(read_bounded(directory.path(), 5).is_err());
    assert!(read_bounded(Path::new("/dev/zero"), 5).is_err());
    assert_eq!(read_bounded(&directory.path().join("none"), 5).unwrap_err().kind(), io::ErrorKind::NotFound);

    let pipe = directory.path().join("pipe");
    let name = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
    // SAFETY: the pointer is to a string that ends in zero.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert!(read_bounded(&pipe, 5).is_err(), "and does not wait for a writer");
}

/// NA-33 (2020-14367): whoever can write into the directory cannot make us write elsewhere.
#[test]
fn na_33_state_files_symlink_safe() {
    let directory = directory();
    let victim = directory.path().join("victim");
    fs::write(&victim, b"precious").unwrap();
    let path = directory.path().join("frequency");
    symlink(&victim, &path).unwrap();
    symlink(&victim, directory.path().join(".frequency.new")).unwrap();
    write_atomic(&path, b"state", 0o644).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert!(!fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(fs::read(&path).unwrap(), b"state");
    assert_eq!(names(directory.path()), ["frequency", "victim"]);
}

/// AT-36: a write that fails leaves the old file and nothing else. The disk is "full" by a limit on the size of files,
/// which belongs to the process.
#[test]
fn at_36_full_disk_keeps_the_old_file() {
    in_own_process("files::tests::at_36_full_disk_keeps_the_old_file", || {
        let directory = directory();
        let path = directory.path().join("frequency");
        write_atomic(&path, b"old", 0o644).unwrap();
        let limit = libc::rlimit { rlim_cur: 4096, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: the pointer is to a complete structure; ignoring a signal runs no code.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0);
        }
        write_atomic(&path, &[7; 10_000], 0o644).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["frequency"]);
        write_atomic(&path, b"new", 0o644).expect("and it recovers");
    });
}

/// AT-36: no write at all is possible. Being root does not help: `/proc` takes no new files from anybody.
#[test]
fn at_36_read_only_file_system_is_an_error() {
    assert!(write_atomic(Path::new("/proc/truechimer"), b"state", 0o644).is_err());
    assert!(write_atomic(Path::new("/"), b"state", 0o644).is_err());
    let directory = directory();
    assert!(write_atomic(&directory.path().join("absent/frequency"), b"state", 0o644).is_err());
}

/// AT-36: a crash in the middle of a write leaves a torn temporary file; it is in nobody's way.
#[test]
fn at_36_torn_write_is_cleared_away() {
    let directory = directory();
    let path = directory.path().join("frequency");
    write_atomic(&path, b"old", 0o644).unwrap();
    fs::write(directory.path().join(".frequency.new"), b"ne").unwrap();
    assert_eq!(read_bounded(&path, 100).unwrap(), b"old");
    write_atomic(&path, b"new", 0o644).unwrap();
    assert_eq!(read_bounded(&path, 100).unwrap(), b"new");
    assert_eq!(names(directory.path()), ["frequency"]);
}

#[test]
fn directories_are_made_once_and_files_are_not_taken_for_them() {
    let directory = directory();
    let path = directory.path().join("run");
    ensure_directory(&path, 0o755).unwrap();
    ensure_directory(&path, 0o700).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
    fs::write(directory.path().join("file"), b"").unwrap();
    assert!(ensure_directory(&directory.path().join("file"), 0o755).is_err());
}

#[test]
fn a_secret_is_for_its_owner_and_its_group_alone() {
    let directory = directory();
    let path = directory.path().join("keys");
    write_secret(&path, b"one").unwrap();
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    assert_eq!(read_secret(&path, 3).unwrap(), (b"one".to_vec(), false));
    for (before, after) in [(0o644, 0o640), (0o640, 0o640), (0o666, 0o660), (0o755, 0o640), (0o400, 0o400)] {
        fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
        assert_eq!(read_secret(&path, 3).unwrap().1, before & 4 != 0, "{before:o}");
        write_secret(&path, b"two").unwrap();
        assert_eq!(mode(), after, "{before:o}");
    }
    assert_eq!(names(directory.path()), ["keys"]);
}

#[test]
fn a_secret_behind_a_link_is_replaced_where_it_is() {
    let directory = directory();
    fs::create_dir(directory.path().join("real")).unwrap();
    let real = directory.path().join("real/keys");
    fs::write(&real, b"one").unwrap();
    let link = directory.path().join("keys");
    symlink(&real, &link).unwrap();
    write_secret(&link, b"two").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"two");
    assert_eq!(names(real.parent().unwrap()), ["keys"]);
}

/// NA-33 (2020-14367): whoever can write into the folder of a log cannot make us write elsewhere, nor wait.
#[test]
fn na33_what_is_appended_to_is_no_link_and_no_pipe() {
    let directory = directory();
    let path = directory.path().join("log");
    for line in ["one\n", "two\n"] {
        open_append(&path, 0o600).unwrap().write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let link = directory.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(open_append(&link, 0o600).is_err());
    symlink(directory.path().join("none"), directory.path().join("dangling")).unwrap();
    assert!(open_append(&directory.path().join("dangling"), 0o600).is_err());
    assert!(!directory.path().join("none").exists());

    let pipe = directory.path().join("pipe");
    let name = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
    // SAFETY: the name ends in zero.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert!(open_append(&pipe, 0o600).is_err());
    let _reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&pipe).unwrap();
    assert!(open_append(&pipe, 0o600).is_err());
    open_append(Path::new("/dev/null"), 0o600).unwrap();
}
