//! Reading the configuration that a run wants: ours, or another program's.

use std::io::IsTerminal;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use truechimer_config::import::{Dialect, Imported, import};
use truechimer_config::keys::parse_keys;
use truechimer_config::nts::RingOrigin;
use truechimer_config::{
    Config, ControlDoors, Diagnostic, MAX_BYTES, Parsed, Paths, STATE_DIR, Severity, parse_bytes, unreadable,
};
use truechimer_engine::config::{Endpoint, Family, Host, SourceKind};
use truechimer_sys::{files, privileges, process};

use super::{EXIT_FAILURE, EXIT_USAGE, pid_file};
use crate::Disk;
use crate::args::RunArgs;
use crate::args::chronyd::{self, Chronyd, Once};

/// The accounts of chronyd that Debian and others make, as far as they are there.
const ACCOUNTS: &[&str] = &["_chrony", "chrony"];

/// Why a configuration cannot be used.
pub(super) struct Unusable {
    /// For whoever wrote it, with its final newline.
    pub(super) message: String,
    /// The exit status of a program that cannot start: chronyd's is 1.
    pub(super) status: u8,
}

/// Reads a configuration and the key file that it names. Warnings are told, whole lines at a time.
pub(super) fn load(args: &RunArgs, tell: &mut dyn FnMut(&str)) -> Result<Config, Unusable> {
    let color = std::io::stderr().is_terminal();
    let foreign = foreign(args);
    let status = match (&foreign, args.dialect) {
        (Ok(None), None) => EXIT_USAGE,
        _ => EXIT_FAILURE,
    };
    let unusable = |findings: Vec<Diagnostic>| Unusable { message: render(&findings, color), status };
    let name = name(args);
    let foreign = foreign.map_err(unusable)?;
    let parsed = match &foreign {
        Some(imported) => run_as_ours(imported, &name, tell).map_err(unusable)?,
        None => {
            let parsed = files::read_bounded(&args.config, MAX_BYTES)
                .map_err(|error| vec![unreadable(&name, &error)])
                .and_then(|bytes| parse_bytes(&bytes, &name))
                .and_then(with_keys);
            let mut parsed = parsed.map_err(unusable)?;
            parsed.take_folders(&Disk);
            tell(&render(&parsed.warnings, color));
            parsed
        }
    };
    let mut config = parsed.config;
    if let Some(said) = &args.chronyd {
        let says = |word: &str| foreign.as_ref().is_some_and(|imported| imported.says(word));
        as_chronyd(&mut config, &says);
        apply(&mut config, said);
    }
    Ok(config)
}

fn name(args: &RunArgs) -> String {
    match &args.chronyd {
        Some(said) if !said.directives.is_empty() => "command line".into(),
        _ => args.config.display().to_string(),
    }
}

/// The configuration as another program's, if it is one.
pub(super) fn foreign(args: &RunArgs) -> Result<Option<Imported>, Vec<Diagnostic>> {
    let name = name(args);
    if let Some(said) = args.chronyd.as_ref().filter(|said| !said.directives.is_empty()) {
        return Ok(Some(import(&said.directives.join("\n"), &name, Dialect::Chrony, &Disk)));
    }
    // By its name only: what a file of ours says may look like anything while it is being written.
    let Some(dialect) = args.dialect.or_else(|| Dialect::recognise(&name, "")) else { return Ok(None) };
    let bytes =
        files::read_bounded(&args.config, MAX_BYTES).map_err(|error| vec![unreadable(&name, &error)])?;
    if bytes.len() > MAX_BYTES {
        return Err(parse_bytes(&bytes, &name).err().unwrap_or_default());
    }
    Ok(Some(import(&String::from_utf8_lossy(&bytes), &name, dialect, &Disk)))
}

