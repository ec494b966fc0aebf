//! `chimer sources`: one line a source, in the columns that chronyc's users know.

use truechimer_engine::report::{NtsReport, Report, SourceReport};

use super::{counters, label, offset_with_sd, or_dash, state_tone, state_words, tally};
use crate::human;
use crate::table::{Edge, Facts, Narrow, Paint, Table, Tone};

/// A table, for a terminal of this width if it is for one.
pub fn sources(report: &Report, paint: Paint, width: Option<usize>) -> String {
    if report.sources.is_empty() {
        return "No sources are configured.\n".into();
    }
    let mut table = Table::new(&[
        ("State", Edge::Left),
        ("Source", Edge::Left),
        ("Stratum", Edge::Right),
        ("Poll", Edge::Right),
        ("Reach", Edge::Right),
        ("Last", Edge::Right),
        ("Offset", Edge::Right),
        ("± sd", Edge::Right),
        ("Bound", Edge::Right),
    ]);
    for source in &report.sources {
        let state = format!("{} {}", tally(source.state), state_words(source.state));
        let cells = vec![
            state,
            label(source),
            or_dash(source.stratum, |stratum| stratum.to_string()),
            source.poll.to_string(),
            format!("{:o}", source.reach),
            or_dash(source.last_sample_age_s, human::age),
            or_dash(source.offset_s, human::signed_span),
            or_dash(source.offset_sd_s, human::span),
            or_dash(source.root_distance_s, human::span),
        ];
        table.row(state_tone(source.state), cells);
        if !source.reason.is_empty() {
            table.note(&source.reason);
        }
    }
    let means = [Narrow::First("State"), Narrow::Drop("± sd"), Narrow::Drop("Stratum")];
    table.fit(width, &means).render(paint)
}

/// A block a source: every check that dropped something, intervals, who stamped.
pub fn sources_verbose(report: &Report, paint: Paint) -> String {
    if report.sources.is_empty() {
        return "No sources are configured.\n".into();
    }
    let blocks: Vec<String> = report.sources.iter().map(|source| block(source, paint)).collect();
    blocks.join("\n")
}

fn block(source: &SourceReport, paint: Paint) -> String {
    let state = format!("{} {}", tally(source.state), state_words(source.state));
    let heading = format!(
        "{}  {}\n",
        paint.paint(state_tone(source.state), &state),
        paint.paint(Tone::Heading, &source.name)
    );
    let mut facts = Facts::default();
    if !source.reason.is_empty() {
        facts.add("Why", source.reason.clone());
    }
    let options =
        if source.options.is_empty() { String::new() } else { format!(", {}", source.options.join(", ")) };
    facts.add("Kind", format!("{}{options}", source.kind));
    facts.add("Authentication", authentication(source));
    if let Some(nts) = source.authentication.as_ref().and_then(|authentication| authentication.nts.as_ref()) {
        key_exchange(&mut facts, nts);
    }
    facts.add("Address", or_dash(source.address.clone(), |address| address));
    if let (Some(stratum), Some(reference_id), Some(leap)) =
        (source.stratum, &source.reference_id, &source.leap)
    {
        facts.add("Server", format!("stratum {stratum}, reference ID {reference_id}, leap {leap}"));
    }
    facts.add("Poll", format!("every {} (2^{} s)", human::poll_interval(source.poll), source.poll));
    facts.add("Reach", reach(source));
    measurements(&mut facts, source);
    let dropped: u64 = source.dropped.values().sum();
    let requests = human::count(source.sent, "request");
    facts.add("Packets", format!("{requests}, {} accepted, {dropped} dropped", source.accepted));
    if !source.dropped.is_empty() {
        facts.toned("Dropped", Tone::Odd, counters(&source.dropped));
    }
    format!("{heading}{}", facts.render(2, paint))
}

/// The register, with a bit for each poll that there was.
fn reach(source: &SourceReport) -> String {
    let polls = source.sent.min(8);
    let what = match polls {
        0 => return "0 (not polled yet)".into(),
        1 => "the only poll so far".to_owned(),
        8 => "the last eight polls".to_owned(),
        _ => format!("the first {polls} polls"),
    };
    format!("{:o} ({:0width$b}, {what})", source.reach, source.reach, width = polls as usize)
}

fn authentication(source: &SourceReport) -> String {
    let Some(authentication) = &source.authentication else { return "none".into() };
    let algorithm = authentication.algorithm.as_deref();
    match authentication.key_id {
        Some(id) => {
            format!("symmetric key {id}, {}", algorithm.unwrap_or("which is not in the key file"))
        }
        None => format!("NTS, {}", algorithm.unwrap_or("no keys yet")),
    }
}

/// Where the keys come from, what is left of them, and why there are none.
fn key_exchange(facts: &mut Facts, nts: &NtsReport) {
    let address = nts.address.as_deref().map(|address| format!(" ({address})")).unwrap_or_default();
    let age = nts.last_key_exchange_age_s.map(|age| format!(", the last {} ago", human::age(age as f64)));
    let times = match nts.key_exchanges {
        0 => "not yet".into(),
        times => format!("{}{}", human::count(times, "time"), age.unwrap_or_default()),
    };
    facts.add("Key exchange", format!("with {}{address}, {times}", nts.server));
    if let Some(failure) = &nts.failure {
        let retry = nts.retry_s.map(|wait| format!("; again in {}", human::age(wait as f64)));
        facts.toned("Failed", Tone::Odd, format!("{failure}{}", retry.unwrap_or_default()));
    }
    let naks = match nts.naks {
        0 => String::new(),
        naks => format!(", {}", human::count(naks, "NTS NAK")),
    };
    facts.add("Cookies", format!("{} left{naks}", nts.cookies));
    if let Some(at) = nts.certificate_expires_unix_s.and_then(|at| jiff::Timestamp::from_second(at).ok()) {
        let dates = match nts.certificate_time.as_deref() {
            Some("verified") | None => "",
            Some("own_clock") => ", by this machine's clock alone",
            Some(_) => "; the verdict on its dates waits",
        };
        facts.add("Certificate", format!("valid until {at}{dates}"));
    }
}

fn measurements(facts: &mut Facts, source: &SourceReport) {
    if let (Some(age), Some(offset), Some(delay)) =
        (source.last_sample_age_s, source.last_offset_s, source.last_delay_s)
    {
        let (offset, delay) = (human::signed_span(offset), human::span(delay));
        facts.add("Last sample", format!("offset {offset}, delay {delay}, {} ago", human::age(age)));
    }
    if let (Some(offset), Some(sd)) = (source.offset_s, source.offset_sd_s) {
        facts.add("Offset now", offset_with_sd(offset, sd));
    }
    if let Some([low, high]) = source.interval_s {
        let (low, high) = (human::signed_span(low), human::signed_span(high));
        facts.add("Interval", format!("{low} to {high} holds the true offset, if the server does not lie"));
    }
    if let Some(distance) = source.root_distance_s {
        facts.add("Root distance", human::span(distance));
    }
    if let Some(frequency) = source.frequency_ppm {
        facts.add("Frequency", human::ppm(frequency));
    }
    if let (Some(jitter), Some(base)) = (source.jitter_s, source.base_delay_s) {
        let samples = human::count(source.samples, "sample");
        facts.add(
            "Path",
            format!("jitter {}, smallest delay {}, {samples}", human::span(jitter), human::span(base)),
        );
    }
    if let Some([transmit, receive]) = &source.stamps {
        facts.add("Stamps", format!("transmit by {transmit}, receive by {receive}"));
    }
}
