use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_speaks_json_and_has_examples() {
    for command in Cli::command().get_subcommands() {
        let json = command.get_arguments().any(|argument| argument.get_long() == Some("json"));
        assert!(json || command.has_subcommands(), "{} has no --json", command.get_name());
        assert!(command.get_about().is_some(), "{}", command.get_name());
    }
}

#[test]
fn wrong_words_are_refused_with_advice() {
    for (line, kind) in [
        ("chimer statsu", ErrorKind::InvalidSubcommand),
        ("chimer status --jsno", ErrorKind::UnknownArgument),
        ("chimer status extra", ErrorKind::UnknownArgument),
        ("chimer wait --bound 10", ErrorKind::ValueValidation),
        ("chimer wait --timeout -1s", ErrorKind::UnknownArgument),
        ("chimer status --socket a --run-dir b", ErrorKind::ArgumentConflict),
        ("chimer completions tcsh", ErrorKind::InvalidValue),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.kind(), kind, "{line}: {error}");
        assert_eq!(error.exit_code(), 2, "{line}");
    }
    assert!(parse("chimer statsu").unwrap_err().to_string().contains("'status'"));
    assert!(parse("chimer wait --bound 10").unwrap_err().to_string().contains("10ms"));
}