/// What was imported, read by our own parser. What is lost and what is dangerous is told, a line each.
fn run_as_ours(
    imported: &Imported,
    name: &str,
    tell: &mut dyn FnMut(&str),
) -> Result<Parsed, Vec<Diagnostic>> {
    let mut parsed = imported.parsed(name)?;
    // Packages name a key file that is not always there; chronyd and ntpd go on without it where no source needs one.
    if parsed.config.paths.keys.as_ref().is_some_and(|path| !path.exists()) && !parsed.config.needs_keys() {
        let missing = parsed.config.paths.keys.take();
        let path = missing.as_deref().unwrap_or(Path::new("")).display();
        tell(&format!("{name}: warning: there is no key file {path}, and no source needs it\n"));
    }
    tell(&lines(imported.findings()));
    let back = |finding: Diagnostic| if finding.file == name { imported.translate(finding) } else { finding };
    let mut parsed =
        with_keys(parsed).map_err(|findings| findings.into_iter().map(back).collect::<Vec<Diagnostic>>())?;
    parsed.take_folders(&Disk);
    tell(&lines(parsed.warnings.drain(..).map(back)));
    Ok(parsed)
}

/// A line each.
fn lines(findings: impl IntoIterator<Item = Diagnostic>) -> String {
    let told = findings.into_iter().filter(|finding| finding.severity >= Severity::Warning);
    told.map(|finding| format!("{finding}\n")).collect()
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

pub(super) fn render(findings: &[Diagnostic], color: bool) -> String {
    findings.iter().map(|finding| finding.render(color) + "\n").collect::<Vec<_>>().join("\n")
}

/// What chronyd does without a line: its number is in a file, root becomes somebody else, and its state is where systemd
/// has made a folder for it.
fn as_chronyd(config: &mut Config, says: &dyn Fn(&str) -> bool) {
    if !says("pidfile") {
        config.paths.pid_file = Some(PathBuf::from(pid_file::DEFAULT));
    }
    if !says("user") && process::is_root() {
        let account = ACCOUNTS.iter().find(|name| privileges::look_for(name).is_ok());
        config.user = account.map(|name| (*name).to_owned());
    }
    let given = std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
    if let Some(folder) = given.filter(|path| path.is_absolute() && path.is_dir()) {
        let ring = config.serve_nts.as_mut().and_then(|nts| match &mut nts.ring {
            RingOrigin::File { path, .. } => path.as_mut(),
            _ => None,
        });
        let paths = [&mut config.paths.state_dir, &mut config.paths.frequency_file];
        for path in paths.into_iter().filter_map(Option::as_mut).chain(ring) {
            if let Ok(rest) = path.strip_prefix(STATE_DIR) {
                *path = folder.join(rest);
            }
        }
    }
}

/// What the command line says beside the configuration.
fn apply(config: &mut Config, said: &Chronyd) {
    if let Some(family) = said.family {
        only(config, family == chronyd::Family::V4);
    }
    if let Some(user) = &said.user {
        config.user = Some(user.clone()).filter(|user| user != "root");
    }
    config.lock_memory |= said.lock_memory;
    config.realtime_priority = said.priority.unwrap_or(config.realtime_priority);
    if said.no_step && config.engine.clock.step.first.is_some() {
        config.engine.clock.step.first = Some(0);
    }
    if let Some(once) = said.once {
        // Nobody is served, nobody asks, and the one correction may be a step.
        config.engine.serve = None;
        config.serve_nts = None;
        config.paths.run_dir = None;
        config.control = ControlDoors::default();
        config.logs = None;
        match once {
            Once::Set => config.engine.clock.step.first = None,
            Once::Tell => config.paths = Paths { keys: config.paths.keys.take(), ..Paths::NONE },
        }
    }
}

/// Sources and listeners of one family only.
fn only(config: &mut Config, ipv4: bool) {
    let fits = |address: &IpAddr| address.is_ipv4() == ipv4;
    config.engine.sources.retain(|source| match &source.kind {
        SourceKind::Server(Endpoint { host: Host::Address(address), .. }) => fits(address),
        _ => source.options.bind.as_ref().is_none_or(fits),
    });
    for source in &mut config.engine.sources {
        source.options.family = Some(if ipv4 { Family::V4 } else { Family::V6 });
    }
    if let Some(serve) = &mut config.engine.serve {
        serve.listen.retain(|listener| fits(&listener.address.ip()));
    }
    if let Some(exchange) = config.serve_nts.as_mut().and_then(|nts| nts.key_exchange.as_mut()) {
        exchange.listen.retain(|listener| fits(&listener.address.ip()));
    }
}

#[cfg(test)]
mod tests;
