//! Requests that want to be shown something. chrony counts an offset positive when the clock is fast, this project when
//! it is slow.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use truechimer_engine::report::{KeyExchangeReport, Report, ServerReport, SourceReport, SourceState};
use truechimer_wire::ReferenceId;

use super::Daemon;
use crate::chronyc::records::{
    Activity, AuthData, NtpData, NtpDataSince47, NtpPacket, SelectData, ServerStats32, ServerStats64,
    SourceData, SourceStats, Tracking,
};
use crate::chronyc::reply::{Answer, Status};
use crate::chronyc::request::Body;
use crate::chronyc::{Address, NEVER, Name, REPLY_HEADER_LEN, Timestamp, select};

/// Length of the longer replies that newer clients leave room for, bytes.
const SERVER_STATS_64_LEN: usize = REPLY_HEADER_LEN + 21 * 8;
const NTP_DATA_47_LEN: usize = REPLY_HEADER_LEN + 144;
/// What chronyd tells of a source without samples: a deviation in seconds, and a skew in ppm.
const UNKNOWN_DEVIATION_S: f64 = 4.0;
const UNKNOWN_SKEW_PPM: f64 = 2000.0;
/// Checks that a packet fails which is authentic and in order, but not to be used.
const LATE_CHECKS: [&str; 8] =
    ["stratum", "leap", "root_distance", "reference_time", "loop", "server_time", "delay", "delay_ratio"];

pub(super) fn look(body: &Body, room: usize, daemon: &mut dyn Daemon) -> Result<Answer, Status> {
    if let Body::Clients(asked) = body {
        return super::clients::look(asked, daemon);
    }
    let report = daemon.report();
    match body {
        Body::Null(()) => Ok(Answer::Null(())),
        Body::SourceCount(()) => Ok(Answer::SourceCount(report.sources.len() as u32)),
        Body::Tracking(()) => Ok(Answer::Tracking(tracking(&report))),
        Body::Activity(()) => Ok(Answer::Activity(activity(&report))),
        Body::ManualList(()) => Ok(super::typed::list(daemon)),
        Body::ServerStats(()) => {
            let stats = server_stats(&report, daemon);
            Ok(if room == SERVER_STATS_64_LEN {
                Answer::ServerStats64(stats)
            } else {
                Answer::ServerStats32(narrow(&stats))
            })
        }
        Body::SourceData(place) => {
            let (id, source) = at(&report, u32::try_from(*place).map_err(|_| Status::NoSuchSource)?)?;
            let data = source_data(id, source);
            let address = told(data.address, id, &report);
            Ok(Answer::SourceData(SourceData { address, ..data }))
        }
        Body::SourceStats(place) => {
            let (id, source) = at(&report, *place)?;
            let data = source_stats(id, source, &report);
            let address = told(data.address, id, &report);
            Ok(Answer::SourceStats(SourceStats { address, ..data }))
        }
        Body::SelectData(place) => {
            let (id, source) = at(&report, *place)?;
            let data = select_data(id, source);
            let address = told(data.address, id, &report);
            Ok(Answer::SelectData(SelectData { address, ..data }))
        }
        Body::SourceName(address) => Ok(Answer::SourceName(Name::new(host(&of(&report, *address)?.name)))),
        Body::AuthData(address) => Ok(Answer::AuthData(auth_data(of(&report, *address)?))),
        Body::NtpData(address) => {
            let packet = ntp_packet(of(&report, *address)?);
            Ok(if room == NTP_DATA_47_LEN {
                let data = NtpDataSince47 { packet, stamped: [0; 4], reserved: [u32::MAX; 4] };
                Answer::NtpDataSince47(data)
            } else {
                Answer::NtpData(NtpData { packet, reserved: [u32::MAX; 3] })
            })
        }
        _ => Err(Status::Invalid),
    }
}

fn at(report: &Report, place: u32) -> Result<(u32, &SourceReport), Status> {
    let source = report.sources.get(place as usize).ok_or(Status::NoSuchSource)?;
    Ok((place + 1, source))
}

fn of(report: &Report, address: Address) -> Result<&SourceReport, Status> {
    let mut sources = (1..).zip(&report.sources);
    let found = sources.find(|(id, source)| {
        source.kind != "reference" && told(self::address(*id, source), *id, report) == address
    });
    found.map(|(_, source)| source).ok_or(Status::NoSuchSource)
}

