//! The directives of `chrony.conf` and what each is here, in one table: the reader takes its vocabulary from it, the
//! report its words, and `docs/chrony.md` is made of it.
//!
//! Arguments are written `NAME:KIND`, with the kind `i` for an integer, `u` for one without a sign, `n` for a number, `k`
//! for that of a key, `l` for a stratum from 1 to 15, `s` for one from 0, `r` for a reference identifier, `x` for an
//! extension field, `f` for a file's name and nothing for a word; `[…]` may be left out, and `...` stands for any number of
//! words.

use Capability::{Honoured, Never, NotYet, Partly, Unneeded};

/// What a directive or option of another program is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// It holds as it is: where.
    Honoured(&'static str),
    /// It holds in part: what does.
    Partly(&'static str),
    /// It is not needed, and leaving it out does no harm: why.
    Unneeded(&'static str),
    /// We cannot do that yet: what happens instead.
    NotYet(&'static str),
    /// There is not going to be such a thing: why.
    Never(&'static str),
}

impl Capability {
    /// In a word, and in a sentence.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Honoured(text) => ("yes", text),
            Partly(text) => ("in part", text),
            Unneeded(text) => ("not needed", text),
            NotYet(text) => ("not yet", text),
            Never(text) => ("never", text),
        }
    }
}

/// A directive, or an option of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Its name, in lower case.
    pub name: &'static str,
    /// What follows it.
    pub arguments: &'static str,
    /// What it is here.
    pub capability: Capability,
}

const fn d(name: &'static str, arguments: &'static str, capability: Capability) -> Directive {
    Directive { name, arguments, capability }
}

const WEIGHING: &str = "sources are weighed by their measured errors; there is nothing to set";
const HISTORY: &str =
    "samples are kept and weighed by how long they are worth something; there is nothing to set";
const NO_REFCLOCK: &str = "the device is not read; the clock follows network sources only";
const LOOPBACK: &str = "the port is open to this machine only";
const NO_RTC: &str =
    "the real-time clock is left to the kernel, which copies the time to it while the clock is synchronised";
const NO_SMOOTHING: &str = "clients get the best estimate of the time, unsmoothed";
const NO_PTP: &str = "NTP goes over UDP only";
const OLD: &str = "chronyd itself does nothing with it any more";

/// All directives, in the order of chrony's manual, then those that it no longer lists.
#[rustfmt::skip] // one directive an entry
pub static DIRECTIVES: &[Directive] = &[
    // Time sources.
    d("server", "HOST ...", Partly("`[[source]]` with `server`; its options are below")),
    d("pool", "NAME ...", Partly("`[[source]]` with `pool`; its options are those of `server` and `maxsources`")),
    d("peer", "HOST ...", Partly("`[[source]]` with `server`: the peer is asked as a client asks. There is no symmetric \
        mode, which is easier to attack; the other machine asks this one in the same way")),
    d("initstepslew", "THRESHOLD:n ...", Partly("the threshold becomes `clock.step` for the first update; the hosts are \
        not asked: every source is asked in a quick burst at the start")),
    d("refclock", "DRIVER PARAMETER ...", NotYet(NO_REFCLOCK)),
    d("manual", "", Honoured("`clock.manual`")),
    d("acquisitionport", "PORT:i", Honoured("`network.client_port`, unless time is served on that port; with 0 each request leaves from a random one")),
    d("bindacqaddress", "ADDRESS", Honoured("`source.bind` of every source of the same family")),
    d("bindacqdevice", "INTERFACE", Partly("`network.interface`; keys of NTS are exchanged by the system's routes")),
    d("dscp", "POINT:i", Honoured("`network.dscp`")),
    d("dumpdir", "FOLDER:f", Unneeded("measurements are not kept over a restart; a burst at the start brings new ones within seconds")),
    d("maxsamples", "SAMPLES:i", Unneeded(HISTORY)),
    d("minsamples", "SAMPLES:i", Unneeded(HISTORY)),
    d("ntsdumpdir", "FOLDER:f", Partly("a server's keys are kept in `serve.nts.key_ring`, in a format of our own; a client fetches \
        cookies anew when it starts")),
    d("ntsrefresh", "INTERVAL:i", Honoured("`source.nts.refresh`")),
    d("ntstrustedcerts", "[SET:u] FILE:f", Partly("`nts.trusted_certificates`; there is one set of authorities for all sources")),
    d("nosystemcert", "", Honoured("`nts.system_certificates = false`")),
    d("nocerttimecheck", "UPDATES:i", Partly("`nts.certificate_time = \"ladder\"`: dates are judged as soon as servers confirm the time, \
        and are never left unchecked")),
    d("refresh", "INTERVAL:i", Unneeded("names are resolved again when a source does not answer")),
    d("ntsaeads", "...", Unneeded("the algorithm is agreed on with each server, the better one first")),
    // Selection.
    d("authselectmode", "MODE", Honoured("`selection.authentication`")),
    d("combinelimit", "LIMIT:n", Unneeded(WEIGHING)),
    d("maxdistance", "DISTANCE:n", Honoured("`clock.max_distance`")),
    d("maxjitter", "JITTER:n", Unneeded("jitter widens the interval in which a source's time lies, and `max_distance` limits that")),
    d("minsources", "SOURCES:i", Honoured("`selection.min_sources`")),
    d("reselectdist", "DISTANCE:n", Unneeded(WEIGHING)),
    d("stratumweight", "DISTANCE:n", Unneeded(WEIGHING)),
    // System clock.
    d("clockprecision", "PRECISION:n", Unneeded("the precision is measured")),
    d("corrtimeratio", "RATIO:n", Unneeded("the servo chooses how fast it slews by how well the error is known")),
    d("driftfile", "FILE:f ...", Partly("`clock.chrony_drift_file`: what chronyd has learned is the start; from then on `clock.frequency_file` \
        has it, and chrony's file stays as it is, for going back")),
    d("fallbackdrift", "MIN:i MAX:i", Unneeded("without sources the clock keeps the frequency that the estimator has weighed over its memory, which is \
        longer than a deviation of a few polls, and the error bound grows by what that may be wrong")),
    d("leapsecmode", "MODE", Partly("`system`: the kernel makes the leap; the other modes do not exist yet")),
    d("leapsectz", "ZONE", NotYet("leap seconds come from the sources, by majority")),
    d("leapseclist", "FILE:f", NotYet("leap seconds come from the sources, by majority")),
    d("makestep", "THRESHOLD:n LIMIT:i", Honoured("`clock.step`")),
    d("maxchange", "OFFSET:n START:i IGNORE:i", Partly("`clock.panic`; larger corrections are refused for as long as they last, and \
        the daemon never exits")),
    d("maxclockerror", "PPM:n", Honoured("`clock.max_drift`")),
    d("maxdrift", "PPM:n", Honoured("`clock.max_frequency`")),
    d("maxupdateskew", "PPM:n", Unneeded("an uncertain frequency counts for as much as it is worth")),
    d("maxslewrate", "PPM:n", Honoured("`clock.max_slew`")),
    d("tempcomp", "FILE:f INTERVAL:n ...", NotYet("the temperature is not read; the measured frequency follows it")),
    // Server.
    d("allow", "[all] [SUBNET]", Honoured("`serve.allow`; host names are not resolved")),
    d("deny", "[all] [SUBNET]", Honoured("`serve.deny`; host names are not resolved")),
    d("bindaddress", "ADDRESS", Honoured("`serve.listen`")),
    d("binddevice", "INTERFACE", Honoured("`interface` in `serve.listen`")),
    d("broadcast", "INTERVAL:i ADDRESS [PORT:i]", Never("broadcasts can be forged by anybody on the network; let clients name this server")),
    d("clientloglimit", "BYTES:i", Partly("`serve.clients`, one client for each 128 bytes, at most 65536; memory is taken at the start")),
    d("noclientlog", "", Honoured("`serve.clients = 0`")),
    d("local", "...", Honoured("`[local]`; its options are below")),
    d("ntpsigndsocket", "FOLDER:f", Honoured("`serve.signd`")),
    d("ntsport", "PORT:i", Honoured("`serve.nts.listen`")),
    d("ntsservercert", "FILE:f", Partly("`serve.nts.certificate`; there is one, and a renewed one is read without a restart")),
    d("ntsserverkey", "FILE:f", Partly("`serve.nts.private_key`; there is one")),
    d("ntsprocesses", "PROCESSES:i", Unneeded("one helper process exchanges keys")),
    d("maxntsconnections", "CONNECTIONS:i", Honoured("`serve.nts.max_connections`")),
    d("ntsntpserver", "HOST", Honoured("`serve.nts.ntp_server`")),
    d("ntsrotate", "INTERVAL:i", Partly("`serve.nts.rotate`; keys of chronyd's own file are not read")),
    d("port", "PORT:i", Honoured("the port in `serve.listen`")),
    d("ratelimit", "...", Partly("`serve.rate_limit`, without chronyd's exception for clients that ask more often when they get no answer; \
        requests with a key or NTS are counted apart, and with IPv6 a network of 64 bits is one client")),
    d("ntsratelimit", "...", Partly("`serve.nts.max_rate` from `interval`; bursts are five seconds long")),
    d("smoothtime", "MAX-FREQ:n MAX-WANDER:n [leaponly]", NotYet(NO_SMOOTHING)),
    // Command and monitoring access.
    d("bindcmdaddress", "ADDRESS", Partly("a path is `control.chronyc_socket`, `/` closes it; the UDP port is open on 127.0.0.1 and ::1 only")),
    d("bindcmddevice", "INTERFACE", Unneeded(LOOPBACK)),
    d("cmdallow", "[all] [SUBNET]", Partly("this machine may ask; there is no door for others, which can log in and ask here")),
    d("cmddeny", "[all] [SUBNET]", Unneeded(LOOPBACK)),
    d("cmdport", "PORT:i", Honoured("`control.chronyc_port`")),
    d("cmdratelimit", "...", Unneeded(LOOPBACK)),
    d("opencommands", "...", NotYet("over UDP, what chronyd shows to everybody without this line is shown; the rest goes through the socket")),
    // Real-time clock.
    d("hwclockfile", "FILE:f", NotYet(NO_RTC)),
    d("rtcautotrim", "THRESHOLD:n", NotYet(NO_RTC)),
    d("rtcdevice", "DEVICE:f", NotYet(NO_RTC)),
    d("rtcfile", "FILE:f", NotYet(NO_RTC)),
    d("rtconutc", "", NotYet(NO_RTC)),
    d("rtcsync", "", Honoured("always so: the kernel copies the time while the clock is synchronised")),
    // Logging.
    d("log", "...", Partly("`logs.files`: measurements, rawmeasurements, statistics, tracking and selection; the others are not written yet")),
    d("logbanner", "ENTRIES:i", Honoured("`logs.banner`")),
    d("logchange", "THRESHOLD:n", Honoured("`clock.log_above`; steps and refused corrections are always told of")),
    d("logdir", "FOLDER:f", Honoured("`logs.dir`")),
    d("mailonchange", "ADDRESS THRESHOLD:n", Never("no other program is run, so no mail is sent; let your monitoring watch the journal or `chimer status --json`")),
    // Miscellaneous.
    d("confdir", "FOLDER:f ...", Honoured("the files are read where it stands")),
    d("sourcedir", "[FOLDER:f] ...", Honoured("`daemon.source_dirs`: the files are read at the start, on reload and at `chronyc reload sources`; with \
        `bindacqaddress` or `ntsrefresh`, which hold for them too, a file that was imported has what was in them then")),
    d("include", "PATTERN:f", Honoured("the files are read where it stands")),
    d("hwtimestamp", "INTERFACE ...", NotYet("packets are stamped by the kernel")),
    d("hwtstimeout", "TIMEOUT:n", NotYet("packets are stamped by the kernel")),
    d("keyfile", "FILE:f", Honoured("`keys.file`, which reads chrony's format")),
    d("lock_all", "", Honoured("`daemon.lock_memory`")),
    d("pidfile", "FILE:f", Honoured("`daemon.pid_file`; `/` writes none")),
    d("ptpport", "PORT:i", NotYet(NO_PTP)),
    d("ptpdomain", "DOMAIN:i", NotYet(NO_PTP)),
    d("sched_priority", "PRIORITY:i", Honoured("`daemon.realtime_priority`")),
    d("user", "USER", Honoured("`daemon.user`")),
    // No longer in the manual.
    d("commandkey", "...", Unneeded(OLD)),
    d("dumponexit", "...", Unneeded(OLD)),
    d("generatecommandkey", "...", Unneeded(OLD)),
    d("linux_freq_scale", "...", Unneeded(OLD)),
    d("linux_hz", "...", Unneeded(OLD)),
];

/// Options of `server`, `pool` and `peer`.
#[rustfmt::skip]
pub static SOURCE_OPTIONS: &[Directive] = &[
    d("minpoll", "POLL:i", Honoured("`poll.min`, up to 17")),
    d("maxpoll", "POLL:i", Honoured("`poll.max`, up to 17")),
    d("iburst", "", Honoured("`iburst`")),
    d("burst", "", Partly("`burst` asks several times at every poll")),
    d("key", "ID:k", Honoured("`key`")),
    d("nts", "", Honoured("`nts`")),
    d("certset", "ID:u", Partly("there is one set of authorities for all sources")),
    d("maxdelay", "DELAY:n", Honoured("`max_delay`")),
    d("maxdelayratio", "RATIO:n", Honoured("`max_delay_ratio`")),
    d("maxdelaydevratio", "RATIO:n", Unneeded("a sample counts for as much as its delay lets it be worth")),
    d("maxdelayquant", "P:n", Unneeded("a sample counts for as much as its delay lets it be worth")),
    d("mindelay", "DELAY:n", Partly("`min_delay`, for `max_delay_ratio`; the estimator learns the delay of each direction by itself")),
    d("asymmetry", "RATIO:n", Unneeded("the jitter of each direction is learned by itself")),
    d("offset", "OFFSET:n", Honoured("`offset`")),
    d("minsamples", "SAMPLES:i", Unneeded(HISTORY)),
    d("maxsamples", "SAMPLES:i", Unneeded(HISTORY)),
    d("filter", "POLLS:i", Unneeded("samples are weighed by their delays, which takes the place of a filter")),
    d("offline", "", Honoured("`offline`")),
    d("auto_offline", "", Unneeded("a source that cannot be reached is asked more and more seldom")),
    d("prefer", "", Honoured("`prefer`")),
    d("noselect", "", Honoured("`noselect`")),
    d("trust", "", Honoured("`trust`")),
    d("require", "", Honoured("`require`")),
    d("xleave", "", NotYet("the source is asked in basic mode")),
    d("polltarget", "TARGET:i", Unneeded("the interval follows the clock's stability between `poll.min` and `poll.max`")),
    d("port", "PORT:i", Honoured("`port`")),
    d("ntsport", "PORT:i", Honoured("`nts.port`")),
    d("presend", "POLL:i", NotYet("no packet goes ahead of the request")),
    d("minstratum", "STRATUM:i", Honoured("`min_stratum`")),
    d("version", "VERSION:i", Honoured("`version`, 3 or 4")),
    d("ipv4", "", Honoured("`family = \"ipv4\"`")),
    d("ipv6", "", Honoured("`family = \"ipv6\"`")),
    d("maxsources", "SOURCES:i", Honoured("`size`")),
    d("maxunreach", "POLLS:i", Honoured("`max_unreach`")),
    d("copy", "", Honoured("`copy`")),
    d("extfield", "TYPE:x", NotYet("requests have no experimental fields")),
];

/// Options of `local`.
#[rustfmt::skip]
pub static LOCAL_OPTIONS: &[Directive] = &[
    d("stratum", "STRATUM:l", Honoured("`local.stratum`")),
    d("orphan", "", Honoured("`local.orphan`")),
    d("distance", "DISTANCE:n", Honoured("`local.takeover`")),
    d("activate", "DISTANCE:n", Honoured("`local.activate`")),
    d("waitsynced", "SECONDS:n", Honoured("`local.wait_synced`")),
    d("waitunsynced", "SECONDS:n", Honoured("`local.wait_unsynced`")),
];

/// Options of `ratelimit`, `ntsratelimit` and `cmdratelimit`.
#[rustfmt::skip]
pub static LIMIT_OPTIONS: &[Directive] = &[
    d("interval", "POLL:i", Honoured("`rate_limit.interval`, and `nts.max_rate` for key exchange")),
    d("burst", "RESPONSES:i", Partly("`rate_limit.burst`; bursts of key exchange are five seconds long")),
    d("leak", "RATE:i", Partly("`rate_limit.leak`, two to that power; key exchange does not leak")),
    d("kod", "RATE:i", Honoured("`rate_limit.kod`, two to that power")),
];

/// The entry of this name, in any case.
pub(super) fn find(table: &'static [Directive], name: &str) -> Option<&'static Directive> {
    table.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
}
