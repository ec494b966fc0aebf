//! The small sections: `[selection]`, `[keys]`, `[local]`, `[control]` and `[daemon]`.

use std::path::PathBuf;

use toml::de::DeValue;
use truechimer_engine::config::{AuthenticationPolicy, Listener, LocalConfig, SelectionConfig};

use super::serve::read_interface;
use super::{path, paths, set};
use crate::config::{ControlDoors, Network};
use crate::reader::{Reader, Table};
use crate::rules;
use crate::text::quote;
use crate::{Ready, Roles};

/// More folders of sources than these nobody has.
const MOST_SOURCE_DIRS: usize = 16;

/// `[selection]`.
pub fn read_selection(reader: &mut Reader, table: &Table<'_>) -> SelectionConfig {
    let mut selection = SelectionConfig::default();
    set(&mut selection.min_sources, reader.integer(table, "min_sources"));
    let policy = reader.word(table, "authentication").map(|word| match word {
        "require" => AuthenticationPolicy::Require,
        "prefer" => AuthenticationPolicy::Prefer,
        "ignore" => AuthenticationPolicy::Ignore,
        _ => AuthenticationPolicy::Mix,
    });
    set(&mut selection.authentication, policy);
    selection
}

/// `[keys]`.
pub(crate) fn read_keys(reader: &mut Reader, table: &Table<'_>) -> Option<PathBuf> {
    reader.require(table, "file");
    path(reader, table, "file").flatten()
}

/// `[local]`.
pub(crate) fn read_local(reader: &mut Reader, table: &Table<'_>) -> LocalConfig {
    let mut local = LocalConfig::DEFAULT;
    set(&mut local.stratum, reader.integer(table, "stratum"));
    set(&mut local.orphan, reader.boolean(table, "orphan"));
    set(&mut local.distance_s, reader.duration(table, "distance"));
    set(&mut local.wait_synced_s, reader.duration(table, "wait_synced"));
    set(&mut local.wait_unsynced_s, reader.duration(table, "wait_unsynced"));
    LocalConfig {
        activate_s: reader.duration(table, "activate"),
        takeover_s: reader.duration(table, "takeover"),
        ..local
    }
}

/// `[control]`.
pub(crate) fn read_control(reader: &mut Reader, table: &Table<'_>) -> ControlDoors {
    let ntpq = reader.boolean(table, "ntpq").unwrap_or(false);
    let mrulist = reader.boolean(table, "mrulist").unwrap_or(false);
    if mrulist && !ntpq {
        let message = "`mrulist` is a question of `ntpq`, which is not answered";
        reader.fault(
            &rules::CONTRADICTION,
            table,
            "mrulist",
            message,
            "write ntpq = true as well, or drop it",
        );
    }
    ControlDoors {
        chronyc_socket: path(reader, table, "chronyc_socket").flatten(),
        chronyc_port: reader.integer(table, "chronyc_port"),
        ntpq,
        mrulist,
    }
}

/// `[network]`, where a server listens on these addresses.
pub(crate) fn read_network(reader: &mut Reader, table: &Table<'_>, listen: &[Listener]) -> Network {
    let client_port = reader.integer(table, "client_port");
    let taken = listen.iter().any(|listener| Some(listener.address.port()) == client_port);
    if let (true, Some(item)) = (taken, table.item("client_port")) {
        let message = "requests cannot leave from the port where requests of others come in";
        let diagnostic = reader.at(&rules::CONTRADICTION, &item.span, message);
        reader.push(diagnostic.help("choose another port, or drop `client_port`"));
    }
    Network {
        dscp: reader.integer(table, "dscp").unwrap_or(0),
        interface: table.item("interface").and_then(|item| read_interface(reader, &item)),
        client_port,
    }
}

/// What `[daemon]` says; a path is `None` where it says nothing, `Some(None)` where none is wanted.
#[derive(Default)]
pub(crate) struct Daemon {
    pub(crate) roles: Roles,
    pub(crate) sandbox: Option<bool>,
    pub(crate) ready: Ready,
    pub(crate) lock_memory: bool,
    pub(crate) realtime_priority: u8,
    pub(crate) user: Option<String>,
    pub(crate) state_dir: Option<Option<PathBuf>>,
    pub(crate) run_dir: Option<Option<PathBuf>>,
    pub(crate) source_dirs: Vec<PathBuf>,
    pub(crate) pid_file: Option<PathBuf>,
}

/// `[daemon]`.
pub(crate) fn read_daemon(reader: &mut Reader, table: &Table<'_>) -> Daemon {
    let roles = match reader.word(table, "roles") {
        Some("inline") => Roles::Inline,
        _ => Roles::Process,
    };
    let ready = match reader.word(table, "ready") {
        Some("synchronised") => Ready::Synchronised,
        _ => Ready::Started,
    };
    Daemon {
        roles,
        sandbox: reader.boolean(table, "sandbox"),
        ready,
        lock_memory: reader.boolean(table, "lock_memory").unwrap_or(false),
        realtime_priority: reader.integer(table, "realtime_priority").unwrap_or(0),
        user: read_user(reader, table),
        state_dir: path(reader, table, "state_dir"),
        run_dir: path(reader, table, "run_dir"),
        source_dirs: paths(reader, table, "source_dirs", MOST_SOURCE_DIRS),
        pid_file: path(reader, table, "pid_file").flatten(),
    }
}

/// A portable account name (POSIX.1 §3.437), within the 31 characters that Linux tools accept.
/// Whether this is the name of an account.
pub(crate) fn is_account(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let rest = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    first && rest && text.len() <= 31
}

fn read_user(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    let item = table.item("user")?;
    let text = match item.value {
        DeValue::Boolean(false) => return None,
        DeValue::String(text) => text,
        _ => {
            reader.wrong_type(&item, None);
            return None;
        }
    };
    if is_account(text) {
        return Some(text.to_string());
    }
    let diagnostic =
        reader.at(&rules::BAD_USER, &item.span, format!("{} is not an account name", quote(text)));
    reader.push(diagnostic.help("write a name, as \"truechimer\", or false"));
    None
}
