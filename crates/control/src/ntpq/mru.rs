//! `mrulist`: who has asked the server, those who asked last at the end (ntpd's mode 6; RFC 9327 leaves it out).
//!
//! A list is asked for with a nonce that was fetched before, so that whoever forges the sender of a question gets none; and in
//! parts: each question names the entries that came last, and the answer goes on behind the first of these that has not asked again
//! since.

use std::net::{IpAddr, SocketAddr};

use truechimer_engine::report::ClientReport;
use truechimer_time::{Mono, Now};
use truechimer_wire::CONTROL_DATA_MAX;
use truechimer_wire::mac::{KeyAlgorithm, MAX_DIGEST_LEN, SymmetricKey};

use super::Fault;
use super::variables::{UNIX_EPOCH_S, timestamp};

/// For how long a nonce is good, seconds, as with ntpd.
const NONCE_LIFE_S: f64 = 16.0;
/// Bytes of a nonce's digest.
const DIGEST_LEN: usize = 16;
/// Most messages of one answer: the offset of the last has 16 bits.
const FRAGMENTS_MAX: usize = 128;
/// Entries that a question names.
const SEEN_MAX: usize = 16;
/// Room for what comes after the last entry, bytes.
const TAIL_LEN: usize = 80;
/// Times are told on the scale of a clock that is being corrected, so the same moment reads a little different next time: seconds.
const SAME_MOMENT_S: f64 = 2e-3;

/// Seconds in an era of stamps.
const ERA_S: f64 = 4_294_967_296.0;

/// Makes nonces and knows its own.
#[derive(Debug)]
pub struct Nonces(Option<SymmetricKey>);

impl Nonces {
    /// From fresh randomness.
    pub fn new(secret: [u8; 16]) -> Self {
        Self(SymmetricKey::new(KeyAlgorithm::AesCmac128, &secret).ok())
    }

    /// One for this address: the time in hexadecimal digits, and a digest of both.
    pub(super) fn make(&self, remote: IpAddr, now: Mono) -> Option<String> {
        let mut digest = [0; MAX_DIGEST_LEN];
        self.0.as_ref()?.digest(&covered(remote, now.nanos()), &mut digest);
        let digest = u128::from_be_bytes(*digest.first_chunk::<DIGEST_LEN>()?);
        Some(format!("{:016x}{digest:032x}", now.nanos()))
    }

    fn holds(&self, nonce: &str, remote: IpAddr, now: Mono) -> bool {
        let (Some(key), Some((time, digest))) = (&self.0, nonce.split_at_checked(16)) else { return false };
        let (Ok(nanos), Ok(digest)) = (u64::from_str_radix(time, 16), u128::from_str_radix(digest, 16))
        else {
            return false;
        };
        let age_s = now.seconds_since(Mono::from_nanos(nanos));
        (0.0..=NONCE_LIFE_S).contains(&age_s) && key.verify(&covered(remote, nanos), &digest.to_be_bytes())
    }
}

fn covered(remote: IpAddr, nanos: u64) -> Vec<u8> {
    let address = match remote {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    [&address.octets()[..], &nanos.to_be_bytes()].concat()
}

/// What is asked for.
#[derive(Debug, Default)]
struct Wanted<'q> {
    nonce: &'q str,
    fragments: Option<usize>,
    rows: Option<usize>,
    recent: Option<usize>,
    min_count: u64,
    min_drop: u64,
    min_score: f64,
    /// Since the last request, seconds.
    silent_s: [Option<f64>; 2],
    /// Only such as nobody is.
    nobody: bool,
    /// Addresses and times of the entries that came last, the newest first.
    seen: [(&'q str, &'q str); SEEN_MAX],
}

impl<'q> Wanted<'q> {
    fn read(question: &'q [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(question).map_err(|_| Fault::Format)?;
        let mut wanted = Self::default();
        for pair in text.split(',') {
            let pair = pair.trim_matches(|c: char| c.is_whitespace() || c == '\0');
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=').ok_or(Fault::Format)?;
            wanted.take(name.trim(), value.trim()).ok_or(Fault::Value)?;
        }
        Ok(wanted)
    }

    fn take(&mut self, name: &str, value: &'q str) -> Option<()> {
        let number = || value.parse::<f64>().ok().filter(|number| number.is_finite());
        match name {
            "nonce" => self.nonce = value,
            "frags" => self.fragments = Some(number()? as usize),
            "limit" => self.rows = Some(number()? as usize),
            "recent" => self.recent = Some(number()? as usize),
            "mincount" => self.min_count = number()? as u64,
            "mindrop" => self.min_drop = number()? as u64,
            "minscore" => self.min_score = number()?,
            "minlstint" => self.silent_s[0] = Some(number()?),
            "maxlstint" => self.silent_s[1] = Some(number()?),
            // Flags of ntpd's access list, of which nobody has any here.
            "resany" | "resall" => {
                let flags = u32::from_str_radix(value.strip_prefix("0x")?, 16).ok()?;
                self.nobody |= flags != 0;
            }
            _ => {
                let (kind, place) = name.split_once('.')?;
                let (address, last) = self.seen.get_mut(place.parse::<usize>().ok()?)?;
                *(match kind {
                    "addr" => address,
                    "last" => last,
                    _ => return None,
                }) = value;
            }
        }
        Some(())
    }

