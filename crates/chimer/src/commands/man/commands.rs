//! chimer(1) and a page for each command.

use clap_mangen::Man;

use super::{Page, roff};
use crate::outcome::Failure;

/// For every page: what the help of a single command does not repeat.
const COMMON: &str = "\
.SH EXIT STATUS
.TP
.B 0
Everything is as asked.
.TP
.B 1
What was asked is not so, or could not be done.
.TP
.B 2
The command line or the configuration makes no sense.
.SH ENVIRONMENT
.TP
.B CHIMER_RUN_DIR
Folder of the daemon's sockets, if not /run/truechimer.
.TP
.B NO_COLOR
If set to anything, output is not coloured.
.SH FILES
.TP
.I /run/truechimer/observe.sock
Everybody may read reports here.
.TP
.I /run/truechimer/control.sock
Root and the daemon's group may give commands here.
.TP
.I /etc/truechimer/chimer.toml
The daemon's configuration.
.SH SEE ALSO
.BR chimer (1),
.BR chimerd (8),
.BR chimer.toml (5)
";

/// The page of one command.
pub(super) fn page(command: &clap::Command) -> Result<Page, Failure> {
    let source = concat!("Truechimer ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source).manual("Truechimer");
    let name = man.get_filename();
    let mut text = Vec::new();
    let mut write = || -> std::io::Result<()> {
        man.render_title(&mut text)?;
        man.render_name_section(&mut text)?;
        man.render_synopsis_section(&mut text)?;
        man.render_description_section(&mut text)?;
        man.render_options_section(&mut text)?;
        if command.has_subcommands() {
            man.render_subcommands_section(&mut text)?;
        }
        Ok(())
    };
    write().map_err(|error| Failure::new("internal", format!("the page {name} cannot be made: {error}")))?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let own_status = help.contains("\nExit status:\n");
    text.push_str(&roff::help_sections(&help));
    text.push_str(if own_status { after_status() } else { COMMON });
    Ok(Page { name, section: '1', text })
}

/// [`COMMON`] for a command that describes its exit status itself.
fn after_status() -> &'static str {
    COMMON.find(".SH ENVIRONMENT").and_then(|at| COMMON.get(at..)).unwrap_or(COMMON)
}
