//! `chimer status`: is the clock right, by how much may it be wrong, and why.

use truechimer_engine::report::{KeyExchangeReport, Report, SystemReport};

use super::{counters, direction, offset_with_sd};
use crate::human;
use crate::table::{Facts, Paint, Tone};

/// The clock as a whole.
pub fn status(report: &Report, paint: Paint) -> String {
    let system = &report.system;
    let mut facts = Facts::default();
    let (word, tone) =
        if system.synchronised { ("synchronised", Tone::Good) } else { ("not synchronised", Tone::Bad) };
    let why = if system.reason.is_empty() { String::new() } else { format!(": {}", system.reason) };
    facts.toned("Clock", tone, format!("{word}{why}"));
    for warning in &system.warnings {
        facts.toned("Warning", Tone::Odd, warning.clone());
    }
    clock(&mut facts, system);
    told_to_clients(&mut facts, system);
    if let Some(server) = &report.server {
        let dropped = if server.dropped.is_empty() {
            String::new()
        } else {
            format!("; dropped: {}", counters(&server.dropped))
        };
        let requests = human::count(server.received, "request");
        let kinds = [
            (server.authenticated, "authenticated"),
            (server.nts, "with NTS"),
            (server.nts_naks, "refused with an NTS NAK"),
            (server.signed, "signed"),
        ];
        let kinds =
            kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}"));
        let kinds: Vec<String> = kinds.collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        facts.add("Server", format!("{requests}, {} answered{kinds}{dropped}", server.answered));
    }
    if let Some(exchange) = &report.key_exchange {
        key_exchange(&mut facts, exchange, system.time_unix_s);
    }
    facts.render(0, paint)
}

/// Fewer days than this left of a certificate are odd: tools renew it a month before its end.
const ODD_DAYS: i64 = 14;

fn key_exchange(facts: &mut Facts, exchange: &KeyExchangeReport, unix_s: f64) {
    let failed = match exchange.failed.is_empty() {
        true => String::new(),
        false => format!("; failed: {}", counters(&exchange.failed)),
    };
    let connections = human::count(exchange.accepted, "connection");
    facts.add("Key exchange", format!("{connections}, {} got keys{failed}", exchange.exchanged));
    let (tone, text) = match exchange.certificate_unix_s {
        None => (Tone::Bad, "none that can be used: see the journal".to_owned()),
        Some([first, _]) if (first as f64) > unix_s => (Tone::Bad, "not valid yet".to_owned()),
        Some([_, last]) => match (last - unix_s as i64).div_euclid(86_400) {
            ..0 => (Tone::Bad, "has ended".to_owned()),
            days @ 0..ODD_DAYS => (Tone::Odd, format!("ends in {}", human::count(days as u64, "day"))),
            days => (Tone::Plain, format!("ends in {}", human::count(days as u64, "day"))),
        },
    };
    facts.toned("Certificate", tone, text);
}

fn clock(facts: &mut Facts, system: &SystemReport) {
    let limit = human::span(system.max_distance_s);
    match system.bound_s {
        Some(bound) => {
            let tone = if bound < system.max_distance_s { Tone::Good } else { Tone::Bad };
            facts.toned(
                "Error bound",
                tone,
                format!("{} (synchronised means below {limit})", human::span(bound)),
            );
        }
        None => facts.add("Error bound", "unknown until there is a source to follow"),
    }
    if system.bound_s.is_some() {
        let offset = offset_with_sd(system.offset_s, system.offset_sd_s);
        facts.add("Offset", format!("{offset} ({})", direction(system.offset_s)));
    }
    let frequency_sd = human::ppm(system.frequency_sd_ppm);
    let frequency_sd = frequency_sd.trim_start_matches('+');
    facts.add("Frequency", format!("{} ± {frequency_sd}", human::ppm(system.frequency_ppm)));
    if system.slew_ppm != 0.0 || system.slew_remaining_s != 0.0 {
        let left = human::signed_span(system.slew_remaining_s);
        facts.add("Slew", format!("{}, {left} to go", human::ppm(system.slew_ppm)));
    }
    let updates = human::count(system.updates, "update");
    let steps = match system.steps {
        0 => "no step".into(),
        steps => human::count(steps, "step"),
    };
    let last = match system.last_update_age_s {
        Some(age) => format!("{} ago", human::age(age)),
        None => "never".into(),
    };
    let total = match system.stepped_total_s {
        0.0 => String::new(),
        total => format!(" ({} since the first start)", human::span(total)),
    };
    facts.add("Last update", format!("{last}; {updates}, {steps}{total}"));
    let control = if system.controls_clock {
        "steers this machine's clock"
    } else {
        "observes only, the clock is not touched"
    };
    facts.add("Control", control);
    match system.certificate_time.as_deref() {
        None => {}
        Some("known") => facts.add("Certificates", "judged by the time, which is known"),
        Some("strict") => facts.add("Certificates", "judged by this machine's clock (strict)"),
        Some(_) => facts.toned(
            "Certificates",
            Tone::Odd,
            "the time is unknown: their dates wait until enough servers agree",
        ),
    }
}

fn told_to_clients(facts: &mut Facts, system: &SystemReport) {
    facts.add("System peer", system.system_peer.clone().unwrap_or_else(|| "none".into()));
    let local = if system.local_reference { " (serving from the local reference)" } else { "" };
    facts.add("Stratum", format!("{}{local}", system.stratum));
    let reference_id = if system.reference_id.is_empty() { "none" } else { &system.reference_id };
    facts.add("Reference ID", reference_id);
    facts.add("Leap", system.leap.clone());
    let (delay, dispersion) = (human::span(system.root_delay_s), human::span(system.root_dispersion_s));
    facts.add("Root", format!("delay {delay}, dispersion {dispersion}"));
}