    fn admits(&self, client: &ClientReport) -> bool {
        let [least, most] = self.silent_s;
        !self.nobody
            && client.requests >= self.min_count.max(1)
            && client.dropped >= self.min_drop
            && score(client) >= self.min_score
            && least.is_none_or(|least| client.last_age_s >= least)
            && most.is_none_or(|most| client.last_age_s <= most)
    }

    /// Behind which of the entries the answer begins.
    fn start(&self, clients: &[ClientReport], now: Now) -> Result<Option<usize>, Fault> {
        let mut named = self.seen.iter().filter(|(address, _)| !address.is_empty()).peekable();
        if named.peek().is_none() {
            return Ok(None);
        }
        let same = |client: &ClientReport, (address, last): &(&str, &str)| {
            let apart = |then_s: f64| (then_s - moment(client.last_age_s, now)).rem_euclid(ERA_S);
            let close = |apart: f64| apart.min(ERA_S - apart) < SAME_MOMENT_S;
            text_of(client) == **address && seconds(last).map(apart).is_some_and(close)
        };
        let found = named.find_map(|seen| clients.iter().rposition(|client| same(client, seen)));
        found.map(Some).ok_or(Fault::Variable)
    }
}

/// The list, or as much of it as is wanted; `None` if nothing is to be said. Clients are looked for only if the nonce is good:
/// there may be many.
pub(super) fn read(
    question: &[u8],
    remote: IpAddr,
    nonces: &Nonces,
    clients: impl FnOnce() -> Option<Vec<ClientReport>>,
    now: Now,
) -> Option<Result<Vec<u8>, Fault>> {
    let wanted = match Wanted::read(question) {
        Ok(wanted) if wanted.fragments.is_some() || wanted.rows.is_some() => wanted,
        Ok(_) => return Some(Err(Fault::Value)),
        Err(fault) => return Some(Err(fault)),
    };
    if !nonces.holds(wanted.nonce, remote, now.mono) {
        return None;
    }
    let Some(mut clients) = clients() else { return Some(Err(Fault::Forbidden)) };
    clients.retain(|client| wanted.admits(client));
    clients.sort_by(|one, other| {
        other.last_age_s.total_cmp(&one.last_age_s).then_with(|| one.address.cmp(&other.address))
    });
    Some(wanted.start(&clients, now).map(|start| write(&wanted, &clients, start, nonces, remote, now)))
}

fn write(
    wanted: &Wanted<'_>,
    clients: &[ClientReport],
    behind: Option<usize>,
    nonces: &Nonces,
    remote: IpAddr,
    now: Now,
) -> Vec<u8> {
    let from = match behind {
        Some(older) => older + 1,
        None => clients.len().saturating_sub(wanted.recent.unwrap_or(usize::MAX)),
    };
    let room =
        wanted.fragments.unwrap_or(FRAGMENTS_MAX).clamp(1, FRAGMENTS_MAX) * CONTROL_DATA_MAX - TAIL_LEN;
    let mut text = nonces.make(remote, now.mono).map(|nonce| format!("nonce={nonce}")).unwrap_or_default();
    if let Some(older) = behind.and_then(|older| clients.get(older)) {
        text.push_str(&format!(
            ", addr.older={}, last.older={}",
            text_of(older),
            stamp(older.last_age_s, now)
        ));
    }
    let mut rest = clients.get(from..).unwrap_or_default().iter();
    let mut complete = true;
    for (number, client) in rest.by_ref().enumerate() {
        let entry = entry(number, client, now);
        // One must fit, or the list would never end.
        let full = text.len() + entry.len() > room || wanted.rows.is_some_and(|rows| number >= rows);
        if full && number > 0 {
            complete = false;
            break;
        }
        text.push_str(&entry);
    }
    if complete {
        let newest = clients.last().map_or(f64::NAN, |client| client.last_age_s);
        text.push_str(&format!(", now={}", stamp(0.0, now)));
        if newest.is_finite() {
            text.push_str(&format!(", last.newest={}", stamp(newest, now)));
        }
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn entry(number: usize, client: &ClientReport, now: Now) -> String {
    let (last, first) = (stamp(client.last_age_s, now), stamp(client.first_age_s, now));
    let mode = client.version << 3 | client.mode;
    format!(
        ", addr.{number}={}, last.{number}={last}, first.{number}={first}, ct.{number}={}, mv.{number}={mode}, \
         rs.{number}=0x0, sc.{number}={:.3}, dr.{number}={}",
        text_of(client),
        client.requests,
        score(client),
        client.dropped
    )
}

/// Requests a second of late.
fn score(client: &ClientReport) -> f64 {
    client.interval_s.map_or(0.0, |mean_s| (1.0 / mean_s).min(1e6))
}

fn text_of(client: &ClientReport) -> String {
    SocketAddr::new(client.address, client.port).to_string()
}

/// Seconds since 1970.
fn moment(age_s: f64, now: Now) -> f64 {
    now.cooked.unix_nanos() as f64 * 1e-9 - age_s
}

fn stamp(age_s: f64, now: Now) -> String {
    timestamp(moment(age_s, now))
}

/// A stamp read back.
fn seconds(stamp: &str) -> Option<f64> {
    let (whole, fraction) = stamp.strip_prefix("0x")?.split_once('.')?;
    let whole = u32::from_str_radix(whole, 16).ok()?;
    let fraction = u32::from_str_radix(fraction, 16).ok()?;
    Some(f64::from(whole) + f64::from(fraction) / f64::from(u32::MAX) - UNIX_EPOCH_S)
}

#[cfg(test)]
mod tests;
