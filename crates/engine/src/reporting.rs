//! Fills reports from the parts of the engine. Nothing here decides anything, and nothing secret is told: not the
//! transmit timestamp that a reply must match (CVE-2015-8139), not the ports that requests leave from.

mod packet;
mod words;

use truechimer_discipline::select::{Outcome, Verdict};
use truechimer_time::{Leap, Now, StampSource};
use truechimer_wire::ReferenceId;

use self::words::{count, span};
use crate::association::{Activity, Association, DUPLICATE, MISDATED, Origin};
use crate::authentication::KeyTable;
use crate::config::{Authentication, SourceOptions};
use crate::local::Local;
use crate::local_clock::LocalClock;
use crate::nts::NtsClient;
use crate::report::{AuthenticationReport, Report, SourceReport, SourceState, SystemReport};
use crate::server::Responder;
use crate::sources::{Source, Sources};
use crate::system::{Doubt, System, awaited};

/// So many falsetickers are named in warnings; the others are counted.
const MOST_NAMED: usize = 4;

/// What a report is made of.
pub(crate) struct Parts<'a> {
    pub(crate) now: Now,
    pub(crate) clock: &'a LocalClock,
    pub(crate) sources: &'a Sources,
    pub(crate) system: &'a System,
    pub(crate) local: &'a Local,
    pub(crate) responder: Option<&'a Responder>,
    pub(crate) keys: &'a KeyTable,
}

/// Everything at one moment.
pub(crate) fn report(parts: &Parts<'_>) -> Report {
    let mut sources = Vec::new();
    for source in &parts.sources.list {
        if source.members.is_empty() {
            sources.push(unresolved(source, parts));
        }
        sources.extend(source.members.iter().map(|member| member_report(source, member, parts)));
    }
    let server = parts.responder.map(Responder::report);
    Report { system: system(parts), sources, server, key_exchange: None }
}

fn system(parts: &Parts<'_>) -> SystemReport {
    let (system, clock, now) = (parts.system, parts.clock, parts.now);
    let served = system.served(now, clock, parts.local);
    let at = clock.raw(now.cooked);
    let state = system.state.as_ref();
    let (offset_s, offset_sd_s) = system.correction(now, clock).unwrap_or((0.0, 0.0));
    let base = system.control.base();
    let slew = clock.frequency().rate() - base.rate();
    let bound_s = system.bound(now, clock);
    let synchronised = system.is_synchronised(bound_s);
    let slewing = system.control.controls() && slew.abs() > 1e-10;
    SystemReport {
        synchronised,
        reason: reason(parts),
        warnings: warnings(parts),
        leap: leap_name(served.leap).to_owned(),
        stratum: served.stratum,
        reference_id: if served.reference_id == ReferenceId::NONE {
            String::new()
        } else {
            served.reference_id.text(served.stratum)
        },
        system_peer: state
            .filter(|_| synchronised || system.standing.outcome == Outcome::Agreed)
            .map(|state| state.peer.name.clone()),
        time_unix_s: now.cooked.unix_seconds(),
        last_update_age_s: state.map(|state| (at - state.at).seconds().max(0.0)),
        offset_s,
        offset_sd_s,
        bound_s,
        frequency_ppm: if system.control.controls() { base.ppm() } else { system.oscillator.frequency * 1e6 },
        frequency_sd_ppm: system.oscillator.frequency_sd * 1e6,
        slew_ppm: if slewing { slew * 1e6 } else { 0.0 },
        slew_remaining_s: if slewing { offset_s } else { 0.0 },
        wander: system.oscillator.wander,
        root_delay_s: served.root_delay_s,
        root_dispersion_s: served.root_dispersion_s,
        max_distance_s: system.max_distance_s(),
        updates: system.control.updates(),
        last_offset_s: system.control.history().last_offset_s(),
        rms_offset_s: system.control.history().rms_offset_s(),
        update_interval_s: system.control.history().interval_s(),
        steps: system.control.steps(),
        stepped_total_s: system.control.stepped_total_s(),
        controls_clock: system.control.controls(),
        local_reference: parts.local.is_active(),
        uptime_s: None,
        certificate_time: system.certificates.state().map(str::to_owned),
    }
}

