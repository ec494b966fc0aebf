//! What a host has answered, for people and for machines.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;
use truechimer_engine::report::SourceReport;

use super::target::Target;
use crate::human;
use crate::table::{Edge, Facts, Narrow, Paint, Table, Tone};

/// One host. Without an answer the numbers are `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Answer {
    /// As asked for.
    pub(super) host: String,
    /// Address and port.
    address: Option<String>,
    /// Whether it has answered validly.
    pub(super) ok: bool,
    /// Why not.
    error: Option<String>,
    /// True time by this server minus this clock, seconds.
    offset_s: Option<f64>,
    /// One sigma of it, seconds.
    offset_sd_s: Option<f64>,
    /// The offset cannot be further from the truth than that, if the server is honest; seconds.
    bound_s: Option<f64>,
    /// Smallest round trip, seconds.
    delay_s: Option<f64>,
    /// Noise of the samples, seconds.
    jitter_s: Option<f64>,
    /// Bound on the error of this clock, were it set by this server alone; seconds.
    root_distance_s: Option<f64>,
    stratum: Option<u8>,
    leap: Option<String>,
    reference_id: Option<String>,
    /// Good replies.
    samples: u64,
    /// Requests.
    sent: u64,
    /// Replies that failed a check, by its name.
    dropped: BTreeMap<String, u64>,
    /// Who stamped the last exchange: transmit, receive.
    stamps: Option<[String; 2]>,
    /// With which symmetric key replies had to be authenticated; `null` without one.
    key: Option<Key>,
    /// How the key exchange went; `null` without NTS.
    nts: Option<Nts>,
}

/// A symmetric key.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Key {
    id: u32,
    /// As key files call it.
    algorithm: Option<String>,
}

impl Key {
    fn of(source: &SourceReport) -> Option<Self> {
        let authentication = source.authentication.as_ref()?;
        Some(Self { id: authentication.key_id?, algorithm: authentication.algorithm.clone() })
    }

    fn words(&self) -> String {
        let algorithm = self.algorithm.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        format!("{}{algorithm}", self.id)
    }
}

/// What NTS made of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Nts {
    /// The AEAD algorithm that was agreed on.
    algorithm: Option<String>,
    /// Whom the certificate is for.
    server: String,
    /// Address and port of the key exchange.
    key_exchange: Option<String>,
    /// Cookies left, of eight.
    cookies: usize,
    /// When the certificate, or the first of its chain, expires: seconds since 1970.
    certificate_expires_unix_s: Option<i64>,
}

impl Nts {
    fn of(source: &SourceReport) -> Option<Self> {
        let authentication = source.authentication.as_ref()?;
        let nts = authentication.nts.as_ref()?;
        Some(Self {
            algorithm: authentication.algorithm.clone(),
            server: human::clean(&nts.server),
            key_exchange: nts.address.clone(),
            cookies: nts.cookies,
            certificate_expires_unix_s: nts.certificate_expires_unix_s,
        })
    }

    fn words(&self) -> String {
        let algorithm = self.algorithm.as_deref().unwrap_or("no keys");
        let expiry = self.certificate_expires_unix_s.and_then(|at| jiff::Timestamp::from_second(at).ok());
        let expiry = expiry.map(|at| format!(", valid until {at}")).unwrap_or_default();
        format!("{algorithm}, {} cookies left, certificate for {}{expiry}", self.cookies, self.server)
    }
}

impl Answer {
    /// No answer, for this reason.
    pub(super) fn failed(target: &Target, address: Option<SocketAddr>, why: String) -> Self {
        Self {
            host: target.shown.clone(),
            address: address.map(|address| address.to_string()),
            ok: false,
            error: Some(why),
            offset_s: None,
            offset_sd_s: None,
            bound_s: None,
            delay_s: None,
            jitter_s: None,
            root_distance_s: None,
            stratum: None,
            leap: None,
            reference_id: None,
            samples: 0,
            sent: 0,
            dropped: BTreeMap::new(),
            stamps: None,
            key: None,
            nts: None,
        }
    }

    /// What the daemon's report says.
    pub(super) fn of(target: &Target, address: Option<SocketAddr>, source: &SourceReport) -> Self {
        let ok = source.accepted > 0;
        let bound_s = source.interval_s.zip(source.offset_s).map(|([low, high], offset)| {
            // How far the ends of the interval are from the estimate.
            (high - offset).max(offset - low)
        });
        Self {
            ok,
            error: (!ok).then(|| why_not(source)),
            offset_s: source.offset_s,
            offset_sd_s: source.offset_sd_s,
            bound_s,
            delay_s: source.base_delay_s.or(source.last_delay_s),
            // Of one sample it is what was assumed before.
            jitter_s: source.jitter_s.filter(|_| source.accepted > 1),
            root_distance_s: source.root_distance_s,
            stratum: source.stratum,
            leap: source.leap.clone(),
            reference_id: source.reference_id.as_deref().map(human::clean),
            samples: source.accepted,
            sent: source.sent,
            dropped: source.dropped.clone(),
            stamps: source.stamps.clone(),
            address: address.map(|address| address.to_string()).or_else(|| source.address.clone()),
            key: Key::of(source),
            nts: Nts::of(source),
            ..Self::failed(target, address, String::new())
        }
    }
}

