//! Status words, RFC 9327 §4. Events are not counted: both of their fields are zero.

use truechimer_engine::report::{Report, SourceReport, SourceState};

/// §4.1: the leap indicator, and what the clock is set by.
pub(super) fn system(report: &Report) -> u16 {
    let system = &report.system;
    let by_radio = report
        .sources
        .iter()
        .any(|source| source.kind == "reference" && source.state == SourceState::SystemPeer);
    let source = match (&system.system_peer, by_radio) {
        _ if system.local_reference => 5,
        (Some(_), true) => 4,
        (Some(_), false) => 6,
        (None, _) => 0,
    };
    u16::from(leap(&system.leap)) << 14 | source << 8
}

pub(crate) fn leap(name: &str) -> u8 {
    match name {
        "none" => 0,
        "insert" => 1,
        "delete" => 2,
        _ => 3,
    }
}

const CONFIGURED: u16 = 0x8000;
const AUTHENTICATED_IF_ANY: u16 = 0x4000;
const AUTHENTIC: u16 = 0x2000;
const REACHABLE: u16 = 0x1000;

/// §4.2: how a source stands, and what became of it in the selection.
pub(crate) fn source(source: &SourceReport) -> u16 {
    let mut word = CONFIGURED;
    if source.authentication.is_some() {
        word |= AUTHENTICATED_IF_ANY;
        if source.reach & 1 != 0 {
            word |= AUTHENTIC;
        }
    }
    if source.reach != 0 {
        word |= REACHABLE;
    }
    let selection = match source.state {
        SourceState::SystemPeer => 6,
        SourceState::Survivor => 4,
        SourceState::Outlier => 3,
        SourceState::Falseticker => 1,
        _ => 0,
    };
    word | selection << 8
}
