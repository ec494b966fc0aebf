//! The variables of the system and of its sources, by the names of RFC 9327 §§5, 6 and of ntpd, in milliseconds and ppm.

use std::net::SocketAddr;

use truechimer_engine::report::{Report, SourceReport};

use super::status::leap;
use crate::logs::{BAD_FORMAT, BAD_KEY, DENIED, LIMITED};

/// Seconds from 1900 to 1970.
pub(super) const UNIX_EPOCH_S: f64 = 2_208_988_800.0;

/// A name and what it stands for.
pub(super) type Variable = (&'static str, String);

pub(super) fn source(association: u16, report: &Report) -> Option<&SourceReport> {
    report.sources.get(usize::from(association).checked_sub(1)?)
}

/// Seconds since 1970 as a timestamp of NTP.
pub(super) fn timestamp(unix_s: f64) -> String {
    let seconds = unix_s + UNIX_EPOCH_S;
    let whole = seconds.floor();
    let fraction = ((seconds - whole) * f64::from(u32::MAX)) as u32;
    format!("0x{:08x}.{fraction:08x}", whole as i64 as u32)
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.6}", seconds * 1e3)
}

/// Text in the quotes that it needs.
fn quoted(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control() && *c != '"').collect();
    format!("\"{plain}\"")
}

fn identifier(text: &str, stratum: u8) -> String {
    match text {
        "" if stratum >= 16 => "INIT".into(),
        "" => "0.0.0.0".into(),
        text => text.into(),
    }
}

pub(super) fn of_system(report: &Report) -> Vec<Variable> {
    let system = &report.system;
    let peer = (1..).zip(&report.sources).find(|(_, source)| super::status::source(source) >> 8 & 7 == 6);
    let update = system.last_update_age_s.map_or(-UNIX_EPOCH_S, |age_s| system.time_unix_s - age_s);
    let poll = peer.map_or(6, |(_, source)| source.poll);
    vec![
        ("version", quoted(concat!("chimerd ", env!("CARGO_PKG_VERSION")))),
        ("processor", quoted(std::env::consts::ARCH)),
        ("system", quoted(std::env::consts::OS)),
        ("leap", format!("{:02b}", leap(&system.leap))),
        ("stratum", system.stratum.to_string()),
        ("rootdelay", milliseconds(system.root_delay_s)),
        ("rootdisp", milliseconds(system.root_dispersion_s)),
        ("rootdist", milliseconds(system.bound_s.unwrap_or(16.0))),
        ("refid", identifier(&system.reference_id, system.stratum)),
        ("reftime", timestamp(update)),
        ("clock", timestamp(system.time_unix_s)),
        ("peer", peer.map_or(0, |(id, _)| id).to_string()),
        ("tc", poll.to_string()),
        ("mintc", "0".into()),
        ("offset", milliseconds(system.offset_s)),
        ("frequency", format!("{:.6}", system.frequency_ppm)),
        ("sys_jitter", milliseconds(system.offset_sd_s)),
        ("clk_jitter", milliseconds(system.rms_offset_s.unwrap_or(0.0))),
        ("clk_wander", format!("{:.6}", system.frequency_sd_ppm)),
    ]
}

