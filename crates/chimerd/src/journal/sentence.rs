//! Events as sentences.

use truechimer_engine::Event;

use super::Priority;

/// One sentence for a human, and how much it matters.
pub fn describe(event: &Event) -> (Priority, String) {
    match event {
        Event::Selected { source } => (Priority::Notice, format!("selected source {source}")),
        Event::NoMajority { answering, agreeing } => {
            (Priority::Warning, format!("no majority: {agreeing} of {answering} answering sources agree"))
        }
        Event::TooFewSources { agreeing, wanted } => (
            Priority::Warning,
            format!("too few sources: {agreeing} agree, {wanted} are wanted (selection.min_sources)"),
        ),
        Event::Falseticker { source, offset_s } => (
            Priority::Warning,
            format!("source {source} disagrees with the majority: its offset is {}", span(*offset_s)),
        ),
        Event::Synchronised { bound_s } => {
            (Priority::Notice, format!("synchronised: the clock is right to within {}", span(*bound_s)))
        }
        Event::Unsynchronised { bound_s } => (
            Priority::Warning,
            format!("no longer synchronised: the clock may be wrong by {}", span(*bound_s)),
        ),
        Event::Stepped { by } => (Priority::Warning, format!("clock stepped by {:+.6} s", by.seconds())),
        Event::Slewing { by_s } => {
            (Priority::Warning, format!("the clock is wrong by {by_s:+.6} s, which is slewed away"))
        }
        Event::PanicRefused { correction_s, limit_s, limit } => (
            Priority::Error,
            format!(
                "refused to correct the clock by {correction_s:+.3} s: the limit {limit} is {limit_s} s; \
                 check the sources, then set the clock by hand or raise the limit"
            ),
        ),
        Event::ClockFailed { what, errno } => (
            Priority::Error,
            format!("the clock could not be steered ({what}): {}", std::io::Error::from_raw_os_error(*errno)),
        ),
        Event::Interference { by_s } => {
            (Priority::Warning, format!("something else moved the clock by {by_s:+.6} s; measuring again"))
        }
        Event::ForeignFrequency { found_ppm, expected_ppm } => (
            Priority::Warning,
            format!(
                "something else changed the clock's rate to {found_ppm:+.3} ppm (it was {expected_ppm:+.3} ppm): \
                 does another time daemon run on this machine?"
            ),
        ),
        Event::Reachable { source, address } => {
            (Priority::Info, format!("source {source} answers ({address})"))
        }
        Event::Unreachable { source } => {
            (Priority::Warning, format!("source {source} does not answer any more"))
        }
        Event::Kiss { source, code } => (Priority::Warning, kiss(source, *code)),
        Event::Replaced { source, address, reason } => {
            (Priority::Info, format!("source {source} gives up {address}: {reason}"))
        }
        Event::ResolveFailed { name, retry_s } => {
            (Priority::Warning, format!("cannot resolve {name}; trying again in {retry_s:.0} s"))
        }
        Event::Suppressed { count: 1 } => (Priority::Notice, "1 event was left out".into()),
        Event::Suppressed { count } => (Priority::Notice, format!("{count} events were left out")),
        Event::KeysExchanged { source, server } => {
            (Priority::Info, format!("source {source}: keys exchanged with {server} (NTS)"))
        }
        Event::KeyExchangeFailed { source, reason, retry_s } => {
            (Priority::Warning, format!("source {source}: no keys: {reason}; trying again in {retry_s:.0} s"))
        }
        Event::CertificateRefused { source } => (
            Priority::Warning,
            format!(
                "source {source} tells a time at which its certificate was not valid: it is not believed"
            ),
        ),
        Event::CertificateTimeKnown { servers } => (
            Priority::Warning,
            format!(
                "the clock contradicts the dates of the servers' certificates, and {servers} different NTS servers agree \
                 on a time at which theirs are valid: the clock follows them"
            ),
        ),
        Event::LocalReference { active: true } => {
            (Priority::Notice, "serving time from the local reference".into())
        }
        Event::LocalReference { active: false } => {
            (Priority::Notice, "no longer serving time from the local reference".into())
        }
    }
}

/// What a kiss code asks for, RFC 5905 §7.4. The code came from the network: only letters and digits are shown.
fn kiss(source: &str, code: [u8; 4]) -> String {
    let text: String =
        code.iter().map(|b| if b.is_ascii_alphanumeric() { char::from(*b) } else { '.' }).collect();
    match &code {
        b"RATE" => format!("source {source} asks for fewer requests ({text})"),
        b"DENY" | b"RSTR" => format!("source {source} refuses to serve this machine ({text})"),
        _ => format!("source {source} sent the kiss code {text}"),
    }
}

/// Seconds in a unit that suits a human.
pub(crate) fn span(seconds: f64) -> String {
    let size = seconds.abs();
    if size >= 1.0 {
        format!("{seconds:.3} s")
    } else if size >= 1e-3 {
        format!("{:.3} ms", seconds * 1e3)
    } else {
        format!("{:.1} µs", seconds * 1e6)
    }
}