/// One sentence: why the clock is synchronised or not.
fn reason(parts: &Parts<'_>) -> String {
    let system = parts.system;
    let standing = system.standing;
    let all = parts.sources.members().count();
    if let Some(refusal) = system.control.refusal() {
        return format!(
            "a correction of {:+.3} s is beyond the panic limit \"{}\" of {} s, so the clock is left alone",
            refusal.correction_s, refusal.limit, refusal.limit_s
        );
    }
    let bound = system.bound(parts.now, parts.clock);
    if system.is_synchronised(bound) {
        return match standing.outcome {
            Outcome::Agreed => {
                let verb = if standing.agreeing == 1 { "agrees" } else { "agree" };
                format!("{} of {} {verb}", standing.agreeing, count(all, "source"))
            }
            _ if standing.outweighed => {
                format!(
                    "holding over: {} left, and at odds with the majority of before",
                    count(standing.agreeing, "source")
                )
            }
            _ => "holding over: the sources are silent, and the bound is still below the limit".to_owned(),
        };
    }
    match standing.outcome {
        Outcome::NoMajority => format!(
            "no majority: {} answer and disagree by at least {}",
            count(standing.answering, "source"),
            span(standing.spread_s)
        ),
        Outcome::TooFew if standing.outweighed => {
            format!("{} left, and at odds with the majority of before", count(standing.agreeing, "source"))
        }
        Outcome::TooFew => {
            format!("{} agree, which is fewer than wanted", count(standing.agreeing, "source"))
        }
        Outcome::RequiredMissing => "no source marked \"require\" is among those that agree".to_owned(),
        Outcome::Agreed => match bound {
            Some(bound) if bound >= system.max_distance_s() => too_far(parts, bound),
            _ => match system.certificates.doubt() {
                Some(doubt) => doubtful(doubt),
                None => "waiting for more first answers before the first correction".to_owned(),
            },
        },
        Outcome::NoCandidates => silence(parts),
    }
}

/// The bound is above the limit: because the clock is wrong, which time or somebody must mend, or because the
/// sources are vague.
fn too_far(parts: &Parts<'_>, bound_s: f64) -> String {
    let system = parts.system;
    let limit = span(system.max_distance_s());
    let offset_s = system.correction(parts.now, parts.clock).map_or(0.0, |(offset_s, _)| offset_s);
    if bound_s - offset_s.abs() >= system.max_distance_s() || offset_s == 0.0 {
        return format!("the bound of {} is above the limit of {limit}", span(bound_s));
    }
    let side = if offset_s > 0.0 { "slow" } else { "fast" };
    let remedy = if system.control.controls() {
        "and is being corrected"
    } else {
        "and is not corrected, as the daemon only observes"
    };
    format!("the clock is {} {side} {remedy}; the limit is {limit}", span(offset_s.abs()))
}

/// The clock is not set by those that agree: it contradicts the dates of their certificates.
fn doubtful(doubt: Doubt) -> String {
    let Doubt { agreeing, wanted } = doubt;
    format!(
        "the clock contradicts the dates of the servers' certificates: it is set when {wanted} different NTS servers agree \
         on a time at which theirs are valid, and {agreeing} so far"
    )
}

/// Why there is nobody to select.
fn silence(parts: &Parts<'_>) -> String {
    if parts.sources.list.is_empty() {
        return "no sources are configured".to_owned();
    }
    if parts.sources.list.iter().all(Source::is_offline) {
        return "all sources are switched off".to_owned();
    }
    let passed_over = parts.sources.list.iter().any(|source| source.passed_over().is_some());
    if passed_over && parts.sources.list.iter().all(|source| source.options().noselect) {
        return "no source is authenticated, which is required".to_owned();
    }
    let resolving = parts.sources.list.iter().filter(|source| source.resolving().is_some()).count();
    if resolving == parts.sources.list.len() {
        return "waiting for the sources' names to be resolved".to_owned();
    }
    if awaited(parts.sources) > 0 {
        return "waiting for the first answer".to_owned();
    }
    let complaint =
        |member: &Association| member.complaint().or(member.unfit.filter(|unfit| *unfit == MISDATED));
    match parts.sources.members().find_map(complaint) {
        Some(complaint) => format!("no source is usable: {complaint}"),
        None => "no source answers".to_owned(),
    }
}

fn warnings(parts: &Parts<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let usable = parts.sources.list.iter().filter(|source| !source.options().noselect);
    let configured: usize = usable.map(|source| source.members.len().max(source.unresolved())).sum();
    match configured {
        0 => {}
        1 => warnings.push("only one source: its errors cannot be noticed".to_owned()),
        2 => warnings.push("only two sources: if they disagree, nobody can tell which is right".to_owned()),
        _ => {}
    }
    warnings.extend(disagreements(parts));
    warnings
}

