//! Directives of `ntp.conf` that need no more than a sentence.

use crate::import::chrony::Capability::{self, Never, NotYet, Unneeded};

const STATS: &str = "`[logs]` says what is written";
const NO_REMOTE: &str = "the daemon takes commands through its local socket only";
const FORGED: &str = "broadcasts can be forged by anybody on the network; let every machine name its servers";
const BROKEN: &str = "Autokey was broken in 2012: its keys can be found, and its certificates forged. Use `nts = true` with servers that have \
                      it, or a symmetric `key`";
const LIST: &str = "the memory for clients is fixed";

/// Directives, what they are here, and whether they are dangerous: why.
#[rustfmt::skip] // one directive an entry
pub(super) static PLAIN: &[(&str, Capability, Option<&str>)] = &[
    ("driftfile", Capability::Partly("`clock.frequency_file` keeps the frequency in a format of our own; ntpd's file stays as it is, for going back"), None),
    ("leapfile", NotYet("leap seconds come from the sources, by majority"), None),
    ("leapsmearinterval", NotYet("leap seconds are served as they are"), Some("clients of a smearing server and of others disagree by up to a second")),
    ("logfile", NotYet("the journal goes to standard error"), None),
    ("logconfig", NotYet("the journal has one amount of words; `chimerd -d` says more"), None),
    ("trustedkey", Capability::Partly("every key in the key file is trusted: take the others out of it"), None),
    ("controlkey", Unneeded(NO_REMOTE), None),
    ("requestkey", Unneeded(NO_REMOTE), Some("whoever knows this key can change ntpd's configuration from the network")),
    ("crypto", Never(BROKEN), Some("what Autokey authenticates, anybody can forge")),
    ("keysdir", Never(BROKEN), None),
    ("revoke", Never(BROKEN), None),
    ("automax", Never(BROKEN), None),
    ("ident", Never(BROKEN), None),
    ("broadcast", Never(FORGED), Some("whoever listens to broadcasts without keys believes anybody on the network")),
    ("broadcastclient", Never(FORGED), Some("anybody on the network can set this clock, unless every broadcast has a key")),
    ("broadcastdelay", Unneeded("nobody listens to broadcasts"), None),
    ("multicastclient", Never(FORGED), Some("anybody who reaches the group can set this clock, unless every packet has a key")),
    ("manycastclient", Never("servers are named, not looked for among whoever answers"), Some("whoever answers first is believed")),
    ("manycastserver", Never("this machine answers who asks it, not who asks a group"), None),
    ("ttl", Unneeded("no packet goes to a group"), None),
    ("calldelay", Unneeded("no modem is called"), None),
    ("phone", NotYet("no modem is called"), None),
    ("pidfile", Unneeded("the service manager knows the process"), None),
    ("pollskewlist", Unneeded("the interval follows the clock's stability"), None),
    ("qos", NotYet("packets carry no DSCP"), None),
    ("dscp", NotYet("packets carry no DSCP"), None),
    ("mdnstries", Unneeded("the daemon does not announce itself"), None),
    ("monitor", Unneeded(LIST), None),
    ("nonvolatile", Unneeded("the frequency is saved when it changed"), None),
    ("reset", Unneeded("counters begin at the start of the daemon"), None),
    ("rlimit", Unneeded("the daemon needs a few megabytes"), None),
    ("saveconfigdir", Unneeded(NO_REMOTE), None),
    ("setvar", Unneeded("it sets what ntpq shows, and nothing else"), None),
    ("simulate", Never("`chimer sim` simulates"), None),
    ("tick", Unneeded("the kernel knows its tick"), None),
    ("trap", Never("no messages are sent to whoever asks for them"), Some("traps can be misused to flood others")),
    ("device", NotYet("the device is not read; the clock follows network sources only"), None),
    ("refclock", NotYet("the device is not read; the clock follows network sources only"), None),
    ("unpeer", NotYet("the source stays: take its line out"), None),
    ("unconfig", NotYet("the source stays: take its line out"), None),
];

/// Variables of `tos` that need no more than a sentence.
#[rustfmt::skip]
pub(super) static TOS: &[(&str, Capability)] = &[
    ("minclock", Unneeded("sources are weighed by their measured errors")),
    ("maxclock", Capability::Partly("`size` of each pool says how many of its members are used, 4 if nothing is said")),
    ("mindist", Unneeded("sources are weighed by their measured errors")),
    ("floor", NotYet("sources of a low stratum are used too")),
    ("cohort", Unneeded("a source that follows this machine is never used")),
    ("orphanwait", NotYet("the local reference takes over as soon as no source is usable")),
    ("beacon", Unneeded("servers are named, not looked for")),
    ("bcpollbstep", Unneeded("nobody listens to broadcasts")),
    ("basedate", Unneeded("times before 1980 are refused, and the era is the one that fits")),
];

/// Variables of `tinker` that need no more than a sentence.
#[rustfmt::skip]
pub(super) static TINKER: &[(&str, Capability)] = &[
    ("allan", Unneeded("the estimator measures the oscillator")),
    ("freq", Unneeded("the frequency is measured, and kept in `clock.frequency_file`")),
    ("huffpuff", Unneeded("samples are weighed by their delays")),
    ("stepout", Unneeded("a step is made when the error is known well enough")),
    ("tick", Unneeded("the kernel knows its tick")),
];

/// Switches of `enable` and `disable`: what it means to enable, and to disable them.
#[rustfmt::skip]
pub(super) static SWITCHES: &[(&str, Capability, Capability)] = &[
    ("auth", Unneeded("only sources that are named are ever believed"), Unneeded("only sources that are named are ever believed")),
    ("bclient", Never(FORGED), Unneeded("nobody listens to broadcasts")),
    ("calibrate", Unneeded("the estimator measures the oscillator"), Unneeded("the estimator measures the oscillator")),
    ("kernel", Unneeded("the kernel's clock is steered directly"), Unneeded("the kernel's clock is steered directly")),
    ("mode7", Never("there is no private mode: it can be misused to flood others"), Unneeded("there is no private mode")),
    ("monitor", Unneeded(LIST), Unneeded(LIST)),
    ("stats", Unneeded(STATS), Unneeded(STATS)),
];
