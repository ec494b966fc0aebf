//! How often a client is answered, and how many are remembered.

use super::syntax::{integer, option};
use super::{Line, Reader, directives};
use crate::import::values::duration;
use crate::import::work::At;

/// Bytes that chronyd takes for a client.
const CLIENT_LEN: i64 = 128;

/// What `ratelimit` or its like says: powers of two, but for `burst`.
#[derive(Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) interval: Option<i64>,
    burst: Option<i64>,
    leak: Option<i64>,
    kod: Option<i64>,
}

/// The table of clients and the limit of each.
#[derive(Default)]
pub(super) struct Clients {
    limits: Option<(Limits, At)>,
    /// How many are remembered.
    count: Option<(i64, At)>,
}

impl Reader<'_, '_> {
    /// Whether the directive is one of these, and was read.
    pub(super) fn limit(&mut self, line: &Line<'_>) -> bool {
        match line.directive.name {
            "cmdratelimit" => _ = self.limits(line),
            "ratelimit" => {
                if let Some(limits) = self.limits(line) {
                    self.later.clients.limits = Some((limits, line.at));
                }
            }
            "noclientlog" => {
                self.later.clients.count = Some((0, line.at));
                self.work.keep(line.at);
            }
            "clientloglimit" => {
                let count = (line.integer(0) / CLIENT_LEN).clamp(8, 65_536);
                self.later.clients.count = Some((count, line.at));
                self.by_table(line.at, "", line.directive.capability);
            }
            _ => return false,
        }
        true
    }

    /// The options of `ratelimit` and its like.
    pub(super) fn limits(&mut self, line: &Line<'_>) -> Option<Limits> {
        let mut options = line.words.iter();
        let mut limits = Limits::default();
        while let Some(next) = option(directives::LIMIT_OPTIONS, line.directive.name, &mut options) {
            let (name, value) = match next {
                Ok((entry, _)) if entry.name == "kod" && line.directive.name != "ratelimit" => {
                    self.wrong(line.at, format!("`{}` has no option `kod`", line.directive.name));
                    return None;
                }
                Ok((entry, value)) => (entry.name, integer(value)),
                Err(fault) => {
                    self.wrong(line.at, fault);
                    return None;
                }
            };
            match name {
                "interval" => limits.interval = value,
                "burst" => limits.burst = value,
                "leak" => limits.leak = value,
                _ => limits.kod = value,
            }
        }
        self.by_table(line.at, "", line.directive.capability);
        Some(limits)
    }

    /// What they come to, if anybody is served.
    pub(super) fn finish_limits(&mut self) {
        let Clients { limits, count } = std::mem::take(&mut self.later.clients);
        if let Some((count, at)) = count {
            self.work.set("serve", "clients", count.to_string(), at);
        }
        let Some((limits, at)) = limits else { return };
        if let Some((0, _)) = count {
            return self.work.void(at, "nobody's rate can be limited, as `noclientlog` remembers nobody");
        }
        let interval = limits.interval.unwrap_or(3).clamp(-19, 12) as i32;
        let mut value = format!("{{ interval = {}", duration(2_f64.powi(interval)));
        let power = |exponent: i64| 1_u32 << exponent.clamp(1, 9);
        for (key, number) in [
            ("burst", limits.burst.map(|burst| burst.clamp(1, 255) as u32)),
            ("leak", limits.leak.map(power)),
            ("kod", limits.kod.filter(|kod| *kod > 0).map(power)),
        ] {
            if let Some(number) = number {
                value.push_str(&format!(", {key} = {number}"));
            }
        }
        self.work.set("serve", "rate_limit", value + " }", at);
    }

    /// Nobody is served: why.
    pub(super) fn no_limits(&mut self, why: &str) {
        let Clients { limits, count } = std::mem::take(&mut self.later.clients);
        for at in limits.map(|(_, at)| at).into_iter().chain(count.map(|(_, at)| at)) {
            self.work.void(at, why);
        }
    }
}
