//! Where roles run: work that needs other privileges than the daemon's, or that strangers can reach.

use std::path::PathBuf;

use truechimer_config::{Config, Roles};
use truechimer_sys::role::Program;

/// Decided once, when the daemon starts: a configuration that is read again moves nothing.
#[derive(Clone, Debug)]
pub(crate) enum Places {
    /// Inside the loop.
    Loop,
    /// In processes that the daemon starts, with a filter on what they ask of the kernel or without.
    Children { sandbox: bool },
    /// In processes that the service manager starts for who connects to the sockets in this folder.
    Units(PathBuf),
}

impl Places {
    pub(crate) fn new(config: &Config, sockets: Option<PathBuf>) -> Self {
        match (config.roles, sockets) {
            (Roles::Inline, _) => Self::Loop,
            (Roles::Process, None) => Self::Children { sandbox: config.sandbox },
            (Roles::Process, Some(folder)) => Self::Units(folder),
        }
    }

    /// How to start the role of this name; `None` for its work to be done inside the loop.
    pub(crate) fn program(&self, role: &'static str) -> Option<Program> {
        match self {
            Self::Loop => None,
            Self::Children { sandbox } => Some(Program::own(role, *sandbox)),
            Self::Units(folder) => Some(Program::at(folder.join(role))),
        }
    }
}
