//! The program around the daemon: arguments, configuration, privileges, signals, exit status.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use truechimer_config::{Config, Roles};
use truechimer_discipline::clock::SystemClock;
use truechimer_sys::clock::{KernelClock, ObserveOnly, can_set_time};
use truechimer_sys::{files, privileges, process, resolver, role, signal};
use truechimer_time::Mono;

use crate::args::chronyd::Once;
use crate::args::{self, Action, HELP, Role, RoleArgs, RunArgs};
use crate::journal::{Journal, Priority, is_systemds};
use crate::nts;
use crate::{Daemon, DaemonOptions, Observer, ServiceManager};

use background::Caller;
use load::{foreign, load};
use pid_file::PidFile;
use until::{End, Until};

mod background;
mod load;
mod pid_file;
mod until;

/// Clean end.
pub const EXIT_OK: u8 = 0;
/// Something failed while starting or running.
pub const EXIT_FAILURE: u8 = 1;
/// The configuration or the arguments are no good.
pub const EXIT_USAGE: u8 = 2;

/// Runs the program and returns its exit status. `args` begin with the name that the program was called by: as `chronyd`
/// it has chronyd's options and exit statuses.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    let all: Vec<OsString> = args.into_iter().collect();
    let mut args = all.iter().cloned();
    let name = args.next().unwrap_or_default();
    let is_chronyd = Path::new(&name).file_name().is_some_and(|name| name == "chronyd");
    match if is_chronyd { args::chronyd::parse(args) } else { args::parse(args) } {
        Ok(Action::Run(run_args)) if goes_into_the_background(&run_args) => run_in_background(run_args, &all),
        Ok(Action::Run(run_args)) => run(run_args, None),
        Ok(Action::Check(run_args)) => check(&run_args),
        Ok(Action::PrintConfig(run_args)) => print_config(&run_args),
        Ok(Action::Print(text)) => print(&text),
        Ok(Action::Help) => print(HELP),
        Ok(Action::Version) => print(&format!("chimerd {}\n", env!("CARGO_PKG_VERSION"))),
        Ok(Action::Role(said)) => run_role(&said),
        Err(error) => {
            let name = if is_chronyd { "chronyd" } else { "chimerd" };
            complain(&format!("{name}: {error}\nSee {name} --help.\n"));
            if is_chronyd { EXIT_FAILURE } else { EXIT_USAGE }
        }
    }
}

fn goes_into_the_background(args: &RunArgs) -> bool {
    args.chronyd.as_ref().is_some_and(|said| !said.foreground)
}

/// The process that was called starts another one; that one runs.
fn run_in_background(mut args: RunArgs, all: &[OsString]) -> u8 {
    // The other one is at home in the root folder.
    let log_file = args.chronyd.as_mut().and_then(|said| said.log_file.as_mut());
    for path in [&mut args.config].into_iter().chain(log_file) {
        *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
    }
    match Caller::of_this_process() {
        Ok(None) => background::start(all),
        Ok(caller) => run(args, caller),
        Err(error) => {
            complain(&format!("chronyd: cannot begin a session: {error}\n"));
            EXIT_FAILURE
        }
    }
}

fn run(args: RunArgs, mut caller: Option<Caller>) -> u8 {
    let mut journal = match journal(&args) {
        Ok(journal) => journal,
        Err(message) => {
            complain(&message);
            return EXIT_FAILURE;
        }
    };
    let is_away = caller.is_some();
    let mut warnings = String::new();
    let loaded = load(&args, &mut |text| warnings.push_str(text));
    // As with chronyd, whoever called hears only why it cannot start.
    match is_away {
        true => journal.lines(Mono::default(), Priority::Warning, &warnings),
        false => complain(&warnings),
    }
    let config = match loaded {
        Ok(config) => config,
        Err(unusable) => {
            complain(&unusable.message);
            if is_away {
                journal.lines(Mono::default(), Priority::Error, &unusable.message);
            }
            return unusable.status;
        }
    };
    let ends = Arc::new(End::default());
    match try_run(args, config, warnings, &mut journal, &ends, &mut caller) {
        Ok(()) if ends.failed.load(Ordering::Relaxed) => EXIT_FAILURE,
        Ok(()) => EXIT_OK,
        Err(message) => {
            journal.last_line(Priority::Error, &message);
            if caller.is_some() {
                complain(&format!("{message}\n"));
            }
            EXIT_FAILURE
        }
    }
}

/// The socket of the system's log.
const SYSLOG: &str = "/dev/log";

/// Where lines go: standard error, the system's log, or the file that chronyd's `-l` names.
fn journal(args: &RunArgs) -> Result<Journal, String> {
    let Some(said) = &args.chronyd else { return Ok(Journal::stderr(args.debug)) };
    // In the foreground, systemd's journal may be at the other end already, and in a container there is no log.
    let in_the_log =
        !said.on_terminal && (!said.foreground || (!is_systemds() && Path::new(SYSLOG).exists()));
    let journal = match &said.log_file {
        None if in_the_log => Journal::syslog(SYSLOG, "chronyd", args.debug),
        None => Journal::stderr(args.debug),
        Some(path) => match files::open_append(path, 0o640) {
            Ok(file) => Journal::to(Box::new(file)),
            Err(error) => return Err(format!("cannot write {}: {error}\n", path.display())),
        },
    };
    Ok(journal.at_least(match said.log_level {
        0 => Priority::Debug,
        1 => Priority::Warning,
        _ => Priority::Error,
    }))
}