fn ip(source: &SourceReport) -> Option<IpAddr> {
    Some(source.address.as_ref()?.parse::<SocketAddr>().ok()?.ip().to_canonical())
}

/// By which it is told to clients.
fn identifier(source: &SourceReport) -> u32 {
    let id = match ip(source) {
        Some(address) => ReferenceId::from_address(address),
        None if source.kind == "reference" => ReferenceId::from_name(&source.name),
        None => ReferenceId::NONE,
    };
    u32::from_be_bytes(id.0)
}

fn address(id: u32, source: &SourceReport) -> Address {
    match ip(source) {
        Some(address) => Address::Ip(address),
        None if source.kind == "reference" => Address::Ip(Ipv4Addr::from_bits(identifier(source)).into()),
        None => Address::Id(id),
    }
}

/// The address by which a source is asked for: its number where another one before it has the same address and only another
/// port, of which the protocol knows nothing.
fn told(address: Address, id: u32, report: &Report) -> Address {
    match address {
        Address::Ip(_) if is_twin(id, report) => Address::Id(id),
        address => address,
    }
}

/// Whether an earlier source has the same address.
pub(super) fn is_twin(id: u32, report: &Report) -> bool {
    let before = (id as usize).saturating_sub(1);
    let Some(own) = report.sources.get(before).and_then(ip) else { return false };
    report.sources.iter().take(before).any(|other| ip(other) == Some(own))
}

/// A name without the port that reports put behind it where it is not the usual one.
fn host(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']')) => {
            host.trim_matches(['[', ']'])
        }
        _ => name,
    }
}

fn ago(age_s: Option<f64>) -> u32 {
    age_s.map_or(NEVER, |age_s| age_s.clamp(0.0, f64::from(NEVER - 1)) as u32)
}

fn leap(name: Option<&str>) -> u8 {
    match name {
        Some("insert") => 1,
        Some("delete") => 2,
        Some("unsynchronised") | None => 3,
        _ => 0,
    }
}

/// The number that the report has as text.
fn number(reference_id: &str) -> u32 {
    match reference_id.parse::<Ipv4Addr>() {
        Ok(address) => address.to_bits(),
        Err(_) => u32::from_be_bytes(ReferenceId::from_name(reference_id).0),
    }
}

pub(crate) fn tracking(report: &Report) -> Tracking {
    let system = &report.system;
    let told = leap(Some(&system.leap));
    let peer = report.sources.iter().find(|source| source.state == SourceState::SystemPeer);
    let peer = peer.filter(|_| told != 3 && !system.local_reference);
    let update = system.last_update_age_s.filter(|_| told != 3);
    Tracking {
        reference_id: number(&system.reference_id),
        address: peer.and_then(ip).map_or(Address::Unspecified, Address::Ip),
        stratum: if told == 3 { 0 } else { system.stratum.into() },
        leap: told.into(),
        reference_time: update
            .map(|age_s| Timestamp::from_unix_seconds(system.time_unix_s - age_s))
            .unwrap_or_default(),
        correction: system.offset_s,
        last_offset: system.last_offset_s.map_or(0.0, |offset_s| -offset_s),
        rms_offset: system.rms_offset_s.unwrap_or(0.0),
        frequency_ppm: -system.frequency_ppm,
        residual_frequency_ppm: peer
            .and_then(|peer| peer.frequency_ppm)
            .map_or(0.0, |frequency| system.frequency_ppm - frequency),
        skew_ppm: system.frequency_sd_ppm,
        root_delay: system.root_delay_s,
        root_dispersion: system.root_dispersion_s,
        update_interval: system.update_interval_s.unwrap_or(0.0),
    }
}

fn activity(report: &Report) -> Activity {
    let count = |wanted: fn(&SourceState) -> bool| {
        let sources = report.sources.iter().filter(|source| source.kind != "reference");
        sources.filter(|source| wanted(&source.state)).count() as u32
    };
    Activity {
        online: count(|state| !matches!(state, SourceState::Offline | SourceState::Resolving)),
        offline: count(|state| *state == SourceState::Offline),
        unresolved: count(|state| *state == SourceState::Resolving),
        ..Activity::default()
    }
}

