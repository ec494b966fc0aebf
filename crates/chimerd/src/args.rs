//! The command line, read by hand: the daemon has few options and wants no framework for them.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use truechimer_config::import::Dialect;

use chronyd::Chronyd;

pub mod chronyd;
#[cfg(test)]
mod tests;

/// Where the configuration is when nothing is said.
pub const DEFAULT_CONFIG: &str = "/etc/truechimer/chimer.toml";

/// What `--help` prints.
pub const HELP: &str = "\
chimerd: keeps this machine's clock right and serves time to others

Usage: chimerd [OPTIONS]

Options:
  -f, --config FILE  configuration [default: /etc/truechimer/chimer.toml]
      --dialect D    whose configuration it is, such as chrony [default: by its name]
  -x, --observe      measure and serve, but never touch the clock
  -d, --debug        say more in the journal
      --role-sockets DIR  have the service manager start helper processes, at the sockets in DIR
      --check        read the configuration, say what is wrong with it, and exit
  -V, --version      print the version and exit
  -h, --help         print this and exit

The daemon stays in the foreground and writes its journal to standard error.
SIGTERM and SIGINT end it cleanly, SIGHUP reads the configuration again.

Exit status: 0 clean end, 1 failure while starting or running (such as a port in use),
2 bad configuration or arguments. A bad configuration of another program: 1, as chronyd's.
Called as chronyd, the program has chronyd's options: see chronyd --help.
";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run the daemon.
    Run(RunArgs),
    /// Read the configuration and say whether it is good.
    Check(RunArgs),
    /// Print the configuration of another program, with all that it includes.
    PrintConfig(RunArgs),
    /// Print this.
    Print(String),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
    /// Be a helper of another chimerd (not for people).
    Role(RoleArgs),
}

/// What a helper process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Resolves names.
    Resolver,
    /// Exchanges keys with servers.
    KeyExchangeClient,
    /// Exchanges keys with clients.
    KeyExchangeServer,
}

/// Options of a helper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArgs {
    /// What it does.
    pub role: Role,
    /// The user that its daemon runs as, if not as the helper's own or as root.
    pub daemon: Option<String>,
    /// Whether it forbids itself what its work does not need.
    pub sandbox: bool,
}

/// Options of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunArgs {
    /// Configuration file.
    pub config: PathBuf,
    /// Whose configuration it is; `None` sees by its name, and takes it for ours otherwise.
    pub dialect: Option<Dialect>,
    /// Never touch the clock, whatever the configuration says.
    pub observe: bool,
    /// A wordy journal.
    pub debug: bool,
    /// The folder of the sockets at which the service manager starts helper processes.
    pub role_sockets: Option<PathBuf>,
    /// What was said to us as chronyd.
    pub chronyd: Option<Box<Chronyd>>,
}

/// A command line that makes no sense: one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgsError(String);

impl fmt::Display for ArgsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the arguments that follow the program's name.
///
/// # Errors
/// An unknown option, an option without its value, or a stray word.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Action, ArgsError> {
    let mut run = RunArgs {
        config: PathBuf::from(DEFAULT_CONFIG),
        dialect: None,
        observe: false,
        debug: false,
        role_sockets: None,
        chronyd: None,
    };
    let mut check = false;
    let mut args = args.into_iter().flat_map(apart);
    while let Some(arg) = args.next() {
        let Some(text) = arg.to_str() else {
            return Err(ArgsError(format!("cannot understand the argument {}", arg.display())));
        };
        match text {
            "-f" | "--config" => match args.next() {
                Some(file) if !file.is_empty() => run.config = PathBuf::from(file),
                _ => return Err(ArgsError(format!("{text} wants a file name after it"))),
            },
            "--dialect" => run.dialect = Some(dialect(args.next().as_ref().and_then(|word| word.to_str()))?),
            "-x" | "--observe" => run.observe = true,
            "-d" | "--debug" => run.debug = true,
            "--check" => check = true,
            "-V" | "--version" => return Ok(Action::Version),
            "-h" | "--help" => return Ok(Action::Help),
            "--role=resolver" => return role(Role::Resolver, args),
            "--role=ke-client" => return role(Role::KeyExchangeClient, args),
            "--role=ke-server" => return role(Role::KeyExchangeServer, args),
            "--role-sockets" => match args.next() {
                Some(folder) if !folder.is_empty() => run.role_sockets = Some(PathBuf::from(folder)),
                _ => return Err(ArgsError(format!("{text} wants a folder after it"))),
            },
            _ if text.starts_with("--dialect=") => {
                run.dialect = Some(dialect(text.strip_prefix("--dialect="))?);
            }
            _ => match text.strip_prefix("--config=") {
                Some(file) if !file.is_empty() => run.config = PathBuf::from(file),
                Some(_) => return Err(ArgsError("--config= wants a file name after it".into())),
                None if text.starts_with('-') => return Err(ArgsError(format!("there is no option {text}"))),
                None => {
                    return Err(ArgsError(format!(
                        "cannot understand \"{text}\"; a configuration is given by -f {text}"
                    )));
                }
            },
        }
    }
    Ok(if check { Action::Check(run) } else { Action::Run(run) })
}

fn dialect(word: Option<&str>) -> Result<Dialect, ArgsError> {
    word.and_then(Dialect::from_name).ok_or_else(|| {
        let names: Vec<_> = Dialect::ALL.iter().map(|dialect| dialect.name()).collect();
        ArgsError(format!("--dialect wants one of {}", names.join(", ")))
    })
}

/// What may follow the name of a role.
fn role(role: Role, rest: impl Iterator<Item = OsString>) -> Result<Action, ArgsError> {
    let mut said = RoleArgs { role, daemon: None, sandbox: true };
    for arg in rest {
        let text = arg.to_str().unwrap_or_default();
        match text.strip_prefix("--daemon=") {
            Some(user) if !user.is_empty() => said.daemon = Some(user.to_owned()),
            None if text == "--no-sandbox" => said.sandbox = false,
            _ => {
                let text = format!("a role takes --daemon=USER and --no-sandbox, not {}", arg.display());
                return Err(ArgsError(text));
            }
        }
    }
    Ok(Action::Role(said))
}

/// `-xd` is `-x -d`; everything else stays what it is.
fn apart(arg: OsString) -> Vec<OsString> {
    let letters = arg.to_str().and_then(|text| text.strip_prefix('-')).unwrap_or_default();
    // A file name cannot follow in the same word, so `-f` ends it.
    let known =
        |(at, c): (usize, char)| matches!(c, 'x' | 'd' | 'V' | 'h') || (c == 'f' && at + 1 == letters.len());
    if letters.len() < 2 || !letters.char_indices().all(known) {
        return vec![arg];
    }
    letters.chars().map(|c| format!("-{c}").into()).collect()
}