fn try_run(
    args: RunArgs,
    config: Config,
    mut warnings: String,
    journal: &mut Journal,
    ends: &Arc<End>,
    caller: &mut Option<Caller>,
) -> Result<(), String> {
    signal::install().map_err(|error| format!("cannot catch signals: {error}"))?;
    let (clock, controls_clock) = choose_clock(&args, &config, journal);
    let is_to_set = args.chronyd.as_ref().is_some_and(|said| said.once == Some(Once::Set)) && !args.observe;
    if is_to_set && !controls_clock {
        return Err("-q cannot set the clock without CAP_SYS_TIME: -Q says how wrong it is".into());
    }
    let user = config.user.clone();
    if let Some(user) = &user {
        // Before anything is opened, made or given away for him.
        privileges::look_for(user).map_err(|error| format!("daemon.user is {user}: {error}"))?;
    }
    if args.chronyd.as_ref().is_some_and(|said| said.once.is_some()) && config.engine.sources.is_empty() {
        return Err("there is no source to ask for the time".into());
    }
    let pid_file = config.paths.pid_file.clone();
    let _pid_file = pid_file.map(|path| PidFile::write(&path, user.as_deref())).transpose()?;
    let has_roles = config.roles == Roles::Process;
    let keep_net_bind = serves_privileged_port(&config);
    let role_sockets = args.role_sockets.clone();
    let mut options = DaemonOptions::new(config, clock, controls_clock);
    options.journal = self::journal(&args)?;
    if let Some(said) = &args.chronyd {
        for remark in &said.remarks {
            journal.line(Mono::default(), Priority::Notice, remark);
        }
        options.observer = Until::new(said, ends).map(|until| Box::new(until) as Box<dyn Observer>);
    }
    let is_away = caller.is_some();
    options.reload = Some(Box::new(move || reload(&args, is_away, &mut warnings)));
    options.signals = true;
    options.role_sockets = role_sockets;
    options.more_clocks = Some(|| Box::new(ObserveOnly::new()));
    options.service = ServiceManager::from_environment()
        .map_err(|error| format!("the service manager's socket, NOTIFY_SOCKET, is no good: {error}"))?;
    be_urgent(options.config.lock_memory, options.config.realtime_priority, journal);
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
    if let Some(caller) = caller.take() {
        caller.release().map_err(|error| format!("cannot leave the terminal: {error}"))?;
    }
    daemon.run(&ends.stop).map_err(|error| error.to_string())
}

/// Reads the configuration again. What was warned of the last time is not told once more, as a network may bring a reload every few
/// minutes. In the background nobody sees standard error.
fn reload(args: &RunArgs, is_away: bool, warnings: &mut String) -> Result<Config, String> {
    let mut found = String::new();
    let loaded = load(args, &mut |text| found.push_str(text)).map_err(|unusable| unusable.message);
    if found != *warnings {
        match if is_away { journal(args).ok() } else { None } {
            Some(mut journal) => journal.lines(Mono::default(), Priority::Warning, &found),
            None => complain(&found),
        }
        *warnings = found;
    }
    loaded
}

/// Memory that is never paged out, and the processor before others: for its timestamps. To be without is no reason to stop.
fn be_urgent(lock_memory: bool, priority: u8, journal: &mut Journal) {
    let mut tell = |what: &str, outcome: std::io::Result<()>| {
        if let Err(error) = outcome {
            let text = format!("{what}: {error}; going on without");
            journal.line(Mono::default(), Priority::Warning, &text);
        }
    };
    if lock_memory {
        tell("cannot lock the daemon into memory", process::lock_memory());
    }
    if priority > 0 {
        tell("cannot run at a realtime priority", process::run_first(priority));
    }
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

fn check(args: &RunArgs) -> u8 {
    let name = args.config.display();
    let mut warnings = 0;
    let checked = load(args, &mut |text| {
        warnings += text.matches("warning[").count() + text.matches(": warning: ").count();
        complain(text);
    });
    match checked.map(|_| warnings) {
        Ok(0) => print(&format!("{name}: good\n")),
        Ok(1) => print(&format!("{name}: usable, with 1 warning\n")),
        Ok(_) => print(&format!("{name}: usable, with {warnings} warnings\n")),
        Err(unusable) => {
            complain(&unusable.message);
            unusable.status
        }
    }
}

/// `chronyd -p`: every line that says something, with those of included files in place of the lines that include them.
fn print_config(args: &RunArgs) -> u8 {
    if let Err(unusable) = load(args, &mut complain) {
        complain(&unusable.message);
        return unusable.status;
    }
    let Ok(Some(imported)) = foreign(args) else { return EXIT_FAILURE };
    let mut text = String::new();
    for line in imported.lines.iter().filter(|line| !line.is_blank()) {
        let words: Vec<&str> = line.text.split_whitespace().collect();
        let includes = ["include", "confdir", "sourcedir"];
        if !words.first().is_some_and(|word| includes.iter().any(|name| word.eq_ignore_ascii_case(name))) {
            text += &(words.join(" ") + "\n");
        }
    }
    print(&text)
}

fn run_role(said: &RoleArgs) -> u8 {
    let (name, role_main): (_, fn(bool) -> std::io::Result<()>) = match said.role {
        Role::Resolver => ("resolver", resolver::role_main),
        Role::KeyExchangeClient => ("key exchange client", nts::client::role_main),
        Role::KeyExchangeServer => ("key exchange server", nts::server::role_main),
    };
    match role::expect_daemon(said.daemon.as_deref()).and_then(|()| role_main(said.sandbox)) {
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
