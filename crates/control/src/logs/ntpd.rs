//! ntpd's formats, as its documentation describes them under *Monitoring Commands and Options*: the modified Julian day and the
//! second in it, then the columns.

use std::net::SocketAddr;

use truechimer_engine::report::{Report, ServerReport, SourceReport};

use super::{DAY_S, UNIX_EPOCH_MJD};
use crate::ntpq;

/// Why requests are dropped, in the words of reports, by what ntpd calls it.
pub(crate) const DENIED: &[&str] = &["denied", "source_address", "loopback_spoof", "not_unicast"];
/// Without `mode`: what is no request for time is no malformed one, and the questions of `ntpq` are of that kind.
pub(crate) const BAD_FORMAT: &[&str] =
    &["length", "version", "field_length", "too_many_fields", "trailing", "nts_format"];
pub(crate) const BAD_KEY: &[&str] = &["unknown_key", "digest", "signing_refused"];
pub(crate) const LIMITED: &[&str] = &["nts_nak_rate", "rate_limited"];

/// The clock after an update: offset in seconds, frequency in ppm, jitter in seconds, wander in ppm, and the time constant.
pub fn loopstats(report: &Report, unix_s: f64) -> String {
    let system = &report.system;
    let poll = report
        .sources
        .iter()
        .filter(|source| source.last_sample_age_s.is_some())
        .map(|source| source.poll)
        .min();
    format!(
        "{} {:.9} {:.6} {:.9} {:.6} {}",
        time(unix_s),
        system.offset_s,
        system.frequency_ppm,
        system.offset_sd_s,
        system.frequency_sd_ppm,
        poll.unwrap_or(6),
    )
}

/// The sample that this source gave last: offset, delay, dispersion and jitter in seconds.
pub fn peerstats(source: &SourceReport, unix_s: f64) -> Option<String> {
    let (offset_s, delay_s) = (source.last_offset_s?, source.last_delay_s?);
    Some(format!(
        "{} {} {:x} {offset_s:.9} {delay_s:.9} {:.9} {:.9}",
        time(unix_s),
        address(source),
        ntpq::source_status(source),
        source.root_distance_s.unwrap_or(16.0),
        source.jitter_s.unwrap_or(0.0),
    ))
}

/// The timestamps of the sample that this source gave last. Requests carry a random number in place of the time at which they
/// leave, so the first stamp is worked out of the others, as is the last.
pub fn rawstats(source: &SourceReport, unix_s: f64) -> Option<String> {
    let packet = source.packet.as_ref()?;
    let (offset_s, delay_s) = (source.last_offset_s?, source.last_delay_s?);
    let [received, sent] = packet.server_stamps?;
    let local = packet.local.map_or_else(|| "0.0.0.0".to_owned(), |local| local.to_canonical().to_string());
    Some(format!(
        "{} {} {local} {} {} {} {} {} {} 4 {} {} {} {:.6} {:.6} {} 1",
        time(unix_s),
        address(source),
        stamp(received, -(offset_s + delay_s / 2.0)),
        stamp(received, 0.0),
        stamp(sent, 0.0),
        stamp(sent, delay_s / 2.0 - offset_s),
        ntpq::leap(source.leap.as_deref().unwrap_or_default()),
        packet.version,
        source.stratum.unwrap_or(16),
        packet.poll,
        packet.precision,
        packet.root_delay_s,
        packet.root_dispersion_s,
        source.reference_id.as_deref().filter(|id| !id.is_empty()).unwrap_or("0.0.0.0"),
    ))
}

/// What the server did since the line before: seconds, packets received, answered, of this version, of older ones, denied, malformed,
/// with wrong keys, declined, over the rate, and kisses of death. Versions are not told apart: all count as of this one.
pub fn sysstats(now: &ServerReport, before: &ServerReport, span_s: f64, unix_s: f64) -> String {
    let since = |count: fn(&ServerReport) -> u64| count(now).saturating_sub(count(before));
    let dropped = |names: &[&str]| {
        let sum =
            |report: &ServerReport| names.iter().filter_map(|name| report.dropped.get(*name)).sum::<u64>();
        sum(now).saturating_sub(sum(before))
    };
    let received = since(|server| server.received);
    format!(
        "{} {:.0} {received} {} {received} 0 {} {} {} 0 {} {}",
        time(unix_s),
        span_s,
        since(|server| server.answered),
        dropped(DENIED),
        dropped(BAD_FORMAT),
        dropped(BAD_KEY),
        dropped(LIMITED),
        since(|server| server.kisses),
    )
}

fn address(source: &SourceReport) -> String {
    let address = source.address.as_ref().and_then(|address| address.parse::<SocketAddr>().ok());
    address.map_or_else(|| "0.0.0.0".to_owned(), |address| address.ip().to_canonical().to_string())
}

/// A timestamp of NTP, this much later, with nine digits behind the point.
fn stamp(bits: u64, later_s: f64) -> String {
    let later = (later_s * 2_f64.powi(32)).round() as i64;
    let bits = bits.wrapping_add_signed(later);
    let nanos = ((bits & 0xffff_ffff) * 1_000_000_000) >> 32;
    format!("{}.{nanos:09}", bits >> 32)
}

fn time(unix_s: f64) -> String {
    let day = (unix_s as i64).div_euclid(DAY_S);
    // Cut off, not rounded: the last millisecond of a day belongs to it.
    let second = ((unix_s - (day * DAY_S) as f64) * 1e3).floor() / 1e3;
    format!("{} {second:.3}", day + UNIX_EPOCH_MJD)
}