fn why_not(source: &SourceReport) -> String {
    let nts = source.authentication.as_ref().and_then(|authentication| authentication.nts.as_ref());
    if let Some(failure) = nts.and_then(|nts| nts.failure.as_deref()) {
        return format!("no keys: {}", human::clean(failure));
    }
    let requests = human::count(source.sent, "request");
    match (source.reason.as_str(), source.dropped.is_empty()) {
        ("", true) => match Key::of(source) {
            Some(key) => format!(
                "no answer to {requests} with key {}; servers say nothing to a key that they do not have",
                key.id
            ),
            None => format!("no answer to {requests}"),
        },
        ("", false) => {
            let dropped = crate::render::counters(&source.dropped);
            format!("no valid answer to {requests}; replies that failed a check: {dropped}")
        }
        (reason, _) => format!("{}; no valid answer to {requests}", human::clean(reason)),
    }
}

/// One line a host, for a terminal of this width if it is for one.
pub(super) fn table(answers: &[Answer], paint: Paint, width: Option<usize>) -> String {
    let mut table = Table::new(&[
        ("Host", Edge::Left),
        ("Stratum", Edge::Right),
        ("Reference ID", Edge::Left),
        ("Offset", Edge::Right),
        ("± sd", Edge::Right),
        ("Bound", Edge::Right),
        ("Delay", Edge::Right),
        ("Jitter", Edge::Right),
        ("Root distance", Edge::Right),
        ("Leap", Edge::Left),
    ]);
    for answer in answers {
        let span = |value: Option<f64>| value.map_or_else(|| "-".into(), human::span);
        let cells = vec![
            answer.host.clone(),
            answer.stratum.map_or_else(|| "-".into(), |stratum| stratum.to_string()),
            answer.reference_id.clone().unwrap_or_else(|| "-".into()),
            answer.offset_s.map_or_else(|| "-".into(), human::signed_span),
            span(answer.offset_sd_s),
            span(answer.bound_s),
            span(answer.delay_s),
            span(answer.jitter_s),
            span(answer.root_distance_s),
            answer.leap.clone().unwrap_or_else(|| "-".into()),
        ];
        table.row(if answer.ok { Tone::Good } else { Tone::Bad }, cells);
        if let Some(error) = &answer.error {
            table.note(error);
        }
    }
    let means = ["Root distance", "± sd", "Jitter", "Reference ID"].map(Narrow::Drop);
    table.fit(width, &means).render(paint)
}

/// A block a host.
pub(super) fn blocks(answers: &[Answer], paint: Paint) -> String {
    let blocks: Vec<String> = answers.iter().map(|answer| block(answer, paint)).collect();
    blocks.join("\n")
}

fn block(answer: &Answer, paint: Paint) -> String {
    let mut facts = Facts::default();
    if let Some(error) = &answer.error {
        facts.toned("Error", Tone::Bad, error.clone());
    }
    if let Some(address) = &answer.address {
        facts.add("Address", address.clone());
    }
    if let (Some(offset), Some(sd)) = (answer.offset_s, answer.offset_sd_s) {
        let offset_text = crate::render::offset_with_sd(offset, sd);
        facts.add("Offset", format!("{offset_text} ({})", crate::render::direction(offset)));
    }
    let spans = [
        ("Bound", answer.bound_s),
        ("Delay", answer.delay_s),
        ("Jitter", answer.jitter_s),
        ("Root distance", answer.root_distance_s),
    ];
    for (name, value) in spans {
        if let Some(value) = value {
            facts.add(name, human::span(value));
        }
    }
    if let (Some(stratum), Some(leap), Some(id)) = (answer.stratum, &answer.leap, &answer.reference_id) {
        facts.add("Server", format!("stratum {stratum}, reference ID {id}, leap {leap}"));
    }
    if let Some(key) = &answer.key {
        facts.add("Key", key.words());
    }
    if let Some(nts) = &answer.nts {
        facts.add("NTS", nts.words());
    }
    facts.add("Packets", format!("{}, {} accepted", human::count(answer.sent, "request"), answer.samples));
    if !answer.dropped.is_empty() {
        facts.toned("Dropped", Tone::Odd, crate::render::counters(&answer.dropped));
    }
    if let Some([transmit, receive]) = &answer.stamps {
        facts.add("Stamps", format!("transmit by {transmit}, receive by {receive}"));
    }
    format!("{}\n{}", paint.paint(Tone::Heading, &answer.host), facts.render(2, paint))
}
