use super::*;

fn read(words: &[&str]) -> Result<Action, ArgsError> {
    parse(words.iter().map(OsString::from))
}

fn run(words: &[&str]) -> (RunArgs, Chronyd) {
    match read(words).unwrap() {
        Action::Run(run) => (run.clone(), *run.chronyd.unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_option_of_chronyd_is_understood() {
    let (args, said) =
        run(&["-4", "-d", "-n", "-f", "/x.conf", "-u", "chrony", "-t", "30", "-l", "/log", "-L", "1"]);
    assert_eq!(
        (args.config.to_str(), args.dialect, args.debug),
        (Some("/x.conf"), Some(Dialect::Chrony), false)
    );
    assert_eq!(
        (said.family, said.timeout, said.user.as_deref()),
        (Some(Family::V4), Some(Duration::from_secs(30)), Some("chrony"))
    );
    assert_eq!((said.log_file, said.log_level), (Some(PathBuf::from("/log")), 1));
    let (args, said) = run(&["-6xddR"]);
    assert!(args.observe && args.debug && said.no_step && said.family == Some(Family::V6));
    let (args, said) = run(&["-Q", "server a.example iburst", "port 0"]);
    assert!(args.observe && said.once == Some(Once::Tell));
    assert_eq!(said.directives, ["server a.example iburst", "port 0"]);
    assert_eq!(run(&["-q"]).1.once, Some(Once::Set));
    assert_eq!(run(&[]).0.config.to_str(), Some(DEFAULT_CONFIG));
    assert_eq!(run(&["-f/y", "-F1", "-P", "5", "-rsmU"]).0.config.to_str(), Some("/y"));
    let said = run(&["-F", "1", "-P", "5", "-rsmU"]).1;
    assert_eq!((said.remarks.len(), said.priority, said.lock_memory), (4, Some(5), true));
    for (words, foreground, on_terminal) in
        [(&[][..], false, false), (&["-n"], true, false), (&["-d"], true, true), (&["-q"], true, true)]
    {
        let said = run(words).1;
        assert_eq!((said.foreground, said.on_terminal), (foreground, on_terminal), "{words:?}");
    }
    assert!(matches!(read(&["-p"]), Ok(Action::PrintConfig(_))));
    assert!(matches!(read(&["-v"]), Ok(Action::Print(text)) if text.starts_with("chronyd (")));
    assert!(matches!(read(&["--help"]), Ok(Action::Print(text)) if text == HELP));
}

#[test]
fn mistakes_are_named() {
    let message = |words: &[&str]| read(words).unwrap_err().to_string();
    assert_eq!(message(&["-t"]), "-t wants a value after it");
    assert_eq!(message(&["-t", "soon"]), "-t wants a number of seconds, not soon");
    assert_eq!(message(&["-L", "4"]), "-L wants a level from 0 to 3, not 4");
    assert_eq!(message(&["-P", "101"]), "-P wants a priority from 0 to 100, not 101");
    assert_eq!(message(&["-Z"]), "there is no option -Z");
    assert_eq!(message(&["--nonsense"]), "there is no option --nonsense");
}
