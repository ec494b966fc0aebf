//! The words of the native protocol. Unknown requests and unknown fields of requests are refused, so a misspelt
//! option never does something else; unknown fields of replies are ignored, so an old tool can read a newer daemon.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use truechimer_engine::CommandError;
use truechimer_engine::report::{ClientReport, Report};

use crate::NAME_MAX;

#[cfg(test)]
mod tests;

/// What a socket permits. The order is that of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Looking.
    Observe,
    /// Looking and commanding.
    Control,
}

/// What is asked of the daemon.
///
/// No request names a path (NA-34): `reload` re-reads the file that the daemon was started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawRequest", into = "RawRequest")]
pub enum Request {
    /// The whole state; answered by [`Answer::Report`].
    Report,
    /// Who is there; answered by [`Answer::Version`], by the session itself.
    Version,
    /// Poll this source, by its name or address in reports, or all.
    Online {
        /// `None` for all.
        source: Option<String>,
    },
    /// Stop polling this source, or all.
    Offline {
        /// `None` for all.
        source: Option<String>,
    },
    /// Make a quick burst of measurements at this source, or all.
    Burst {
        /// `None` for all.
        source: Option<String>,
    },
    /// Read the configuration file again.
    Reload,
    /// Who asked the server; answered by [`Answer::Clients`].
    Clients {
        /// So many at most, those with the most requests; [`CLIENTS_MAX`] if nothing is said, and at most.
        limit: Option<u32>,
    },
}

/// Most clients in one answer.
pub const CLIENTS_MAX: u32 = 10_000;

impl Request {
    /// What it takes to ask this.
    pub const fn access(&self) -> Access {
        match self {
            Self::Report | Self::Version => Access::Observe,
            Self::Online { .. }
            | Self::Offline { .. }
            | Self::Burst { .. }
            | Self::Reload
            | Self::Clients { .. } => Access::Control,
        }
    }

    /// The word that names it in the protocol.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Version => "version",
            Self::Online { .. } => "online",
            Self::Offline { .. } => "offline",
            Self::Burst { .. } => "burst",
            Self::Reload => "reload",
            Self::Clients { .. } => "clients",
        }
    }
}

/// A request as its text has it. Serde's own tagged enums cannot refuse unknown fields beside a variant without
/// fields, so the step from this to [`Request`] is ours.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "expected an object with `request`")]
struct RawRequest {
    request: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

impl TryFrom<RawRequest> for Request {
    type Error = String;

    fn try_from(raw: RawRequest) -> Result<Self, String> {
        let source = raw.source;
        if source.as_ref().is_some_and(|name| name.len() > NAME_MAX) {
            return Err(format!("a source's name has at most {NAME_MAX} bytes"));
        }
        if raw.limit.is_some() && raw.request != "clients" {
            return Err(format!("the request {} takes no limit", raw.request.escape_debug()));
        }
        let request = match raw.request.as_str() {
            "online" => return Ok(Self::Online { source }),
            "offline" => return Ok(Self::Offline { source }),
            "burst" => return Ok(Self::Burst { source }),
            "report" => Self::Report,
            "version" => Self::Version,
            "reload" => Self::Reload,
            "clients" => match raw.limit {
                Some(limit) if !(1..=CLIENTS_MAX).contains(&limit) => {
                    return Err(format!("a limit is a number from 1 to {CLIENTS_MAX}"));
                }
                limit => Self::Clients { limit },
            },
            _ => {
                return Err(
                    "unknown request; there are report, version, online, offline, burst, reload, clients"
                        .into(),
                );
            }
        };
        match source {
            None => Ok(request),
            Some(_) => Err(format!("the request {} takes no source", request.word())),
        }
    }
}

impl From<Request> for RawRequest {
    fn from(request: Request) -> Self {
        let word = request.word().to_owned();
        let (source, limit) = match request {
            Request::Online { source } | Request::Offline { source } | Request::Burst { source } => {
                (source, None)
            }
            Request::Report | Request::Version | Request::Reload => (None, None),
            Request::Clients { limit } => (None, limit),
        };
        Self { request: word, source, limit }
    }
}

/// One line of the daemon: `{"ok":…}` or `{"error":{"code":…,"message":…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply<T> {
    /// It was done, and this is the answer.
    Ok(T),
    /// It was not done.
    Error(Fault),
}

/// A reply as the daemon makes it.
pub type Response = Reply<Answer>;

/// What a successful reply carries. On the wire it has no tag: the asker knows what it asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To [`Request::Report`].
    Report(Box<Report>),
    /// To [`Request::Version`].
    Version(Version),
    /// To [`Request::Clients`].
    Clients(ClientList),
    /// To every command: `{}`.
    Done {},
}

/// Who asked the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientList {
    /// How many are remembered.
    pub known: u64,
    /// Those with the most requests first.
    pub clients: Vec<ClientReport>,
}

impl ClientList {
    /// The list for an answer, of all clients and the limit of the request.
    pub fn new(mut clients: Vec<ClientReport>, limit: Option<u32>) -> Self {
        let known = clients.len() as u64;
        clients.sort_by_key(|client| (Reverse(client.requests), client.address));
        clients.truncate(limit.unwrap_or(CLIENTS_MAX).min(CLIENTS_MAX) as usize);
        Self { known, clients }
    }
}

/// Who is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Name of the program: `chimerd`.
    pub program: String,
    /// Its version.
    pub version: String,
    /// Version of this protocol; it grows when a tool could misunderstand a newer daemon.
    pub protocol: u32,
}

impl Version {
    /// The version of the protocol that this crate speaks.
    pub const PROTOCOL: u32 = 1;

    /// What this build's daemon says.
    pub fn of_daemon() -> Self {
        Self {
            program: "chimerd".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            protocol: Self::PROTOCOL,
        }
    }
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// For machines.
    pub code: FaultCode,
    /// For people: one or more lines that say what to do about it.
    pub message: String,
}

/// The kind of a [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// Not a JSON object, an unknown request, or a field that it does not take.
    BadRequest,
    /// A request longer than [`REQUEST_MAX`](crate::REQUEST_MAX). The connection ends.
    TooLong,
    /// A command on the socket that only shows.
    NotPermitted,
    /// There is no source of that name.
    NoSuchSource,
    /// The configuration file cannot be read or is not legal; the old one stays in force.
    BadConfig,
    /// Too many connections or too many bad requests. The connection ends.
    Busy,
    /// It was tried and failed.
    Failed,
    /// A code of a newer daemon.
    #[serde(other)]
    Unknown,
}

impl Fault {
    /// A fault of this kind.
    pub fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<CommandError> for Fault {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NoSuchSource(names) if names.is_empty() => {
                Self::new(FaultCode::NoSuchSource, "no sources are configured")
            }
            CommandError::NoSuchSource(names) => Self::new(
                FaultCode::NoSuchSource,
                format!("there is no source of that name; there are {}", names.join(", ")),
            ),
            CommandError::AlreadyKnown => Self::new(FaultCode::Failed, "there is that source already"),
            CommandError::NoSuchSample => {
                Self::new(FaultCode::Failed, "there is no typed time of that number")
            }
            CommandError::TooMany => Self::new(FaultCode::Failed, "there are as many as there may be"),
            CommandError::NotEnabled(reason) | CommandError::NotPossible(reason) => {
                Self::new(FaultCode::Failed, reason)
            }
        }
    }
}
