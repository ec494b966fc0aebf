use super::*;
use crate::testing::in_own_process;

/// A line of the calling thread's status.
fn status(field: &str) -> String {
    let text = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_once(':').unwrap().1.trim().to_owned()
}

fn capabilities(field: &str) -> u64 {
    u64::from_str_radix(&status(field), 16).unwrap()
}

fn is_root() -> bool {
    // SAFETY: no pointers are passed.
    unsafe { libc::geteuid() == 0 }
}

#[test]
fn another_user_keeps_what_was_asked_for_and_no_more() {
    in_own_process("privileges::tests::another_user_keeps_what_was_asked_for_and_no_more", || {
        if !is_root() {
            assert!(drop_to("root", false, false).is_err());
            return;
        }
        let had = capabilities("CapPrm");
        drop_to("nobody", false, true).unwrap();
        let expected = had & (1 << CAP_NET_BIND_SERVICE);
        assert_eq!(capabilities("CapEff"), expected);
        assert_eq!(capabilities("CapPrm"), expected);
        assert_eq!(capabilities("CapInh"), 0);
        assert_eq!(capabilities("CapBnd") & !expected, 0);
        assert_eq!(capabilities("CapAmb"), 0);
        let ids: Vec<_> = status("Uid").split_whitespace().map(str::to_owned).collect();
        assert!(ids.iter().all(|id| id != "0"), "{ids:?}");
        assert!(!status("Groups").split_whitespace().any(|group| group == "0"));
        // SAFETY: no pointers are passed.
        assert_ne!(unsafe { libc::setuid(0) }, 0);
        clear_capabilities().unwrap();
        assert_eq!(capabilities("CapPrm"), 0);
    });
}

#[test]
fn the_clock_can_be_kept_if_it_was_there() {
    in_own_process("privileges::tests::the_clock_can_be_kept_if_it_was_there", || {
        let had = capabilities("CapPrm");
        if is_root() {
            drop_to("nobody", true, false).unwrap();
            assert_eq!(capabilities("CapEff"), had & (1 << CAP_SYS_TIME));
        }
        clear_capabilities().unwrap();
        assert_eq!(capabilities("CapEff") | capabilities("CapPrm"), 0);
    });
}

#[test]
fn a_role_has_nothing_left() {
    in_own_process("privileges::tests::a_role_has_nothing_left", || {
        let descriptors = Some(40);
        // SAFETY: no pointers are passed.
        let priority = || unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
        let before = priority();
        enter_role(&Confinement { nice: 7, alone: true, descriptors, duty: None }).unwrap();
        assert!(!is_root());
        assert_eq!(capabilities("CapPrm") | capabilities("CapEff"), 0);
        assert_eq!(status("NoNewPrivs"), "1");
        assert_eq!(priority(), (before + 7).min(19));
        // SAFETY: no pointers are passed.
        assert_eq!(unsafe { libc::prctl(libc::PR_GET_DUMPABLE) }, 0);
        for (what, most) in [
            (libc::RLIMIT_CORE, 0),
            (libc::RLIMIT_FSIZE, 0),
            (libc::RLIMIT_NPROC, 0),
            (libc::RLIMIT_NOFILE, 40),
        ] {
            // SAFETY: the pointer is to a local structure.
            let limit = unsafe {
                let mut limit: libc::rlimit = std::mem::zeroed();
                assert_eq!(libc::getrlimit(what, &raw mut limit), 0);
                limit
            };
            assert_eq!((limit.rlim_cur, limit.rlim_max), (most, most));
        }
    });
}

#[test]
fn an_unknown_user_is_an_error() {
    let error = drop_to("no-such-user-here", false, false).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(drop_to("nul\0", false, false).is_err());
}

#[test]
fn what_is_given_belongs_to_the_user_and_links_are_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("file"), directory.path().join("link"));
    std::fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(give_to("no-such-user-here", &file).is_err());
    give_to("nobody", &link).unwrap();
    let owner = |path: &Path| std::os::unix::fs::MetadataExt::uid(&std::fs::symlink_metadata(path).unwrap());
    if is_root() {
        assert_ne!(owner(&link), 0);
        assert_eq!(owner(&file), 0);
        give_to("nobody", &file).unwrap();
        assert_eq!(owner(&file), owner(&link));
    }
}