/// Who disagrees with the majority, and by how much.
fn disagreements(parts: &Parts<'_>) -> Vec<String> {
    let at = parts.clock.raw(parts.now.cooked);
    let agreed = parts.system.standing.outcome == Outcome::Agreed;
    let Some(state) = parts.system.state.as_ref().filter(|_| agreed) else { return Vec::new() };
    let majority = state.estimate_at(at).offset;
    let liars = parts
        .sources
        .members()
        .filter(|member| self::state(member, None, parts).0 == SourceState::Falseticker)
        .filter_map(|member| Some((&member.name, member.estimator.estimate(at)?.offset - majority)));
    let mut said: Vec<String> = liars
        .map(|(name, by_s)| format!("{name} disagrees with the majority by {}", span(by_s.abs())))
        .collect();
    let more = said.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        said.truncate(MOST_NAMED);
        said.push(format!("so do {more} more"));
    }
    said
}

fn member_report(source: &Source, member: &Association, parts: &Parts<'_>) -> SourceReport {
    let at = parts.clock.raw(parts.now.cooked);
    let corrected = parts.clock.corrected(parts.now);
    let (state, reason) = state(member, source.passed_over(), parts);
    let last = member.last.as_ref();
    let measured = last.is_some();
    let estimate = member.estimator.estimate(at).filter(|_| measured);
    let statistics = member.estimator.statistics();
    let interval = member.interval.at(at).filter(|_| measured);
    SourceReport {
        name: member.name.clone(),
        address: member.remote().map(|remote| remote.to_string()),
        kind: source.kind().to_owned(),
        state,
        reason,
        reach: member.poll.reach(),
        stratum: last.map(|last| last.stratum),
        leap: last.map(|last| leap_name(last.leap).to_owned()),
        reference_id: last.map(|last| last.reference_id.text(last.stratum)),
        poll: member.poll.exponent().exponent(),
        last_sample_age_s: last.map(|last| parts.now.mono.seconds_since(last.at)),
        last_offset_s: last.map(|last| last.correction_s),
        last_offset_now_s: last.map(|last| {
            let since_s = parts.now.mono.seconds_since(last.at);
            last.raw_offset_s + estimate.map_or(0.0, |estimate| estimate.frequency * since_s) - corrected
        }),
        last_delay_s: last.map(|last| last.delay_s),
        offset_s: estimate.map(|estimate| estimate.offset - corrected),
        offset_sd_s: estimate.map(|estimate| estimate.offset_variance.max(0.0).sqrt()),
        frequency_ppm: estimate.map(|estimate| estimate.frequency * 1e6),
        frequency_sd_ppm: estimate.map(|estimate| estimate.frequency_variance.max(0.0).sqrt() * 1e6),
        root_distance_s: interval.map(|[lo, hi]| (hi - lo) / 2.0),
        interval_s: interval.map(|[lo, hi]| [lo - corrected, hi - corrected]),
        jitter_s: measured.then_some(statistics.jitter),
        base_delay_s: measured.then_some(statistics.base_delay),
        samples: statistics.samples,
        history: member.history.report().filter(|_| measured),
        packet: last.and_then(packet::report),
        refused: member.counters.refused().map(packet::refused),
        stamps: last.map(|last| last.stamps.map(|stamp| stamp_name(stamp).to_owned())),
        sent: member.counters.sent,
        accepted: member.counters.accepted,
        dropped: member.counters.dropped(),
        options: options(source.options()),
        configured_options: Some(options(source.configured())),
        authentication: authentication(source, Some(member), parts),
    }
}

/// A source whose name is not resolved yet.
fn unresolved(source: &Source, parts: &Parts<'_>) -> SourceReport {
    let (state, reason) = match source.resolving() {
        _ if source.is_offline() => (SourceState::Offline, ""),
        Some(reason) => (SourceState::Resolving, reason),
        None => (SourceState::Rejected, "there are too many sources"),
    };
    SourceReport {
        name: source.name.clone(),
        address: None,
        kind: source.kind().to_owned(),
        state,
        reason: reason.to_owned(),
        reach: 0,
        stratum: None,
        leap: None,
        reference_id: None,
        poll: source.options().min_poll.exponent(),
        last_sample_age_s: None,
        last_offset_s: None,
        last_offset_now_s: None,
        last_delay_s: None,
        offset_s: None,
        offset_sd_s: None,
        frequency_ppm: None,
        frequency_sd_ppm: None,
        root_distance_s: None,
        interval_s: None,
        jitter_s: None,
        base_delay_s: None,
        samples: 0,
        history: None,
        packet: None,
        refused: None,
        stamps: None,
        sent: 0,
        accepted: 0,
        dropped: std::collections::BTreeMap::new(),
        options: options(source.options()),
        configured_options: Some(options(source.configured())),
        authentication: authentication(source, None, parts),
    }
}

