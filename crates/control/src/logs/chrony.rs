//! chronyd's formats, as chrony.conf(5) describes them under `log`. Offsets have the signs that they have there, which is not the
//! same one in all files.

use std::net::SocketAddr;

use truechimer_engine::report::{Report, SourceReport, SourceState};

use super::{DAY_S, Date, scientific};
use crate::chronyc::view;

pub(super) const MEASUREMENTS: &str = "   Date (UTC) Time     IP Address   L St 123 567 ABCD  LP RP Score    Offset  Peer del. Peer disp.  Root del. Root disp. Refid     MTxRx";
pub(super) const STATISTICS: &str = "   Date (UTC) Time     IP Address    Std dev'n Est offset  Offset sd  Diff freq   Est skew  Stress  Ns  Bs  Nr  Asym";
pub(super) const TRACKING: &str = "   Date (UTC) Time     IP Address   St   Freq ppm   Skew ppm     Offset L Co  Offset sd Rem. corr. Root delay Root disp. Max. error";
pub(super) const SELECTION: &str =
    "   Date (UTC) Time     IP Address   S EOpts Reach Score Last sample  Low end   High end";

/// The sample that this source gave last; `None` if it gave none by a packet.
pub fn measurements(source: &SourceReport, unix_s: f64) -> Option<String> {
    source.packet.as_ref().map(|_| measurement(source, "111 111 1111", unix_s))
}

/// The answer of this source that failed a check last; `None` if none did.
pub fn refused_measurements(source: &SourceReport, unix_s: f64) -> Option<String> {
    let refused = source.refused.as_ref()?;
    let answer = SourceReport {
        leap: Some(refused.leap.clone()),
        stratum: Some(refused.stratum),
        last_offset_s: refused.offset_s,
        last_delay_s: refused.delay_s,
        packet: Some(refused.packet.clone()),
        stamps: Some(refused.stamps.clone()),
        ..source.clone()
    };
    Some(measurement(&answer, tests(&refused.check), unix_s))
}

/// The test columns for what failed this check: the one that it implements is 0, and so are the last four where it was not
/// measured.
fn tests(check: &str) -> &'static str {
    match check {
        "duplicate" => "011 111 0000",
        "origin" => "101 111 0000",
        "transmit" => "110 111 0000",
        "stratum" | "leap" => "111 101 0000",
        "root_distance" | "reference_time" => "111 110 0000",
        "server_time" | "delay" => "111 111 0111",
        "delay_ratio" => "111 111 1011",
        "loop" => "111 111 1110",
        _ => "111 011 0000",
    }
}

fn measurement(source: &SourceReport, tests: &str, unix_s: f64) -> String {
    let packet = view::ntp_packet(source);
    let e = |value| scientific(value, 10, 3);
    let stamp = |letter: u8| if letter.is_ascii_alphabetic() { char::from(letter) } else { 'D' };
    format!(
        "{} {:<15} {} {:2} {tests}  {:2} {:2} {:4.2} {} {} {} {} {} {:08X} {}B {} {}",
        time(unix_s),
        name(source),
        leap(packet.leap),
        packet.stratum,
        source.poll,
        packet.poll,
        0.0,
        e(packet.offset),
        e(packet.peer_delay),
        e(packet.peer_dispersion),
        e(packet.root_delay),
        e(packet.root_dispersion),
        packet.reference_id,
        packet.mode,
        stamp(packet.transmit_stamp),
        stamp(packet.receive_stamp),
    )
}

/// What is known of this source.
pub fn statistics(source: &SourceReport, report: &Report, unix_s: f64) -> Option<String> {
    source.history?;
    let known = view::source_stats(0, source, report);
    let e = |value| scientific(value, 10, 3);
    Some(format!(
        "{} {:<15} {} {} {} {} {} {} {:3} {:3} {:3} {:5.2}",
        time(unix_s),
        name(source),
        e(known.deviation),
        e(known.offset),
        e(known.offset_error),
        e(known.residual_frequency_ppm * 1e-6),
        e(known.skew_ppm * 1e-6),
        scientific(0.0, 7, 1),
        known.samples,
        0,
        known.runs,
        0.0,
    ))
}

/// The clock after an update.
pub fn tracking(report: &Report, unix_s: f64) -> String {
    let told = view::tracking(report);
    let system = &report.system;
    let used =
        |source: &&SourceReport| matches!(source.state, SourceState::SystemPeer | SourceState::Survivor);
    let peer =
        report.sources.iter().find(|source| source.state == SourceState::SystemPeer && told.stratum > 0);
    let e = |value| scientific(value, 10, 3);
    format!(
        "{} {:<15} {:2} {:10.3} {:10.3} {} {} {:2} {} {} {} {} {}",
        time(unix_s),
        peer.map_or_else(|| "0.0.0.0".to_owned(), name),
        told.stratum,
        told.frequency_ppm,
        told.skew_ppm,
        e(told.last_offset),
        leap(told.leap as u8),
        report.sources.iter().filter(used).count().min(99),
        e(system.offset_sd_s),
        e(told.correction),
        e(told.root_delay),
        e(told.root_dispersion),
        e(system.bound_s.unwrap_or(0.0)),
    )
}

/// What became of this source.
pub fn selection(source: &SourceReport, unix_s: f64) -> String {
    let found = view::select_data(0, source);
    let e = |value| scientific(value, 10, 3);
    let has =
        |option: &str, letter: char| if source.options.iter().any(|o| o == option) { letter } else { '-' };
    let options = [has("noselect", 'N'), has("prefer", 'P'), has("trust", 'T'), has("require", 'R'), '-'];
    format!(
        "{} {:<15} {} {} {:4o} {:5.2} {} {} {}",
        time(unix_s),
        name(source),
        char::from(found.state),
        String::from_iter(options),
        source.reach,
        found.score,
        e(source.last_sample_age_s.unwrap_or(0.0)),
        e(found.low),
        e(found.high),
    )
}

/// Its address, or the name of a reference clock; of a name that is not resolved yet, the name.
fn name(source: &SourceReport) -> String {
    let address = source.address.as_ref().and_then(|address| address.parse::<SocketAddr>().ok());
    address.map_or_else(|| source.name.clone(), |address| address.ip().to_canonical().to_string())
}

const fn leap(indicator: u8) -> char {
    match indicator {
        0 => 'N',
        1 => '+',
        2 => '-',
        _ => '?',
    }
}

fn time(unix_s: f64) -> String {
    let Date { year, month, day } = Date::of(unix_s);
    let second = (unix_s as i64).rem_euclid(DAY_S);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}