/// Those of the system that are only told to who names them: of the commands `sysinfo`, `kerninfo`, `sysstats` and `iostats`.
pub(super) fn on_demand(report: &Report) -> Vec<Variable> {
    let system = &report.system;
    let peer = report.sources.iter().find(|source| super::status::source(source) >> 8 & 7 == 6);
    let remote = peer.and_then(|peer| peer.address.as_ref()?.parse::<SocketAddr>().ok());
    let mut variables = vec![
        ("peeradr", remote.map_or("0.0.0.0".into(), |remote| remote.ip().to_canonical().to_string())),
        ("peermode", if peer.is_some() { "4" } else { "0" }.into()),
        ("kfreq", format!("{:.6}", system.frequency_ppm)),
        ("kmaxerr", milliseconds(system.bound_s.unwrap_or(16.0))),
        ("kesterr", milliseconds(system.offset_sd_s)),
    ];
    let uptime = format!("{:.0}", system.uptime_s.unwrap_or(0.0));
    let server = report.server.clone().unwrap_or_default();
    let dropped = |names: &[&str]| names.iter().filter_map(|name| server.dropped.get(*name)).sum::<u64>();
    let of_sources = |count: fn(&SourceReport) -> u64| report.sources.iter().map(count).sum::<u64>();
    let refused = of_sources(|source| source.dropped.values().sum());
    let counted = [
        ("ss_received", "ss_received_r", server.received),
        ("ss_thisver", "ss_thisver_r", server.received),
        ("ss_oldver", "ss_oldver_r", 0),
        ("ss_badformat", "ss_badformat_r", dropped(BAD_FORMAT)),
        ("ss_badauth", "ss_badauth_r", dropped(BAD_KEY)),
        ("ss_declined", "ss_declined_r", 0),
        ("ss_restricted", "ss_restricted_r", dropped(DENIED)),
        ("ss_limited", "ss_limited_r", dropped(LIMITED)),
        ("ss_kodsent", "ss_kodsent_r", server.kisses),
        ("ss_processed", "ss_processed_r", of_sources(|source| source.accepted)),
    ];
    for (all, recent, count) in counted {
        variables.extend([(all, count.to_string()), (recent, count.to_string())]);
    }
    variables.extend([
        ("ss_uptime", uptime.clone()),
        ("ss_reset", uptime.clone()),
        ("ss_reset_r", uptime.clone()),
        ("iostats_reset", uptime),
        ("io_dropped", (server.dropped.values().sum::<u64>() + refused).to_string()),
        ("io_received", (server.received + of_sources(|source| source.accepted) + refused).to_string()),
        ("io_sent", (server.answered + of_sources(|source| source.sent)).to_string()),
    ]);
    variables
}

pub(super) fn of_source(source: &SourceReport, report: &Report) -> Vec<Variable> {
    let remote = source.address.as_ref().and_then(|address| address.parse::<SocketAddr>().ok());
    let packet = source.packet.as_ref();
    let stratum = source.stratum.unwrap_or(16);
    let local = packet.and_then(|packet| packet.local);
    let taken = source.last_sample_age_s.map_or(-UNIX_EPOCH_S, |age_s| report.system.time_unix_s - age_s);
    let authentication = source.authentication.as_ref();
    vec![
        ("srcadr", remote.map_or("0.0.0.0".into(), |remote| remote.ip().to_canonical().to_string())),
        ("srcport", remote.map_or(0, |remote| remote.port()).to_string()),
        ("srchost", quoted(&source.name)),
        ("dstadr", local.map_or("0.0.0.0".into(), |local| local.to_canonical().to_string())),
        ("dstport", "123".into()),
        ("leap", format!("{:02b}", leap(source.leap.as_deref().unwrap_or_default()))),
        ("stratum", stratum.to_string()),
        ("precision", packet.map_or(0, |packet| packet.precision).to_string()),
        ("rootdelay", milliseconds(packet.map_or(0.0, |packet| packet.root_delay_s))),
        ("rootdisp", milliseconds(packet.map_or(0.0, |packet| packet.root_dispersion_s))),
        ("refid", identifier(source.reference_id.as_deref().unwrap_or_default(), stratum)),
        ("reftime", timestamp(packet.map_or(-UNIX_EPOCH_S, |packet| packet.reference_time_unix_s))),
        ("rec", timestamp(taken)),
        ("reach", format!("0x{:x}", source.reach)),
        ("unreach", "0".into()),
        ("hmode", "3".into()),
        ("pmode", if packet.is_some() { "4" } else { "0" }.into()),
        ("hpoll", source.poll.to_string()),
        // Servers send back what the request said, which says nothing, and ntpq shows the shorter of the two.
        ("ppoll", packet.map_or(source.poll, |packet| packet.poll.max(source.poll)).to_string()),
        ("flash", if source.reach & 1 == 1 { "0x0" } else { "0x1000" }.into()),
        ("keyid", authentication.and_then(|how| how.key_id).unwrap_or(0).to_string()),
        ("offset", milliseconds(source.last_offset_s.unwrap_or(0.0))),
        ("delay", milliseconds(source.last_delay_s.unwrap_or(0.0))),
        ("dispersion", milliseconds(source.root_distance_s.unwrap_or(16.0))),
        ("jitter", milliseconds(source.jitter_s.unwrap_or(0.0))),
    ]
}