fn state(
    member: &Association,
    passed_over: Option<&'static str>,
    parts: &Parts<'_>,
) -> (SourceState, String) {
    let at = parts.clock.raw(parts.now.cooked);
    match member.activity {
        Activity::Offline => return (SourceState::Offline, String::new()),
        Activity::Stopped { code, .. } => {
            return (SourceState::Stopped, format!("it sent the kiss code {}", code.text(0)));
        }
        Activity::Online => {}
    }
    if member.duplicate {
        return (SourceState::Rejected, DUPLICATE.to_owned());
    }
    if member.last.is_none() || member.poll.reach() == 0 {
        return match member.complaint() {
            Some(complaint) => (SourceState::Rejected, complaint.to_owned()),
            None if matches!(member.origin, Origin::Reference { .. }) => {
                (SourceState::Unreachable, "the reference clock gives no samples".to_owned())
            }
            None if member.credentials.nts().is_some_and(NtsClient::is_waiting) => {
                (SourceState::Unreachable, "exchanging keys".to_owned())
            }
            None if member.counters.is_port_closed() => {
                (SourceState::Unreachable, "refused: nothing listens at its port".to_owned())
            }
            None => (SourceState::Unreachable, String::new()),
        };
    }
    if let Some(reason) = member.unfit.or(member.fitness(at, parts.system.max_distance_s()).err()) {
        return (SourceState::Rejected, reason.to_owned());
    }
    match member.verdict {
        Some(Verdict::SystemPeer) => (SourceState::SystemPeer, String::new()),
        Some(Verdict::Survivor) => (SourceState::Survivor, String::new()),
        Some(Verdict::Outlier) => (SourceState::Outlier, String::new()),
        Some(Verdict::NoSelect) => (SourceState::NoSelect, passed_over.unwrap_or_default().to_owned()),
        Some(Verdict::Falseticker) if parts.system.standing.outcome == Outcome::NoMajority => {
            (SourceState::Falseticker, "there is no majority".to_owned())
        }
        Some(Verdict::Falseticker) => {
            (SourceState::Falseticker, "its interval does not meet the majority's".to_owned())
        }
        None => (SourceState::Rejected, "not yet selected".to_owned()),
    }
}

fn options(options: &SourceOptions) -> Vec<String> {
    let named = [
        ("prefer", options.prefer),
        ("trust", options.trust),
        ("require", options.require),
        ("noselect", options.noselect),
    ];
    named.iter().filter(|(_, set)| *set).map(|(name, _)| (*name).to_owned()).collect()
}

fn authentication(
    source: &Source,
    member: Option<&Association>,
    parts: &Parts<'_>,
) -> Option<AuthenticationReport> {
    match source.options().authentication {
        Authentication::None => None,
        Authentication::Key(id) => Some(AuthenticationReport {
            method: "key".to_owned(),
            key_id: Some(id),
            algorithm: parts.keys.algorithm(id).map(|algorithm| algorithm.name().to_owned()),
            nts: None,
        }),
        Authentication::Nts(_) => {
            let client = member.and_then(|member| member.credentials.nts());
            Some(AuthenticationReport {
                method: "nts".to_owned(),
                key_id: None,
                algorithm: client.and_then(NtsClient::algorithm).map(|algorithm| algorithm.name().to_owned()),
                nts: client.map(|client| client.report(parts.now.mono)),
            })
        }
    }
}

fn leap_name(leap: Leap) -> &'static str {
    match leap {
        Leap::None => "none",
        Leap::Insert => "insert",
        Leap::Delete => "delete",
        Leap::Unsynchronised => "unsynchronised",
    }
}

fn stamp_name(source: StampSource) -> &'static str {
    match source {
        StampSource::User => "user",
        StampSource::Kernel => "kernel",
        StampSource::Hardware => "hardware",
    }
}
