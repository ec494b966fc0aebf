use std::ffi::OsString;

use super::*;
use crate::args::{self, Action};

fn load_quietly(args: &RunArgs) -> Result<Config, Unusable> {
    load(args, &mut |_| {})
}

fn chronyd(words: &[&str]) -> RunArgs {
    run(args::chronyd::parse(words.iter().map(OsString::from)).unwrap())
}

fn plainly(file: PathBuf) -> RunArgs {
    run(args::parse(["-f".into(), file.into()]).unwrap())
}

fn run(action: Action) -> RunArgs {
    match action {
        Action::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

#[test]
fn directives_take_the_place_of_the_file() {
    let config = load_quietly(&chronyd(&["server 192.0.2.1 iburst", "allow 192.0.2.0/24", "makestep 1 3"]));
    let config = config.map_err(|unusable| unusable.message).unwrap();
    assert_eq!(config.engine.sources.len(), 1);
    assert!(config.engine.serve.is_some());
    assert_eq!(config.engine.clock.step.first, Some(3));
}

#[test]
fn the_command_line_has_the_last_word() {
    let directives = ["server 192.0.2.1", "server 2001:db8::1", "server a.example", "allow", "makestep 1 3"];
    let with = |words: &[&str]| {
        let words: Vec<_> = words.iter().chain(&directives).copied().collect();
        load_quietly(&chronyd(&words)).map_err(|unusable| unusable.message).unwrap()
    };
    let four = with(&["-4", "-R", "-u", "nobody"]);
    assert_eq!(four.engine.sources.len(), 2);
    assert!(four.engine.sources.iter().all(|source| source.options.family == Some(Family::V4)));
    assert!(four.engine.serve.unwrap().listen.iter().all(|listener| listener.address.is_ipv4()));
    assert_eq!((four.engine.clock.step.first, four.user.as_deref()), (Some(0), Some("nobody")));
    let once = with(&["-q"]);
    assert!(
        once.engine.serve.is_none() && once.paths.run_dir.is_none() && once.engine.clock.step.first.is_none()
    );
}

#[test]
fn a_wrong_line_is_told_with_its_place_and_chronyds_status() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chrony.conf");
    std::fs::write(&file, "# ours\nserver a.example ibrust\n").unwrap();
    let unusable = load_quietly(&plainly(file)).err().unwrap();
    assert_eq!(unusable.status, EXIT_FAILURE);
    assert!(
        unusable.message.contains("chrony.conf:2:1") && unusable.message.contains("did you mean `iburst`?")
    );
    let missing = load_quietly(&chronyd(&["-f", "/nonexistent/chrony.conf"])).err().unwrap();
    assert_eq!(missing.status, EXIT_FAILURE);
}

#[test]
fn a_key_file_that_nobody_needs_may_be_missing() {
    let without = load_quietly(&chronyd(&["server a.example", "keyfile /nonexistent/chrony.keys"]));
    assert_eq!(without.map_err(|unusable| unusable.message).unwrap().paths.keys, None);
    let needed = load_quietly(&chronyd(&["server a.example key 1", "keyfile /nonexistent/chrony.keys"]));
    assert!(needed.err().unwrap().message.contains("cannot read the key file"));
}

#[test]
fn a_key_that_is_missing_is_told_at_the_line_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let (file, keys) = (folder.path().join("chrony.conf"), folder.path().join("keys"));
    std::fs::write(&keys, "1 AES128 HEX:00112233445566778899aabbccddeeff\n").unwrap();
    std::fs::write(&file, format!("keyfile {}\n\nserver a.example key 7\n", keys.display())).unwrap();
    let unusable = load_quietly(&plainly(file)).err().unwrap();
    assert!(unusable.message.contains("chrony.conf:3:1"), "{}", unusable.message);
}
