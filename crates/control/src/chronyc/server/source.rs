//! A new source in the words of the engine.

use std::net::IpAddr;

use truechimer_engine::config::{
    Authentication, Endpoint, Family, Host, NtsOptions, SourceConfig, SourceKind, SourceOptions,
};

use super::command::{poll, positive, stratum};
use crate::chronyc::arguments::NewSource;
use crate::chronyc::flags;
use crate::chronyc::reply::Status;

const SERVER: u32 = 1;
const PEER: u32 = 2;
const POOL: u32 = 3;
const NTP_PORT: u16 = 123;

/// Options that say nothing to this daemon (how many samples to keep, presend, interleaving…) are left aside; the
/// manual lists them.
pub(super) fn configure(new: &NewSource) -> Result<SourceConfig, Status> {
    let has = |flag: u32| new.flags & flag != 0;
    let host = host(new.name.as_str())?;
    let port = match u16::try_from(new.port) {
        Ok(0) => NTP_PORT,
        Ok(port) => port,
        Err(_) => return Err(Status::Invalid),
    };
    let endpoint = Endpoint { host, port };
    let kind = match new.kind {
        SERVER => SourceKind::Server(endpoint),
        POOL => SourceKind::Pool { endpoint, size: new.max_sources.clamp(1, 16) as u8 },
        PEER => return Err(Status::NotEnabled),
        _ => return Err(Status::Invalid),
    };
    let (min_poll, max_poll) = (poll(new.min_poll)?, poll(new.max_poll)?);
    let authentication = if has(flags::NTS) {
        let ke_port = u16::try_from(new.nts_port).map_err(|_| Status::Invalid)?;
        Authentication::Nts(NtsOptions { ke_port, ..NtsOptions::default() })
    } else if new.key_id != 0 {
        Authentication::Key(new.key_id)
    } else {
        Authentication::None
    };
    let options = SourceOptions {
        min_poll,
        max_poll: max_poll.max(min_poll),
        iburst: has(flags::IBURST),
        burst: has(flags::BURST),
        prefer: has(flags::PREFER),
        trust: has(flags::TRUST),
        require: has(flags::REQUIRE),
        noselect: has(flags::NOSELECT),
        version: if new.version == 3 { 3 } else { 4 },
        family: match (has(flags::IPV4), has(flags::IPV6)) {
            (true, false) => Some(Family::V4),
            (false, true) => Some(Family::V6),
            _ => None,
        },
        max_delay_s: positive(new.max_delay)?,
        max_delay_ratio: (new.max_delay_ratio > 1.0).then_some(new.max_delay_ratio),
        offset_s: new.offset,
        min_stratum: stratum(new.min_stratum)?,
        min_delay_s: (new.min_delay > 0.0).then_some(new.min_delay),
        // Clients before chrony 4.7 have padding there.
        max_unreach: u32::try_from(new.max_unreach).ok().filter(|polls| *polls > 0),
        copy: has(flags::COPY),
        offline: !has(flags::ONLINE),
        authentication,
        ..SourceOptions::default()
    };
    Ok(SourceConfig { name: None, kind, options })
}

/// A name that name servers could know, or an address.
fn host(text: &str) -> Result<Host, Status> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Host::Address(address));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if text.is_empty() || text.len() > 253 || !text.bytes().all(plain) {
        return Err(Status::InvalidName);
    }
    Ok(Host::Name(text.to_owned()))
}
