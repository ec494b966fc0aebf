//! The table itself, in the order of the manual.

use crate::sections::LOGS;

use super::{Key, Kind, Schema, Section};

/// The daemon's configuration.
pub static CONFIGURATION: Schema =
    Schema { sections: SECTIONS, keys: &[KEYS], without: &[], foreign: FOREIGN };

/// A file in a folder of `daemon.source_dirs`.
pub(crate) static SOURCE_FILE: Schema =
    Schema { sections: &[SOURCE], keys: &[KEYS], without: &[], foreign: FOREIGN };

const SOURCE: Section = Section {
    name: "source",
    repeated: true,
    about: "Where time comes from. Each `[[source]]` is one server or one pool of servers, named by exactly one \
            of `server` and `pool`. Four sources or more let a majority outvote a wrong one; one source is \
            believed whatever it says.",
};

/// All sections.
pub static SECTIONS: &[Section] = &[
    SOURCE,
    Section {
        name: "serve",
        repeated: false,
        about: "Answering other machines. Without this section no port is opened. Nobody is answered who is not \
                in `allow`; where networks overlap, the longest prefix decides, whatever the order of the lists.",
    },
    Section {
        name: "clock",
        repeated: false,
        about: "How the machine's clock is corrected, and which corrections are refused. Small errors are slewed \
                away by running the clock a little faster or slower; a step makes it jump.",
    },
    Section { name: "selection", repeated: false, about: "Which sources are believed." },
    Section {
        name: "keys",
        repeated: false,
        about: "Symmetric keys: secrets that this machine shares with others. A source with `key` is asked with that \
                key, and its replies are believed only if they are made with it; as a server, this machine answers \
                requests that are made with any of the keys. See `docs/keys.md`.",
    },
    Section {
        name: "nts",
        repeated: false,
        about: "Network Time Security: how servers of sources with `nts` prove who they are. See `docs/nts.md`.",
    },
    Section {
        name: "local",
        repeated: false,
        about: "Serving time without a source. With this section, clients of this machine are told that its clock \
                is a reference when there is no better one, so that an island keeps one time, right or wrong.",
    },
    Section {
        name: "network",
        repeated: false,
        about: "How packets leave this machine, where that is not left to the system.",
    },
    Section {
        name: "control",
        repeated: false,
        about: "Being asked and commanded in the ways of other programs, beside our own. Nothing of it is open unless it is \
                named here. See `docs/chronyc.md` and `docs/ntpq.md`.",
    },
    Section {
        name: "logs",
        repeated: false,
        about: "Files for scripts that read those of chronyd or ntpd. Nothing is written without this section; `chimer` tells \
                more, and the journal has what matters. See `docs/logs.md`.",
    },
    Section { name: "daemon", repeated: false, about: "The daemon as a program." },
];

/// Words of other programs' files and what they are here.
const FOREIGN: &[(&str, &str)] = &[
    ("address", "`server` or `pool` in [[source]]"),
    ("host", "`server` or `pool` in [[source]]"),
    ("hostname", "`server` or `pool` in [[source]]"),
    ("mode", "`server = …` or `pool = …` in [[source]]"),
    ("count", "`size`, the number of members of a pool"),
    ("maxsources", "`size`, the number of members of a pool"),
    ("minpoll", "`poll = { min = …, max = … }` in [[source]]"),
    ("maxpoll", "`poll = { min = …, max = … }` in [[source]]"),
    ("poll_interval_limits", "`poll = { min = …, max = … }` in [[source]]"),
    ("maxdelay", "`max_delay` in [[source]]"),
    ("maxdelayratio", "`max_delay_ratio` in [[source]]"),
    ("makestep", "`step = { above = \"1s\", first = 3 }` in [clock]"),
    ("tinker", "`step` and `panic` in [clock]"),
    ("maxchange", "`panic` in [clock]"),
    ("maxslewrate", "`max_slew` in [clock]"),
    ("maxdistance", "`max_distance` in [clock]"),
    ("driftfile", "`frequency_file` in [clock]"),
    ("keyfile", "`file` in [keys]"),
    ("authselectmode", "`authentication` in [selection]"),
    ("minsources", "`min_sources` in [selection]"),
    ("restrict", "`allow` and `deny` in [serve]"),
    ("ntpsigndsocket", "`signd` in [serve]"),
    ("bindaddress", "`listen` in [serve]"),
    ("listen_on", "`listen` in [serve]"),
];

