use super::*;

fn page(name: &str) -> String {
    pages().unwrap().into_iter().find(|page| page.name == name).unwrap_or_else(|| panic!("no {name}")).text
}

#[test]
fn every_command_has_a_page_that_teaches() {
    for subcommand in Cli::command().get_subcommands() {
        let text = page(&format!("chimer-{}.1", subcommand.get_name()));
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "FILES", "SEE ALSO"] {
            assert_eq!(
                text.matches(&format!(".SH {section}\n")).count()
                    + text.matches(&format!(".SH \"{section}\"\n")).count(),
                1,
                "{section} of {}",
                subcommand.get_name()
            );
        }
    }
    assert!(page("chimer.1").contains(".SH EXAMPLES"));
}

#[test]
fn every_key_of_the_configuration_is_described() {
    let text = page("chimer.toml.5");
    for key in truechimer_config::reference::KEYS {
        assert!(text.contains(key.name), "{}", key.name);
    }
}

#[test]
fn roff_is_escaped() {
    assert_eq!(roff::escape(".a\n'b\\c-d"), "\\&.a\n\\&'b\\ec\\-d");
    assert_eq!(
        roff::help_sections("Examples:\n  a -b\n\nA note."),
        ".SH NOTES\n.PP\nA note.\n.SH EXAMPLES\n.nf\n  a \\-b\n.fi\n"
    );
}

#[test]
fn pages_are_written_into_their_sections() {
    let folder = tempfile::tempdir().unwrap();
    let args = ManArgs {
        page: "chimer.1".into(),
        out: Some(folder.path().to_owned()),
        output: OutputArgs { json: false },
    };
    let outcome = man(&args).unwrap();
    for file in ["man1/chimer.1", "man1/chimer-sources.1", "man5/chimer.toml.5", "man8/chimerd.8"] {
        assert!(folder.path().join(file).is_file(), "{file}");
        assert!(outcome.text.contains(file));
    }
}

#[test]
fn an_unknown_page_is_a_usage_error() {
    let args = ManArgs { page: "nonsense.9".into(), out: None, output: OutputArgs { json: false } };
    let failure = man(&args).unwrap_err();
    assert_eq!(failure.status, crate::outcome::USAGE);
    assert!(failure.hint.unwrap().contains("chimer.toml.5"));
}
#[test]
fn the_daemon_s_page_has_the_daemon_s_options() {
    let text = page("chimerd.8").replace("\\-", "-");
    assert!(!text.contains('@'), "the version is filled in");
    for option in chimerd::args::HELP.split_whitespace().filter(|word| word.starts_with("--")) {
        assert!(text.contains(option.trim_end_matches([',', '.'])), "{option} is not described");
    }
}
