//! Advice about a file of another program, in its own words: what to write there, not in ours.

use super::Dialect;
use crate::rules::{self, Rule};

/// A rule, and what to do about it in a file of each kind.
struct Advice {
    rule: &'static Rule,
    chrony: &'static str,
    ntp: &'static str,
    openntpd: &'static str,
    timesyncd: &'static str,
    ntpd_rs: &'static str,
}

/// Where nothing is said, our own advice holds without its keys, or there is nothing to be done in that file.
const NONE: &str = "";

#[rustfmt::skip] // one rule an entry
static ADVICE: &[Advice] = &[
    Advice {
        rule: &rules::NO_SOURCE,
        chrony: "add `pool 2.pool.ntp.org iburst`, or a `server` of yours",
        ntp: "add `pool 2.pool.ntp.org iburst`, or a `server` of yours",
        openntpd: "add `servers pool.ntp.org`, or a `server` of yours",
        timesyncd: "name servers: NTP=0.pool.ntp.org 1.pool.ntp.org 2.pool.ntp.org 3.pool.ntp.org",
        ntpd_rs: "add a [[source]] with mode = \"pool\" and address = \"pool.ntp.org\", or a server of yours",
    },
    Advice {
        rule: &rules::MIN_SOURCES,
        chrony: "add sources, or lower `minsources`",
        ntp: "add sources, or lower `minsane` of `tos`",
        openntpd: "add sources",
        timesyncd: "add servers to `NTP=`",
        ntpd_rs: "add sources, or lower `minimum-agreeing-sources`",
    },
    Advice {
        rule: &rules::NOT_AUTHENTICATED,
        chrony: "give sources `nts` or `key ID`, or drop `authselectmode`",
        ntp: "give sources `nts` or `key ID`",
        openntpd: NONE, timesyncd: NONE,
        ntpd_rs: "give sources mode = \"nts\"",
    },
    Advice {
        rule: &rules::FAST_POLL,
        chrony: "unless the server is yours, `minpoll 4` (16 s) is the least; 6 (64 s) is usual",
        ntp: "unless the server is yours, `minpoll 4` (16 s) is the least; 6 (64 s) is usual",
        openntpd: NONE,
        timesyncd: "unless the servers are yours, PollIntervalMinSec=16 is the least; 32 is usual",
        ntpd_rs: "unless the server is yours, 4 (16 s) is the least for `poll-interval-limits`",
    },
    Advice {
        rule: &rules::SERVES_NOBODY,
        chrony: "name the networks of your clients: allow 192.0.2.0/24",
        ntp: "name the networks of your clients: restrict 192.0.2.0 mask 255.255.255.0 nomodify noquery",
        openntpd: NONE, timesyncd: NONE,
        ntpd_rs: "name the networks of your clients in `allowlist`",
    },
    Advice {
        rule: &rules::OPEN_SERVER,
        chrony: "name the networks of your clients in `allow`; a public server needs `ratelimit`",
        ntp: "name the networks of your clients in `restrict`; a public server needs `restrict default limited kod`",
        openntpd: "listen on an address that only your clients reach",
        timesyncd: NONE,
        ntpd_rs: "name the networks of your clients in `allowlist`; a public server needs `rate-limiting-cutoff-ms`",
    },
    Advice {
        rule: &rules::IDLE_DENY,
        chrony: "who is not allowed is never answered: drop the line, or widen an `allow`",
        ntp: "who is not allowed is never answered: drop the line",
        openntpd: NONE, timesyncd: NONE, ntpd_rs: NONE,
    },
    Advice {
        rule: &rules::NO_LISTENER,
        chrony: "drop `bindaddress`, or give it an address of this family as well",
        ntp: "let `interface listen` name an address of this family",
        openntpd: "add a `listen on` with an address of this family",
        timesyncd: NONE,
        ntpd_rs: "add a [[server]] with an address of this family",
    },
    Advice {
        rule: &rules::STEP_ALWAYS,
        chrony: "databases and logs take that badly; `makestep 1 3` steps at the first three updates only",
        ntp: "databases and logs take that badly; `tinker step 0` never steps",
        openntpd: NONE, timesyncd: NONE,
        ntpd_rs: "databases and logs take that badly",
    },
    Advice {
        rule: &rules::PANIC_OFF,
        chrony: "`maxchange 1000 1 -1` refuses larger ones while running, and lets the first be any size",
        ntp: "`tinker panic 1000` refuses larger ones, and lets the first be any size",
        openntpd: NONE, timesyncd: NONE,
        ntpd_rs: "set `single-step-panic-threshold` of [synchronization]",
    },
    Advice {
        rule: &rules::STEP_PANIC,
        chrony: "let `makestep` name a smaller threshold than `maxchange`",
        ntp: "let `tinker step` be smaller than `tinker panic`",
        openntpd: NONE, timesyncd: NONE, ntpd_rs: NONE,
    },
    Advice {
        rule: &rules::LOCAL_IDLE,
        chrony: "add an `allow` line, or drop `local`",
        ntp: "let clients be answered, or drop `tos orphan`",
        openntpd: NONE, timesyncd: NONE,
        ntpd_rs: "add a [[server]], or drop `local-stratum`",
    },
    Advice {
        rule: &rules::SHORT_COOKIES,
        chrony: "make `ntsrotate` longer; a week is usual",
        ntp: NONE, openntpd: NONE, timesyncd: NONE, ntpd_rs: NONE,
    },
    Advice {
        rule: &rules::OWN_KEYS,
        chrony: "share them: `ntsdumpdir` of one folder and `ntsrotate 0`, here and there",
        ntp: NONE, openntpd: NONE, timesyncd: NONE, ntpd_rs: NONE,
    },
];

/// What to do about a finding in such a file, instead of what is to be done in one of ours; `None` where that holds for
/// both, `Some("")` where there is nothing to say.
pub(super) fn help(dialect: Dialect, rule: &str) -> Option<&'static str> {
    let advice = ADVICE.iter().find(|advice| advice.rule.id == rule)?;
    Some(match dialect {
        Dialect::Chrony => advice.chrony,
        Dialect::Ntp => advice.ntp,
        Dialect::Openntpd => advice.openntpd,
        Dialect::Timesyncd => advice.timesyncd,
        Dialect::NtpdRs => advice.ntpd_rs,
        Dialect::Cisco => NONE,
    })
}
