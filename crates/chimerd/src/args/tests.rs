use super::*;

fn ours(config: &str, both: bool) -> RunArgs {
    RunArgs {
        config: PathBuf::from(config),
        dialect: None,
        observe: both,
        debug: both,
        role_sockets: None,
        chronyd: None,
    }
}

fn read(words: &[&str]) -> Result<Action, ArgsError> {
    parse(words.iter().map(OsString::from))
}

#[test]
fn nothing_said_runs_the_default_configuration() {
    let run = ours(DEFAULT_CONFIG, false);
    assert_eq!(read(&[]), Ok(Action::Run(run)));
}

#[test]
fn every_option_is_read() {
    let run = ours("a.toml", true);
    assert_eq!(read(&["-x", "-f", "a.toml", "-d"]), Ok(Action::Run(run.clone())));
    assert_eq!(read(&["-dxf", "a.toml"]), Ok(Action::Run(run.clone())));
    assert_eq!(read(&["--observe", "--config=a.toml", "--debug"]), Ok(Action::Run(run)));
    assert_eq!(read(&["--check", "--config", "b"]), Ok(Action::Check(ours("b", false))));
    assert_eq!(read(&["--version", "--nonsense"]), Ok(Action::Version));
    let chrony = RunArgs { dialect: Some(Dialect::Chrony), ..ours("b", false) };
    assert_eq!(read(&["--dialect", "chrony", "-f", "b"]), Ok(Action::Run(chrony.clone())));
    assert_eq!(read(&["--dialect=chrony", "-f", "b"]), Ok(Action::Run(chrony)));
    assert_eq!(read(&["-h"]), Ok(Action::Help));
    for (name, role) in [
        ("resolver", Role::Resolver),
        ("ke-client", Role::KeyExchangeClient),
        ("ke-server", Role::KeyExchangeServer),
    ] {
        let name = format!("--role={name}");
        let alone = RoleArgs { role, daemon: None, sandbox: true };
        assert_eq!(read(&[&name]), Ok(Action::Role(alone)));
        let called = RoleArgs { role, daemon: Some("ntp".into()), sandbox: false };
        assert_eq!(read(&[&name, "--daemon=ntp", "--no-sandbox"]), Ok(Action::Role(called)));
        assert!(read(&[&name, "--daemon="]).is_err() && read(&[&name, "-x"]).is_err());
    }
    let units = RunArgs { role_sockets: Some("/run/roles".into()), ..ours("a", false) };
    assert_eq!(read(&["-f", "a", "--role-sockets", "/run/roles"]), Ok(Action::Run(units)));
}

#[test]
fn mistakes_are_named() {
    let message = |words: &[&str]| read(words).unwrap_err().to_string();
    assert_eq!(message(&["-f"]), "-f wants a file name after it");
    assert_eq!(message(&["-f", ""]), "-f wants a file name after it");
    assert_eq!(message(&["--role-sockets"]), "--role-sockets wants a folder after it");
    assert_eq!(message(&["-xq"]), "there is no option -xq");
    assert_eq!(message(&["-fx", "a"]), "there is no option -fx");
    assert!(message(&["--dialect", "c"]).starts_with("--dialect wants one of chrony, ntp,"));
    assert_eq!(message(&["--config="]), "--config= wants a file name after it");
    assert_eq!(message(&["--observer"]), "there is no option --observer");
    assert!(message(&["chimer.toml"]).contains("-f chimer.toml"));
}
