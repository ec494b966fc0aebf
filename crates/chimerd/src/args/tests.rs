use super::*;

fn read(words: &[&str]) -> Result<Action, ArgsError> {
    parse(words.iter().map(OsString::from))
}

#[test]
fn nothing_said_runs_the_default_configuration() {
    let run = RunArgs { config: PathBuf::from(DEFAULT_CONFIG), observe: false, debug: false };
    assert_eq!(read(&[]), Ok(Action::Run(run)));
}

#[test]
fn every_option_is_read() {
    let run = RunArgs { config: PathBuf::from("a.toml"), observe: true, debug: true };
    assert_eq!(read(&["-x", "-f", "a.toml", "-d"]), Ok(Action::Run(run.clone())));
    assert_eq!(read(&["-dxf", "a.toml"]), Ok(Action::Run(run.clone())));
    assert_eq!(read(&["--observe", "--config=a.toml", "--debug"]), Ok(Action::Run(run)));
    assert_eq!(read(&["--check", "--config", "b"]), Ok(Action::Check(PathBuf::from("b"))));
    assert_eq!(read(&["--version", "--nonsense"]), Ok(Action::Version));
    assert_eq!(read(&["-h"]), Ok(Action::Help));
    for (name, role) in [
        ("resolver", Role::Resolver),
        ("ke-client", Role::KeyExchangeClient),
        ("ke-server", Role::KeyExchangeServer),
    ] {
        assert_eq!(read(&[&format!("--role={name}")]), Ok(Action::Role(role)));
    }
}

#[test]
fn mistakes_are_named() {
    let message = |words: &[&str]| read(words).unwrap_err().to_string();
    assert_eq!(message(&["-f"]), "-f wants a file name after it");
    assert_eq!(message(&["-f", ""]), "-f wants a file name after it");
    assert_eq!(message(&["-xq"]), "there is no option -xq");
    assert_eq!(message(&["-fx", "a"]), "there is no option -fx");
    assert_eq!(message(&["--config="]), "--config= wants a file name after it");
    assert_eq!(message(&["--observer"]), "there is no option --observer");
    assert!(message(&["chimer.toml"]).contains("-f chimer.toml"));
}