fn server_stats(report: &Report, daemon: &dyn Daemon) -> ServerStats64 {
    let none = ServerReport::default();
    let server = report.server.as_ref().unwrap_or(&none);
    let nobody = KeyExchangeReport::default();
    let exchange = report.key_exchange.as_ref().unwrap_or(&nobody);
    let counters = daemon.counters();
    ServerStats64 {
        ntp_hits: server.received,
        nke_hits: exchange.accepted,
        command_hits: counters.received,
        ntp_drops: server.dropped.values().sum(),
        nke_drops: exchange.failed.values().sum(),
        command_drops: counters.dropped,
        log_drops: server.clients_lost,
        ntp_auth_hits: server.authenticated.saturating_add(server.signed).saturating_add(server.nts),
        ntp_interleaved_hits: 0,
        ntp_timestamps: 0,
        ntp_span_s: 0,
        stamps: [u64::MAX; 6],
        reserved: [u64::MAX; 4],
    }
}

fn narrow(stats: &ServerStats64) -> ServerStats32 {
    let number = |wide: u64| u32::try_from(wide).unwrap_or(u32::MAX);
    ServerStats32 {
        ntp_hits: number(stats.ntp_hits),
        nke_hits: number(stats.nke_hits),
        command_hits: number(stats.command_hits),
        ntp_drops: number(stats.ntp_drops),
        nke_drops: number(stats.nke_drops),
        command_drops: number(stats.command_drops),
        log_drops: number(stats.log_drops),
        ntp_auth_hits: number(stats.ntp_auth_hits),
        ..ServerStats32::default()
    }
}

pub(crate) fn source_data(id: u32, source: &SourceReport) -> SourceData {
    SourceData {
        address: address(id, source),
        poll: source.poll.into(),
        stratum: source.stratum.unwrap_or(0).into(),
        state: match source.state {
            SourceState::SystemPeer => 0,
            SourceState::Falseticker => 2,
            SourceState::Survivor => 4,
            SourceState::Outlier => 5,
            _ => 1,
        },
        mode: if source.kind == "reference" { 2 } else { 0 },
        flags: 0,
        reachability: source.reach.into(),
        since_sample: ago(source.last_sample_age_s),
        original_measurement: -source.last_offset_s.unwrap_or(0.0),
        adjusted_measurement: -source.last_offset_now_s.or(source.last_offset_s).unwrap_or(0.0),
        measurement_error: source.root_distance_s.unwrap_or(0.0),
    }
}

pub(crate) fn source_stats(id: u32, source: &SourceReport, report: &Report) -> SourceStats {
    let history = source.history;
    SourceStats {
        reference_id: identifier(source),
        address: if source.kind == "reference" { Address::Unspecified } else { address(id, source) },
        samples: history.map_or(0, |history| history.samples),
        runs: history.map_or(0, |history| history.runs),
        span_s: history.map_or(0, |history| history.span_s as u32),
        deviation: source.jitter_s.unwrap_or(UNKNOWN_DEVIATION_S),
        residual_frequency_ppm: source
            .frequency_ppm
            .map_or(0.0, |frequency| report.system.frequency_ppm - frequency),
        skew_ppm: source.frequency_sd_ppm.unwrap_or(UNKNOWN_SKEW_PPM).min(UNKNOWN_SKEW_PPM),
        offset: -source.offset_s.unwrap_or(0.0),
        offset_error: source.offset_sd_s.unwrap_or(0.0),
    }
}

pub(crate) fn select_data(id: u32, source: &SourceReport) -> SelectData {
    let bits = |options: &[String]| {
        let bit = |option: &String| match option.as_str() {
            "noselect" => select::NOSELECT,
            "prefer" => select::PREFER,
            "trust" => select::TRUST,
            "require" => select::REQUIRE,
            _ => 0,
        };
        options.iter().map(bit).fold(0, |all, bit| all | bit)
    };
    let [low, high] = source.interval_s.unwrap_or([0.0; 2]);
    SelectData {
        reference_id: identifier(source),
        address: if source.kind == "reference" { Address::Unspecified } else { address(id, source) },
        state: match source.state {
            SourceState::SystemPeer => b'*',
            SourceState::Survivor => b'+',
            SourceState::Outlier => b'-',
            SourceState::Falseticker => b'x',
            SourceState::NoSelect => b'N',
            _ if source.options.iter().any(|option| option == "noselect") => b'N',
            SourceState::Rejected if source.reason.contains("root distance") => b'D',
            SourceState::Rejected if source.reason.contains("orphan") => b'O',
            SourceState::Rejected if source.last_sample_age_s.is_some() => b'M',
            _ => b's',
        },
        authenticated: source.authentication.is_some().into(),
        leap: leap(source.leap.as_deref()),
        padding: 0,
        configured_options: bits(source.configured_options.as_deref().unwrap_or(&source.options)),
        effective_options: bits(&source.options),
        last_sample_ago: if source.last_sample_age_s.is_some() { ago(source.last_sample_age_s) } else { 0 },
        score: 1.0,
        low: -high,
        high: -low,
    }
}

