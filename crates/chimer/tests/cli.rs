//! The command line as a user sees it: help, mistakes, and the examples of the manual. The files in `tests/cmd` and the
//! blocks marked `console` in `docs/commands.md` are run as they stand; `TRYCMD=overwrite cargo test -p chimer --test cli`
//! writes them anew, to be read by a human before they are committed.

#[test]
fn help_mistakes_and_examples() {
    trycmd::TestCases::new()
        .env("CHIMER_RUN_DIR", "/nonexistent")
        .env("NO_COLOR", "1")
        .case("tests/cmd/*.trycmd")
        .case("../../docs/commands.md");
}
