use std::os::unix::fs::PermissionsExt;

use super::*;

fn args(dir: &Path, interface: &str, servers: &[&str]) -> LeaseArgs {
    LeaseArgs {
        interface: interface.into(),
        servers: servers.iter().map(|&server| server.into()).collect(),
        by: "dhclient".into(),
        dir: dir.join("leases"),
        daemon: DaemonArgs { run_dir: Some(dir.join("run")), socket: None },
        output: OutputArgs { json: true },
    }
}

fn files_in(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir.join("leases")).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn what_a_network_names_becomes_a_file_and_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let leased = take_over(&args(dir, "eth0", &["192.0.2.1 192.0.2.2,time.example"])).unwrap();
    assert_eq!((leased.servers, leased.changed, leased.reloaded), (3, true, false));
    let path = dir.join("leases/dhclient-eth0.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("server = \"192.0.2.1\"\n") && text.contains("on eth0"), "{text}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    // The same again changes nothing; another teller's is another file.
    assert!(!take_over(&args(dir, "eth0", &["192.0.2.1", "192.0.2.2", "time.example"])).unwrap().changed);
    let other = LeaseArgs { by: "networkmanager".into(), ..args(dir, "eth0", &["192.0.2.1"]) };
    assert!(take_over(&other).unwrap().changed);
    assert_eq!(files_in(dir), ["dhclient-eth0.toml", "networkmanager-eth0.toml"]);
    assert!(take_over(&args(dir, "eth0", &[""])).unwrap().changed);
    assert!(!take_over(&args(dir, "eth0", &[])).unwrap().changed);
    assert_eq!(files_in(dir), ["networkmanager-eth0.toml"]);
}

#[test]
fn a_hostile_network_gets_four_servers_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let hostile =
        "$(reboot) `id` ;rm -rf / \"]\n[daemon] ../../etc/passwd 192.0.2.1\u{0}x 224.0.0.1 fe80::1%eth0 -h";
    let leased = take_over(&args(dir, "eth0", &[hostile])).unwrap();
    assert_eq!((leased.servers, leased.left_out), (0, 12), "{hostile}");
    assert!(files_in(dir).is_empty());
    let many: Vec<String> = (0..100_000).map(|index| format!("s{index}.example")).collect();
    assert_eq!(take_over(&args(dir, "eth0", &[&many.join(" ")])).unwrap().servers, 4);
    for interface in ["", ".", "..", "../x", "a/b", "-x", "a b", "0123456789abcdef", "eth0\n", "eth0\u{e9}"] {
        let refused = take_over(&args(dir, interface, &["192.0.2.1"]));
        assert_eq!(refused.map_err(|failure| failure.status).unwrap_err(), 2, "{interface:?}");
    }
    for by in ["", "../x", "a-b", "-"] {
        let args = LeaseArgs { by: by.into(), ..args(dir, "eth0", &["192.0.2.1"]) };
        assert!(take_over(&args).is_err(), "{by:?}");
    }
    assert_eq!(files_in(dir), ["dhclient-eth0.toml"]);
}

#[test]
fn a_link_that_somebody_laid_in_the_way_is_replaced_and_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (folder, target) = (dir.join("leases"), dir.join("target"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&target, "mine").unwrap();
    for name in ["dhclient-eth0.toml", ".dhclient-eth0.toml.new"] {
        std::os::unix::fs::symlink(&target, folder.join(name)).unwrap();
    }
    assert!(take_over(&args(dir, "eth0", &["192.0.2.1"])).unwrap().changed);
    assert_eq!(std::fs::read_to_string(target).unwrap(), "mine");
    assert!(folder.join("dhclient-eth0.toml").symlink_metadata().unwrap().is_file());
}

/// Hooks of one interface can run at the same time, of NetworkManager and by hand for one.
#[test]
fn two_at_a_time_leave_a_whole_file() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::thread::scope(|scope| {
        for teller in 1..=3 {
            scope.spawn(move || {
                for turn in 0..15 {
                    let server = format!("192.0.2.{}", teller + 3 * turn);
                    take_over(&args(dir, "eth0", &[&server])).unwrap();
                }
            });
        }
    });
    assert_eq!(files_in(dir), ["dhclient-eth0.toml"]);
    let text = std::fs::read_to_string(dir.join("leases/dhclient-eth0.toml")).unwrap();
    assert_eq!(text.matches("server = \"192.0.2.").count(), 1, "{text}");
}