pub(crate) fn ntp_packet(source: &SourceReport) -> NtpPacket {
    let late: u64 = LATE_CHECKS.iter().filter_map(|check| source.dropped.get(*check)).sum();
    let count = |number: u64| number as u32;
    let stamp = |name: &str| match name {
        "hardware" => b'H',
        "kernel" => b'K',
        _ => b'D',
    };
    let stamps = source.stamps.as_ref().map_or([0; 2], |[sent, received]| [stamp(sent), stamp(received)]);
    let remote = source.address.as_ref().and_then(|address| address.parse::<SocketAddr>().ok());
    let all = NtpPacket {
        remote_address: remote.map_or(Address::Unspecified, |remote| remote.ip().to_canonical().into()),
        remote_port: remote.map_or(0, |remote| remote.port()),
        transmit_stamp: stamps[0],
        receive_stamp: stamps[1],
        sent: count(source.sent),
        received: count(source.accepted.saturating_add(source.dropped.values().sum())),
        valid: count(source.accepted.saturating_add(late)),
        good: count(source.accepted),
        ..NtpPacket::default()
    };
    let Some(packet) = &source.packet else { return all };
    let authenticated = if source.authentication.is_some() { 0x8000 } else { 0 };
    NtpPacket {
        local_address: packet.local.map_or(Address::Unspecified, Address::Ip),
        leap: leap(source.leap.as_deref()),
        version: packet.version,
        mode: 4,
        stratum: source.stratum.unwrap_or(0),
        poll: packet.poll,
        precision: packet.precision,
        root_delay: packet.root_delay_s,
        root_dispersion: packet.root_dispersion_s,
        reference_id: packet.reference_id,
        reference_time: Timestamp::from_unix_seconds(packet.reference_time_unix_s),
        offset: source.last_offset_s.unwrap_or(0.0),
        peer_delay: source.last_delay_s.unwrap_or(0.0),
        peer_dispersion: packet.stamp_error_s,
        response_time: packet.response_s,
        jitter_asymmetry: 0.0,
        // It gave a sample, so it passed all ten.
        flags: 0x3ff | authenticated,
        ..all
    }
}

fn auth_data(source: &SourceReport) -> AuthData {
    let none = AuthData { last_exchange_ago: NEVER, ..AuthData::default() };
    let Some(authentication) = &source.authentication else { return none };
    let small = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
    let algorithm = authentication.algorithm.as_deref().unwrap_or_default();
    if authentication.method == "key" {
        let (key_type, key_length) = match algorithm {
            "MD5" => (1, 0),
            "SHA1" => (2, 0),
            "SHA256" => (3, 0),
            "SHA384" => (4, 0),
            "SHA512" => (5, 0),
            "AES128" => (13, 128),
            "AES256" => (14, 256),
            _ => (0, 0),
        };
        let key_id = authentication.key_id.unwrap_or(0);
        return AuthData { mode: 1, key_type, key_id, key_length, ..none };
    }
    let Some(nts) = &authentication.nts else { return AuthData { mode: 2, ..none } };
    let (key_type, key_length) = match algorithm {
        "" => (0, 0),
        name if name.contains("GCM") => (30, 128),
        name if name.contains("512") => (17, 512),
        name if name.contains("384") => (16, 384),
        _ => (15, 256),
    };
    AuthData {
        mode: 2,
        key_type,
        key_id: u32::try_from(nts.key_exchanges).unwrap_or(u32::MAX),
        key_length,
        exchanges: small(nts.unproven_key_exchanges.into()),
        last_exchange_ago: nts
            .last_key_exchange_age_s
            .map_or(NEVER, |age| age.min(u64::from(NEVER - 1)) as u32),
        cookies: small(nts.cookies as u64),
        cookie_length: 0,
        naks: small(nts.naks),
        padding: 0,
    }
}
