//! The program around the daemon: arguments, configuration, privileges, signals, exit status.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use truechimer_config::keys::parse_keys;
use truechimer_config::{Config, Diagnostic, MAX_BYTES, Parsed, Roles, parse_bytes, unreadable};
use truechimer_discipline::clock::SystemClock;
use truechimer_sys::clock::{KernelClock, ObserveOnly, can_set_time};
use truechimer_sys::{files, privileges, resolver, signal};
use truechimer_time::Mono;

use crate::args::{self, Action, HELP, Role, RunArgs};
use crate::journal::{Journal, Priority};
use crate::nts;
use crate::{Daemon, DaemonOptions, ServiceManager};

/// Clean end.
pub const EXIT_OK: u8 = 0;
/// Something failed while starting or running.
pub const EXIT_FAILURE: u8 = 1;
/// The configuration or the arguments are no good.
pub const EXIT_USAGE: u8 = 2;

/// Runs the program and returns its exit status. `args` are the arguments after the program's name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    match args::parse(args) {
        Ok(Action::Run(run_args)) => run(run_args),
        Ok(Action::Check(path)) => check(&path),
        Ok(Action::Help) => print(HELP),
        Ok(Action::Version) => print(&format!("chimerd {}\n", env!("CARGO_PKG_VERSION"))),
        Ok(Action::Role(role)) => run_role(role),
        Err(error) => {
            complain(&format!("chimerd: {error}\nSee chimerd --help.\n"));
            EXIT_USAGE
        }
    }
}

fn run(args: RunArgs) -> u8 {
    let config = match load(&args.config) {
        Ok(config) => config,
        Err(message) => {
            complain(&message);
            return EXIT_USAGE;
        }
    };
    let mut journal = Journal::stderr(args.debug);
    match try_run(args, config, &mut journal) {
        Ok(()) => EXIT_OK,
        Err(message) => {
            journal.last_line(Priority::Error, &message);
            EXIT_FAILURE
        }
    }
}

fn try_run(args: RunArgs, config: Config, journal: &mut Journal) -> Result<(), String> {
    signal::install().map_err(|error| format!("cannot catch signals: {error}"))?;
    let (clock, controls_clock) = choose_clock(&args, &config, journal);
    let user = config.user.clone();
    if let Some(user) = &user {
        // Before anything is opened, made or given away for him.
        privileges::look_for(user).map_err(|error| format!("daemon.user is {user}: {error}"))?;
    }
    let has_roles = config.roles == Roles::Process;
    let keep_net_bind = serves_privileged_port(&config);
    let path = args.config;
    let mut options = DaemonOptions::new(config, clock, controls_clock);
    options.journal = Journal::stderr(args.debug);
    options.reload = Some(Box::new(move || load(&path)));
    options.signals = true;
    options.more_clocks = Some(|| Box::new(ObserveOnly::new()));
    options.service = ServiceManager::from_environment()
        .map_err(|error| format!("the service manager's socket, NOTIFY_SOCKET, is no good: {error}"))?;
    let mut daemon = Daemon::new(options).map_err(|error| error.to_string())?;
    if let Some(user) = user {
        privileges::drop_to(&user, controls_clock, keep_net_bind)
            .map_err(|error| format!("cannot become user {user}: {error}"))?;
        daemon.check_files_again();
    }
    if has_roles {
        // Not on the inline path, whose calls of libc are few. A kernel without it is no reason to stop.
        let _ = privileges::no_new_privs();
    }
    daemon.run(&AtomicBool::new(false)).map_err(|error| error.to_string())
}

/// The kernel's clock if it may be steered, or only a look at it (A10).
fn choose_clock(
    args: &RunArgs,
    config: &Config,
    journal: &mut Journal,
) -> (Box<dyn SystemClock + Send>, bool) {
    if args.observe || !config.clock_control {
        return (Box::new(ObserveOnly::new()), false);
    }
    if can_set_time() {
        return (Box::new(KernelClock::new()), true);
    }
    let text = "the capability CAP_SYS_TIME is missing: the clock is observed and served, not steered";
    journal.line(Mono::default(), Priority::Warning, text);
    (Box::new(ObserveOnly::new()), false)
}

/// Whether a reload may have to open a port below 1024 again.
fn serves_privileged_port(config: &Config) -> bool {
    config.engine.serve.as_ref().is_some_and(|serve| serve.listen.iter().any(|l| l.address.port() < 1024))
}

/// Reads a configuration and the key file that it names; the error is the text for whoever wrote them. Warnings go to
/// standard error.
fn load(path: &Path) -> Result<Config, String> {
    let name = path.display().to_string();
    let color = std::io::stderr().is_terminal();
    let parsed = files::read_bounded(path, MAX_BYTES)
        .map_err(|error| vec![unreadable(&name, &error)])
        .and_then(|bytes| parse_bytes(&bytes, &name))
        .and_then(with_keys);
    let parsed = parsed.map_err(|findings| render(&findings, color))?;
    complain(&render(&parsed.warnings, color));
    Ok(parsed.config)
}

fn with_keys(mut parsed: Parsed) -> Result<Parsed, Vec<Diagnostic>> {
    if let Some(path) = parsed.config.paths.keys.clone() {
        let secret = files::read_secret(&path, MAX_BYTES);
        let (bytes, exposed) = secret.map_err(|error| vec![parsed.keys_unreadable(&error)])?;
        let file = parse_keys(&bytes, &path.display().to_string(), exposed)?;
        parsed.take_keys(file)?;
    }
    Ok(parsed)
}

fn render(findings: &[Diagnostic], color: bool) -> String {
    findings.iter().map(|finding| finding.render(color) + "\n").collect()
}

fn check(path: &Path) -> u8 {
    match load(path) {
        Ok(_) => print(&format!("{}: good\n", path.display())),
        Err(message) => {
            complain(&message);
            EXIT_USAGE
        }
    }
}

fn run_role(role: Role) -> u8 {
    let (name, ended) = match role {
        Role::Resolver => ("resolver", resolver::role_main()),
        Role::KeyExchangeClient => ("key exchange client", nts::client::role_main()),
        Role::KeyExchangeServer => ("key exchange server", nts::server::role_main()),
    };
    match ended {
        Ok(()) => EXIT_OK,
        Err(error) => {
            complain(&format!("chimerd: {name}: {error}\n"));
            EXIT_FAILURE
        }
    }
}

/// To standard output.
fn print(text: &str) -> u8 {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => EXIT_OK,
        Err(_) => EXIT_FAILURE,
    }
}

/// To standard error, where a failure to write has nobody to be told to.
fn complain(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
