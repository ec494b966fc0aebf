//! The command line of `chronyd`, for scripts and units that call us by that name.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use truechimer_config::import::Dialect;

use super::{Action, ArgsError, RunArgs};

#[cfg(test)]
mod tests;

/// Where the configuration is when nothing is said: Debian's place.
pub const DEFAULT_CONFIG: &str = "/etc/chrony/chrony.conf";

/// What `--help` prints.
pub const HELP: &str = "\
chronyd: chimerd, called by this name, with chronyd's options and chrony.conf

Usage: chronyd [OPTION]... [DIRECTIVE]...

  -f FILE   configuration [default: /etc/chrony/chrony.conf]; DIRECTIVEs take its place
  -4, -6    use IPv4 or IPv6 only
  -q, -Q    set the clock once and exit, which needs CAP_SYS_TIME; with -Q only say how wrong it is
  -t SECS   exit after so many seconds, with status 1 if the clock is not synchronised
  -x        measure and serve, but never touch the clock
  -p        print the configuration and exit
  -u USER   become this user after the start
  -l FILE   write the journal into this file
  -L LEVEL  leave out lines below: 0 nothing, 1 information, 2 warnings, 3 errors
  -R        do not step the clock at the start
  -n        stay in the foreground
  -d        the same, and write the journal to standard error; -d -d says more
  -m        lock the daemon into memory
  -P PRIO   run before everything less urgent (SCHED_FIFO), 1 to 99; 0 does not
  -r, -s, -F LEVEL, -U   are understood, and what happens instead is said
  -v, -h    print the version, or this, and exit

Without -d, -n, -q and -Q it goes into the background: the command ends with 0 when the daemon runs,
and writes its journal to the system's log.

Exit status: 0 clean end, 1 anything else.
";

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What to do once before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once {
    /// Set the clock (`-q`).
    Set,
    /// Say how wrong it is (`-Q`).
    Tell,
}

/// What chronyd's command line says beside what ours can say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chronyd {
    /// Directives that take the place of the file.
    pub directives: Vec<String>,
    /// The only family to use.
    pub family: Option<Family>,
    /// Do one thing and exit.
    pub once: Option<Once>,
    /// Exit after this time.
    pub timeout: Option<Duration>,
    /// Whom to become, whatever the configuration says.
    pub user: Option<String>,
    /// Where the journal goes.
    pub log_file: Option<PathBuf>,
    /// Lines below this severity, 0 to 3, are left out.
    pub log_level: u8,
    /// No step at the start.
    pub no_step: bool,
    /// Lock the daemon into memory.
    pub lock_memory: bool,
    /// The priority under `SCHED_FIFO`, whatever the configuration says.
    pub priority: Option<u8>,
    /// Not into the background (`-n`, and by `-d`, `-q` and `-Q`).
    pub foreground: bool,
    /// The journal goes to standard error (`-d`, and by `-q` and `-Q`), not into the system's log.
    pub on_terminal: bool,
    /// Options that do nothing here, each with what happens instead.
    pub remarks: Vec<&'static str>,
}

/// Reads the arguments that follow the program's name. Letters may stand together; a value may follow its letter at once.
///
/// # Errors
/// As [`parse`](super::parse).
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Action, ArgsError> {
    let mut run = RunArgs {
        config: PathBuf::from(DEFAULT_CONFIG),
        dialect: Some(Dialect::Chrony),
        observe: false,
        debug: false,
        role_sockets: None,
        chronyd: None,
    };
    let mut said = Chronyd::default();
    let (mut print, mut verbosity) = (false, 0);
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let Some(text) = arg.to_str() else {
            return Err(ArgsError(format!("cannot understand the argument {}", arg.display())));
        };
        match text {
            "-h" | "--help" => return Ok(Action::Print(HELP.into())),
            "-v" | "--version" => {
                let version = env!("CARGO_PKG_VERSION");
                return Ok(Action::Print(format!(
                    "chronyd (chimerd {version}, for chrony.conf of chrony 4)\n"
                )));
            }
            _ => {}
        }
        let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            said.directives.push(text.to_owned());
            continue;
        };
        if letters.starts_with('-') {
            return Err(ArgsError(format!("there is no option {text}")));
        }
        let mut rest = letters;
        while let Some(letter) = rest.chars().next() {
            rest = rest.get(letter.len_utf8()..).unwrap_or("");
            if "ftulLPF".contains(letter) {
                let value = if rest.is_empty() { args.next() } else { Some(OsString::from(rest)) };
                let value = value.filter(|value| !value.is_empty());
                let value = value.ok_or_else(|| ArgsError(format!("-{letter} wants a value after it")))?;
                with_value(letter, value, &mut run, &mut said)?;
                break;
            }
            match letter {
                'd' => {
                    verbosity += 1;
                    said.on_terminal = true;
                }
                'p' => print = true,
                'x' => run.observe = true,
                _ => plain(letter, &mut said)?,
            }
        }
    }
    run.debug = verbosity > 1;
    run.observe |= said.once == Some(Once::Tell);
    said.on_terminal |= said.once.is_some();
    said.foreground |= said.on_terminal;
    run.chronyd = Some(Box::new(said));
    Ok(if print { Action::PrintConfig(run) } else { Action::Run(run) })
}

fn with_value(letter: char, value: OsString, run: &mut RunArgs, said: &mut Chronyd) -> Result<(), ArgsError> {
    let text = value.to_string_lossy().into_owned();
    match letter {
        'f' => run.config = PathBuf::from(value),
        'l' => said.log_file = Some(PathBuf::from(value)),
        'u' => said.user = Some(text),
        't' => match text.parse::<f64>() {
            Ok(seconds) if (0.0..=1e9).contains(&seconds) => {
                said.timeout = Some(Duration::from_secs_f64(seconds))
            }
            _ => return Err(ArgsError(format!("-t wants a number of seconds, not {text}"))),
        },
        'L' => match text.parse::<u8>() {
            Ok(level) if level <= 3 => said.log_level = level,
            _ => return Err(ArgsError(format!("-L wants a level from 0 to 3, not {text}"))),
        },
        'P' => match text.parse::<u8>() {
            Ok(priority) if priority <= 100 => said.priority = Some(priority.min(99)),
            _ => return Err(ArgsError(format!("-P wants a priority from 0 to 100, not {text}"))),
        },
        _ => said
            .remarks
            .push("-F: helper processes filter their own system calls, and the unit those of the daemon"),
    }
    Ok(())
}

fn plain(letter: char, said: &mut Chronyd) -> Result<(), ArgsError> {
    match letter {
        'U' => said.remarks.push("-U: nobody has to be root, with it or without"),
        'n' => said.foreground = true,
        '4' => said.family = Some(Family::V4),
        '6' => said.family = Some(Family::V6),
        'q' => said.once = Some(Once::Set),
        'Q' => said.once = Some(Once::Tell),
        'R' => said.no_step = true,
        'r' => said.remarks.push("-r: no measurements are kept over a restart; a burst brings new ones"),
        's' => said
            .remarks
            .push("-s: the clock is not set from the real-time clock, which the kernel does at boot"),
        'm' => said.lock_memory = true,
        _ => return Err(ArgsError(format!("there is no option -{letter}"))),
    }
    Ok(())
}