const DAY: f64 = 86_400.0;
/// A hundred years: no gate needs more, and any 32-bit `time_t` can be reached.
const CENTURY: f64 = 36_500.0 * DAY;

const fn key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key { section, name, kind, default, about, example }
}

const fn seconds(min: f64, max: f64) -> Kind {
    Kind::Duration { min, max, or: None }
}

const fn limit() -> Kind {
    Kind::Duration { min: 0.001, max: CENTURY, or: Some("none") }
}

const fn integer(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max, or: None }
}

/// All keys.
#[rustfmt::skip] // one key an entry: name and kind, default, example, meaning
pub static KEYS: &[Key] = &[
    key("source", "server", Kind::Host, "", r#""ntp.example.net""#,
        "One server, by name or address."),
    key("source", "pool", Kind::Host, "", r#""pool.ntp.org""#,
        "A name behind which there are many servers. Some of them are used, and members that are unreachable or \
         wrong are replaced by others."),
    key("source", "name", Kind::Label, "the host", r#""office""#,
        "What reports and commands call the source."),
    key("source", "size", integer(1, 16), "`4`", "6",
        "How many members of a pool to use at a time."),
    key("source", "port", integer(1, 65_535), "`123`", "1123",
        "The UDP port of the server."),
    key("source", "poll", Kind::Table("a table of `min` and `max`"), "", "{ min = 5, max = 9 }",
        "How often the source is asked: intervals are powers of two in seconds, so 6 is 64 s and 10 is 1024 s. \
         Within the limits the daemon asks as seldom as the clock's stability allows."),
    key("source", "poll.min", integer(-7, 17), "`6` (64 s), or `max` if that is smaller", "4",
        "Exponent of the shortest interval. Servers that are not your own are owed 4 or more."),
    key("source", "poll.max", integer(-7, 17), "`10` (1024 s), or `min` if that is larger", "12",
        "Exponent of the longest interval."),
    key("source", "iburst", Kind::Boolean, "`true`", "false",
        "Ask four times in quick succession at the start, so that the clock is right within seconds."),
    key("source", "burst", Kind::Boolean, "`false`", "true",
        "Ask several times at every poll. For links that are rarely up; only with the consent of the server's \
         operator."),
    key("source", "prefer", Kind::Boolean, "`false`", "true",
        "Use this source, as long as it is right, rather than those without the mark."),
    key("source", "trust", Kind::Boolean, "`false`", "true",
        "Sources without this mark cannot outvote this one."),
    key("source", "require", Kind::Boolean, "`false`", "true",
        "Unless this source (or another one so marked) is usable, the clock is left alone."),
    key("source", "noselect", Kind::Boolean, "`false`", "true",
        "Measure the source and report it, but never use it."),
    key("source", "offline", Kind::Boolean, "`false`", "true",
        "Do not ask until `chimer online` says so."),
    key("source", "version", integer(3, 4), "`4`", "3",
        "The NTP version of the requests."),
    key("source", "family", Kind::Word(&["ipv4", "ipv6"]), "both", r#""ipv6""#,
        "Use only addresses of this family."),
    key("source", "max_delay", seconds(1e-6, 1000.0), r#"`"3s"`"#, r#""100ms""#,
        "Replies that took longer are dropped."),
    key("source", "max_delay_ratio", Kind::Number { min: 1.0, max: 1000.0 }, "no limit", "3.5",
        "Replies that took longer than the quickest by this factor are dropped."),
    key("source", "offset", seconds(-DAY, DAY), r#"`"0s"`"#, r#""-12.5us""#,
        "Added to every offset measured against this source: for a known asymmetry of the path."),
    key("source", "bind", Kind::Address, "chosen by the system", r#""192.0.2.7""#,
        "The local address that requests are sent from."),
    key("source", "max_stratum", integer(1, 15), "`15`", "4",
        "Replies from a higher stratum are dropped."),
    key("source", "min_stratum", integer(0, 15), "`0`", "3",
        "The stratum that the source is taken to have at least: for one near the top that is known to be poor. It then is the \
         system peer only where others are worse by much, and clients are told this stratum and one."),
    key("source", "min_delay", seconds(1e-9, 1000.0), "the shortest round trip that was measured", r#""150us""#,
        "The round trip that `max_delay_ratio` is a multiple of: for a static network whose delay is known."),
    key("source", "max_unreach", integer(0, 1_000_000), "as many as the error bound allows", "20",
        "A source that has not answered eight polls is not used any more, but what it said goes on holding until the error bound \
         reaches `clock.max_distance`. After so many more polls without an answer from any source it does not: the clock counts as \
         unsynchronised."),
    key("source", "copy", Kind::Boolean, "`false`", "true",
        "While this source is the system peer, tell clients its stratum and reference identifier instead of one more and its \
         address: for several servers that stand for one, as two daemons on one machine. Nothing notices any more when the \
         source follows this machine in a circle, so it must be certain that it never does."),

    key("source", "nts", Kind::Table("`true`, `false`, or a table of `port` and `refresh`"), "`false`", "true",
        "Authenticate the source by NTS: keys are exchanged with it over TLS, and it must have a certificate for its name. \
         Without keys it is not asked, and never believed. Most operators that offer it say so. See `docs/nts.md`."),
    key("source", "nts.port", integer(1, 65_535), "`4460`", "4461",
        "The TCP port of key exchange."),
    key("source", "nts.refresh", seconds(600.0, 365.0 * DAY), r#"`"14d"`"#, r#""1d""#,
        "Keys are exchanged anew when they are this old, or a little earlier."),
    key("source", "key", integer(1, u32::MAX as i64), "none", "10",
        "Authenticate requests and replies with the symmetric key of this identifier in the file of `[keys]`. Replies \
         without it, or with another key, are dropped."),

    key("serve", "listen", Kind::Listeners, "", r#"["0.0.0.0:123", "[::]:123"]"#,
        "Where to listen. `0.0.0.0` stands for all IPv4 addresses of the machine, `[::]` for all IPv6 ones. A \
         table instead of a string limits the listener to one interface."),
    key("serve", "listen.address", Kind::SocketAddress, "", r#""192.0.2.1:123""#,
        "Where to listen, in the table form."),
    key("serve", "listen.interface", Kind::Interface, "all", r#""eth1""#,
        "Answer only what arrives through this interface."),
    key("serve", "allow", Kind::Networks, "`[]`", r#"["10.0.0.0/8", "2001:db8::/32"]"#,
        "Networks whose requests are answered. An IPv4 network covers its IPv4-mapped IPv6 form as well. \
         `0.0.0.0/0` and `::/0` are everybody."),
    key("serve", "deny", Kind::Networks, "`[]`", r#"["10.99.0.0/16"]"#,
        "Networks that are not answered though a wider network in `allow` covers them."),

    key("serve", "workers", integer(1, 64), "`1`", "4",
        "How many threads answer requests, each on a socket of its own; with 1 the event loop does it. The kernel gives \
         each client to one of them. For servers with more to do than one processor can, which is some hundred thousand \
         requests a second. Limits on what strangers may use up hold for each thread. With `daemon.roles = \"inline\"` it \
         is always the event loop. Takes effect at the start."),
    key("serve", "clients", integer(0, 65_536), "`4096`", "16384",
        "How many clients are remembered, for `chimer clients` and for `rate_limit`: 100 bytes each, for every one of `workers`. \
         Who came once makes room before who came again within the last hour. 0 remembers nobody."),
    key("serve", "rate_limit", Kind::Table("a table of `interval`, `burst`, `leak` and `kod`"), "none", r#"{ interval = "1s" }"#,
        "How often one client is answered: an address, or with IPv6 a network of 64 bits. Without it, whenever it asks. \
         Clients that share an address share the limit. Requests with a symmetric key or NTS are counted apart, so that whoever \
         forges addresses cannot get their senders limited. See `docs/serving.md`."),
    key("serve", "rate_limit.interval", seconds(1e-6, DAY), r#"`"8s"`"#, r#""1s""#,
        "The time between two answers, on average."),
    key("serve", "rate_limit.burst", integer(1, 100_000), "`8`", "16",
        "How many answers there may be at once after a silence; clients ask in bursts when they start."),
    key("serve", "rate_limit.leak", integer(2, 1000), "`4`", "2",
        "Of so many requests above the limit, one is answered all the same, on average and at random, so that nobody is cut off \
         by others who ask in its name."),
    key("serve", "rate_limit.kod", integer(1, 1000), "none", "8",
        "Of so many of the others, one is answered with the kiss code RATE, which bids the client to ask less often."),
    key("serve", "signd", Kind::Path { longest: 100 }, "none", r#""/var/lib/samba/ntp_signd""#,
        "For a domain controller: the socket of Samba's `ntp_signd`, or the folder that it is in. Members of the domain \
         (MS-SNTP) are then answered with replies that Samba has signed. Whoever is answered can have replies signed \
         with the password of any machine's account and try to guess it, so `allow` should name the domain's networks only."),

    key("serve", "nts", Kind::Table("a table, best written as a section `[serve.nts]`"), "",
        r#"{ certificate = "/etc/ssl/time.pem", private_key = "/etc/ssl/time.key" }"#,
        "Authenticated time (NTS) for clients. With a certificate, keys are exchanged on this machine; without one, \
         another machine does that, with which it shares `key_ring` or `master_secret`. See `docs/nts.md`."),
    key("serve", "nts.certificate", Kind::Path { longest: 4000 }, "",
        r#""/etc/letsencrypt/live/time.example.net/fullchain.pem""#,
        "PEM file of the certificate, followed by those that vouch for it. When the file changes it is read again; \
         one that cannot be used leaves the old one in force."),
    key("serve", "nts.private_key", Kind::NeededPath { longest: 4000 }, "",
        r#""/etc/letsencrypt/live/time.example.net/privkey.pem""#,
        "PEM file of the private key."),
    key("serve", "nts.listen", Kind::Listeners, "the addresses of `listen`, port 4460", r#"["192.0.2.1:4460"]"#,
        "Where to listen for key exchange (TCP). With it, `listen` of `[serve]` may be empty: such a machine exchanges \
         keys for others and serves no time itself."),
    key("serve", "nts.listen.address", Kind::SocketAddress, "", r#""192.0.2.1:4460""#,
        "Where to listen, in the table form."),
    key("serve", "nts.listen.interface", Kind::Interface, "all", r#""eth1""#,
        "Answer only what arrives through this interface."),
    key("serve", "nts.ntp_server", Kind::Host, "this machine", r#""time2.example.net""#,
        "The server for time that clients are sent to after the key exchange. It must have the same keys."),
    key("serve", "nts.ntp_port", integer(1, 65_535), "that of `listen` of `[serve]`", "1123",
        "The UDP port that clients are told; 123 where `listen` has several, or `ntp_server` is another machine."),
    key("serve", "nts.rotate", Kind::Duration { min: 60.0, max: 365.0 * DAY, or: Some("never") }, r#"`"1d"`"#, r#""12h""#,
        "How often there is a new key to make cookies with. With `\"never\"`, another server makes the keys, and \
         `key_ring` is only read, again whenever it changes."),
    key("serve", "nts.keep", integer(1, 14), "`2`", "7",
        "How many keys before the newest stay valid, and so how many rotations a cookie outlives: a client that \
         comes back later must exchange keys again."),
    key("serve", "nts.key_ring", Kind::Path { longest: 4000 }, "`key-ring` in `daemon.state_dir`",
        r#""/srv/nts/key-ring""#,
        "The file that keeps the keys over restarts. Servers that share it accept each other's cookies; all but one \
         of them have `rotate = \"never\"`. `false` keeps the keys in memory only."),
    key("serve", "nts.master_secret", Kind::Path { longest: 4000 }, "", r#""/etc/truechimer/master-secret""#,
        "A file with a secret of 32 bytes or more, from which and from the time every server that has it derives the \
         same keys: for fleets, load balancers and anycast."),
    key("serve", "nts.max_connections", integer(1, 10_000), "`200`", "1000",
        "Connections for key exchange at a time. When there is no room, the oldest that has not finished goes."),
    key("serve", "nts.max_per_address", integer(1, 10_000), "`16`", "100",
        "Connections at a time from one address, or from one IPv6 network of 56 bits."),
    key("serve", "nts.max_rate", Kind::Number { min: 0.1, max: 100_000.0 }, "`20`", "100.0",
        "Connections a second from one address (or IPv6 network of 56 bits) on average; those of five seconds may come \
         at once."),
    key("serve", "nts.timeout", seconds(0.1, 60.0), r#"`"5s"`"#, r#""2s""#,
        "A connection that takes longer from its first byte to its last is closed."),

    key("clock", "control", Kind::Boolean, "`true`", "false",
        "Whether to steer the clock at all. Without it the daemon only observes, reports and serves; that is also \
         what happens when it lacks the privilege (`CAP_SYS_TIME`)."),
    key("clock", "step", Kind::Table(r#"a table of `above` and `first`, `"always"` or `"never"`"#), "",
        r#"{ above = "1s", first = 3 }"#,
        "When the clock may jump. `\"never\"` always slews, however long that takes; `\"always\"` steps whenever \
         the error is above the default threshold, even under running programs."),
    key("clock", "step.above", seconds(1e-4, DAY), r#"`"128ms"`"#, r#""1s""#,
        "Errors up to this are slewed away."),
    key("clock", "step.first", Kind::Integer { min: 1, max: 1_000_000, or: Some("always") }, "`3`", "10",
        "Only this many of the first clock updates after the start may step."),
    key("clock", "panic", Kind::Table(r#"a duration, `"none"`, or a table of `forward`, `backward`, `start` and `accumulated`"#), "",
        r#""500s""#,
        "Corrections larger than this are refused: the daemon goes on running, leaves the clock alone and says \
         so. A single duration limits corrections both ways while running, and leaves the first one after the \
         start free; `\"none\"` removes every limit."),
    key("clock", "panic.forward", limit(), r#"`"1000s"`"#, r#""10s""#,
        "Limit for a correction that moves the clock forward."),
    key("clock", "panic.backward", limit(), r#"`"1000s"`"#, r#""10s""#,
        "Limit for a correction that moves the clock back."),
    key("clock", "panic.start", limit(), r#"`"none"`"#, r#""1h""#,
        "Limit for the first correction after the start, either way."),
    key("clock", "panic.accumulated", limit(), r#"`"none"`"#, r#""1d""#,
        "Limit for the sum of all steps since the state folder was empty. It survives restarts, so that an \
         attacker gains nothing by them."),
    key("clock", "max_slew", Kind::Rate { min: 1e-7, max: 0.1 }, r#"`"500ppm"`"#, r#""1000ppm""#,
        "The fastest slew. 500 ppm correct 1 s in 33 minutes."),
    key("clock", "max_frequency", Kind::Rate { min: 1e-6, max: 0.1 }, r#"`"500ppm"`"#, r#""100ppm""#,
        "The largest error of the machine's oscillator that is corrected."),
    key("clock", "max_drift", Kind::Rate { min: 1e-9, max: 500e-6 }, r#"`"1ppm"`"#, r#""10ppm""#,
        "By how much the rate of the machine's oscillator may change between two samples, unseen: warmth and \
         vibration. The error bound grows by at least this; a wrong promise makes a wrong bound."),
    key("clock", "max_distance", seconds(1e-5, 16.0), r#"`"1.5s"`"#, r#""100ms""#,
        "The clock counts as synchronised while its error is certainly below this."),
    key("clock", "manual", Kind::Boolean, "`false`", "true",
        "Whether the time may be typed in (`chronyc settime`), for an island without any source. The clock is then corrected by \
         it within the limits above, but never counts as synchronised by it; while sources stand behind the clock, a typed \
         time is compared with it and corrects nothing. Whoever may give commands may type."),
    key("clock", "log_above", limit(), r#"`"1s"`"#, r#""100ms""#,
        "The journal tells of corrections by slew that are larger than this, as it does of every step."),
    key("clock", "frequency_file", Kind::Path { longest: 4000 }, "`frequency` in `daemon.state_dir`",
        r#""/var/lib/truechimer/oscillator""#,
        "Where the oscillator's frequency is kept between runs."),
    key("clock", "chrony_drift_file", Kind::Path { longest: 4000 }, "`false`", r#""/var/lib/chrony/chrony.drift""#,
        "Where chronyd kept the frequency (`driftfile`). While there is no frequency file of our own, it is read at the start \
         and believed to 1 ppm at best; it is never written."),

    key("selection", "min_sources", integer(1, 64), "`1`", "3",
        "How many sources must agree before the clock is corrected."),

    key("nts", "certificate_time", Kind::Word(&["ladder", "strict"]), r#"`"ladder"`"#, r#""strict""#,
        "By which clock the dates of certificates are judged while nobody knows the time. `\"ladder\"` lets the servers \
         themselves confirm them, and sets the clock only then; `\"strict\"` believes the machine's clock, right or wrong. \
         Names and chains are verified in any case."),
    key("nts", "certificate_quorum", integer(1, 64), "2, or all NTS servers if there are fewer", "3",
        "How many different NTS servers must agree before a clock is set that their certificates contradict."),
    key("nts", "system_certificates", Kind::Boolean, "`true`", "false",
        "Whether to believe the certificate authorities that the system trusts."),
    key("nts", "trusted_certificates", Kind::Paths { most: 16, longest: 4000 }, "`[]`", r#"["/etc/ssl/our-ca.pem"]"#,
        "PEM files of further authorities, as those of an organisation of its own."),

    key("selection", "authentication", Kind::Word(&["require", "prefer", "mix", "ignore"]), r#"`"mix"`"#,
        r#""require""#,
        "What it counts that a server or pool is authenticated. `\"require\"` never uses one that is not; `\"prefer\"` \
         does so only if none is authenticated; `\"mix\"`, if there are both kinds, marks those that are, and reference \
         clocks, as `trust` and `require`, so that the others can only agree; `\"ignore\"` makes no difference. What \
         counts is how sources are configured, not who answers."),

    key("keys", "file", Kind::Path { longest: 4000 }, "", r#""/etc/truechimer/keys""#,
        "The file of the keys, in the format of chrony (`ID [TYPE] KEY`) or of ntpd (`ID TYPE KEY`). `chimer keygen` \
         makes keys. It is read at the start, before the daemon becomes `daemon.user`, and on reload."),

    key("local", "stratum", integer(1, 15), "`10`", "8",
        "The stratum that clients are told: high enough that nobody prefers this clock to a real one."),
    key("local", "orphan", Kind::Boolean, "`false`", "true",
        "Servers of an island that name each other as sources and have the same local `stratum` elect one leader \
         and follow it."),
    key("local", "distance", seconds(0.0, 16.0), r#"`"1s"`"#, r#""500ms""#,
        "The root distance that clients are told."),
    key("local", "activate", seconds(1e-6, 16.0), "at once", r#""100ms""#,
        "Serve without a source only after having been synchronised once with an error certainly below this."),
    key("local", "takeover", seconds(1e-6, 16.0), "when the clock does not count as synchronised", r#""1s""#,
        "Take over already when the clock's error may be above this."),
    key("local", "wait_synced", seconds(0.0, 365.0 * DAY), r#"`"0s"`"#, r#""10min""#,
        "Take over only so long after the last update of the clock."),
    key("local", "wait_unsynced", seconds(0.0, 365.0 * DAY), r#"`"0s"`"#, r#""5min""#,
        "Where the clock was never updated, take over only so long after the start: with `orphan`, time for the others to be \
         found."),

    key("network", "dscp", integer(0, 63), "`0`", "46",
        "The differentiated services code point (RFC 2474) that requests and replies are marked with, for networks that let \
         some packets pass others: 46 is expedited forwarding."),
    key("network", "interface", Kind::Interface, "chosen by the system", r#""eth1""#,
        "The interface that requests leave by, whatever the routes say; keys of NTS are exchanged by the routes. Before Linux \
         5.7 it needs the capability `CAP_NET_RAW`."),
    key("network", "client_port", integer(1, 65_535), "a random one for each request", "1123",
        "The port that all requests leave from, for a firewall that wants to know it. It makes forged answers easier, so \
         leave it to chance wherever that is possible. It must be another one than those of `serve.listen`; below 1024 it needs \
         the capability `CAP_NET_BIND_SERVICE`."),

    key("control", "chronyc_socket", Kind::Path { longest: 90 }, "`false`", r#""/run/chrony/chronyd.sock""#,
        "The unix socket that chrony's `chronyc` talks to; `chronyc` looks for the one in the example. Whoever can write \
         to it may command. Its folder is made if it is missing, for the daemon's user and group only."),
    key("control", "chronyc_port", integer(1, 65_535), "none", "323",
        "The UDP port on 127.0.0.1 and ::1 where `chronyc` and exporters may look at the clock and the sources, as anybody \
         on this machine may. Nothing can be commanded there."),
    key("control", "ntpq", Kind::Boolean, "`false`", "true",
        "Whether `ntpq` on this machine is answered (control messages, mode 6, on UDP port 123 of the loopback addresses). \
         Nothing can be changed by them, and other machines get no answer."),
    key("control", "mrulist", Kind::Boolean, "`false`", "true",
        "Whether `ntpq -c mrulist` is answered as well: everybody on this machine may then see who asks it for the time. `chimer \
         clients` and `chronyc clients` show that without this key, to those who may command the daemon. Takes effect at the start."),

    key("logs", "dir", Kind::NeededPath { longest: 4000 }, "", r#""/var/log/truechimer""#,
        "The folder of the files. It is made if it is not there; the account of the daemon must be able to write in it."),
    key("logs", "files", Kind::Words(LOGS), "", r#"["measurements", "tracking"]"#,
        "What is written: `measurements`, `statistics`, `tracking` and `selection` as chronyd does, each into `NAME.log`, and \
         `rawmeasurements`, which are the measurements with those that failed a test; \
         `loopstats`, `peerstats`, `rawstats` and `sysstats` as ntpd does, each into a new `NAME.YYYYMMDD` every day, with \
         `NAME` as a link to the latest."),
    key("logs", "banner", integer(0, 1_000_000), "`32`", "0",
        "Lines between two explanations of the columns in chrony's files; 0 writes none."),

    key("daemon", "roles", Kind::Word(&["process", "inline"]), r#"`"process"`"#, r#""inline""#,
        "Where names are resolved and keys exchanged: in helper processes without privileges (the daemon's own, or those \
         of the service manager with `chimerd --role-sockets`), or inside the event loop, which then waits for the answers of name servers."),
    key("daemon", "sandbox", Kind::Boolean, "`true`", "false",
        "Whether helper processes that the daemon starts forbid themselves what their work does not need (seccomp, landlock), as far \
         as the kernel can. `false` is for a resolver with modules that need more than that leaves; a helper that the service \
         manager starts has `--no-sandbox` for it. With `roles = \"inline\"` there are no helpers to confine."),
    key("daemon", "ready", Kind::Word(&["started", "synchronised"]), r#"`"started"`"#, r#""synchronised""#,
        "When the service manager (systemd, `Type=notify`) is told that the service is ready: when its ports are open, \
         or when the clock is synchronised for the first time. What is ordered after the service waits so long, and the \
         manager gives up after `TimeoutStartSec`."),
    key("daemon", "user", Kind::User, "`false`", r#""truechimer""#,
        "The account to become after the start, keeping only the privileges that are needed; `false` stays who \
         started it. For starting as root without a service manager that does it."),
    key("daemon", "lock_memory", Kind::Boolean, "`false`", "true",
        "Whether nothing of the daemon is ever paged out (CAP_IPC_LOCK and CAP_SYS_RESOURCE, at the start). Where that is not \
         permitted it is told, and the daemon runs without."),
    key("daemon", "realtime_priority", integer(0, 99), "`0`", "1",
        "Run before everything that is less urgent: the priority under SCHED_FIFO (CAP_SYS_NICE, at the start), 0 for the usual \
         scheduling. It is for the event loop, not for helper processes and `serve.workers`. Where it is not permitted it is told, \
         and the daemon runs without."),
    key("daemon", "state_dir", Kind::Path { longest: 4000 }, r#"`"/var/lib/truechimer"`"#, r#""/srv/truechimer""#,
        "The folder of what outlives a restart: the frequency, the last time that was known good, the sum of \
         steps. `false` keeps nothing."),
    key("daemon", "run_dir", Kind::Path { longest: 90 }, r#"`"/run/truechimer"`"#, r#""/run/chimer2""#,
        "The folder of the sockets that `chimer` talks to: `observe.sock` for everybody, `control.sock` for the \
         group. `false` opens none."),
    key("daemon", "source_dirs", Kind::Paths { most: 16, longest: 4000 }, "`[]`", r#"["/run/truechimer-dhcp"]"#,
        "Folders of files with further sources, such as those that the network names by DHCP: see `docs/dhcp.md`. Files whose \
         names end in `.toml` have `[[source]]` tables and nothing else; those that end in `.sources` have lines of chrony. \
         They are read at the start and at each reload, in the order of the folders and of their names; a folder that is \
         not there is empty. A file that is wrong is told of and left out, and so is a source that there is already. The \
         daemon's account must be able to read them."),
    key("daemon", "pid_file", Kind::Path { longest: 4000 }, "`false`", r#""/run/chimerd.pid""#,
        "Where the number of the process stands while it runs, for scripts and service managers that want it. If it is \
         that of a process that runs, the start is refused: two daemons must not steer one clock."),
];
