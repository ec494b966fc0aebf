use std::collections::{BTreeMap, BTreeSet};

use truechimer_engine::config::{Authentication, RateLimit, SourceKind};

use super::*;
use crate::import::tests::{Disk, hold, shown};
use crate::import::{Dialect, Files, Imported, NoFiles, Verdict, import};
use crate::{Config, Severity, parse};

pub(super) fn read(text: &str) -> Imported {
    let imported = import(text, "file", Dialect::Chrony, &NoFiles);
    hold(text, &imported);
    imported
}

pub(super) fn config(text: &str) -> Config {
    parse(&read(text).toml, "").unwrap().config
}

pub(super) fn verdict(line: &str) -> Verdict {
    read(line).lines[0].verdict
}

/// Every directive of the manual page chrony.conf(5) of chrony 4.3 (Debian 12), and of later ones up to 4.8.
const MANUAL: &str = "server pool peer initstepslew refclock manual acquisitionport bindacqaddress bindacqdevice dscp \
    dumpdir maxsamples minsamples ntsdumpdir ntsrefresh ntstrustedcerts nosystemcert nocerttimecheck refresh ntsaeads \
    authselectmode combinelimit maxdistance maxjitter minsources reselectdist stratumweight \
    clockprecision corrtimeratio driftfile fallbackdrift leapsecmode leapsectz leapseclist makestep maxchange \
    maxclockerror maxdrift maxupdateskew maxslewrate tempcomp \
    allow deny bindaddress binddevice broadcast clientloglimit noclientlog local ntpsigndsocket ntsport ntsservercert \
    ntsserverkey ntsprocesses maxntsconnections ntsntpserver ntsrotate port ratelimit ntsratelimit smoothtime \
    bindcmdaddress bindcmddevice cmdallow cmddeny cmdport cmdratelimit opencommands \
    hwclockfile rtcautotrim rtcdevice rtcfile rtconutc rtcsync \
    log logbanner logchange logdir mailonchange \
    confdir sourcedir include hwtimestamp hwtstimeout keyfile lock_all pidfile ptpport ptpdomain sched_priority user";

#[test]
fn every_directive_of_the_manual_is_in_the_table() {
    let table: Vec<_> = DIRECTIVES.iter().map(|entry| entry.name).collect();
    assert_eq!(table.iter().collect::<BTreeSet<_>>().len(), table.len(), "twice");
    for name in MANUAL.split_whitespace() {
        assert!(table.contains(&name), "{name}");
    }
    assert!(table.len() >= 90, "{}", table.len());
}

#[test]
fn what_the_table_says_holds_is_taken_over() {
    // One line of every directive that the table calls honoured, with what makes it mean something.
    for entry in DIRECTIVES.iter().filter(|entry| matches!(entry.capability, Capability::Honoured(_))) {
        let argument = match entry.name {
            "bindacqaddress" | "bindaddress" => "192.0.2.1",
            "authselectmode" => "require",
            "makestep" => "1 3",
            "nosystemcert" => "\nntstrustedcerts /etc/ca.pem",
            "allow" | "deny" | "cmdallow" => "192.0.2.0/24",
            "ntsport" | "cmdport" => "4461",
            "ntsntpserver" | "user" => "time",
            "ntsrefresh" => "86400",
            "include" | "confdir" => continue,
            "logdir" => "/x\nlog tracking",
            "logbanner" => "12\nlog tracking\nlogdir /x",
            _ if entry.arguments.contains(":f") => "/x",
            _ if entry.arguments.is_empty() || entry.arguments == "..." => "",
            _ => "12",
        };
        let text = format!(
            "{} {argument}\nserver a.example\nserver 192.0.2.9 nts\nallow 10/8\nntsservercert /c\nntsserverkey /k\n",
            entry.name
        );
        let imported = read(&text);
        assert_eq!(imported.lines[0].verdict, Verdict::Kept, "{}: {:?}", entry.name, imported.lines[0].how);
        let plain = text.split_once('\n').unwrap().1;
        assert!(!plain.is_empty());
        if entry.name != "rtcsync" && entry.name != "deny" {
            assert_ne!(config(&text), config(plain), "{} does nothing", entry.name);
        }
    }
}

#[test]
fn every_source_option_is_accepted_and_told_of() {
    for entry in SOURCE_OPTIONS {
        let argument = match entry.name {
            "minpoll" | "maxpoll" | "key" | "version" | "maxsources" => "4",
            "extfield" => "F323",
            "" => "",
            _ if entry.arguments.is_empty() => "",
            _ => "1",
        };
        let text = format!("pool a.example {} {argument}\nkeyfile /k\n", entry.name.to_uppercase());
        let line = &read(&text).lines[0];
        match entry.capability {
            Capability::Honoured(_) => assert_eq!(line.verdict, Verdict::Kept, "{line:?}"),
            Capability::Unneeded(_) | Capability::Partly(_) => {
                assert!(!line.how.is_empty() && line.verdict <= Verdict::Changed, "{line:?}");
            }
            Capability::NotYet(_) => assert_eq!(line.verdict, Verdict::NotYet, "{line:?}"),
            Capability::Never(_) => assert_eq!(line.verdict, Verdict::Impossible, "{line:?}"),
        }
    }
}

#[test]
fn how_packets_leave_is_taken_over() {
    let network = |text: &str| config(&format!("{text}\nserver a.example\nallow 10/8\n")).network;
    let port = |text: &str| network(text).client_port;
    assert_eq!((port("acquisitionport 1123"), port("acquisitionport 0")), (Some(1123), None));
    // Time is served on that port, which is opened in another way.
    assert_eq!(port("acquisitionport 123"), None);
    assert_eq!(
        (port("acquisitionport 123\nport 1123"), port("acquisitionport 1123\nport 1123")),
        (Some(123), None)
    );
    assert_eq!(config("acquisitionport 123\nserver a.example\n").network.client_port, Some(123));
    assert_eq!(verdict("acquisitionport 65536"), Verdict::Wrong);
    assert_eq!(network("bindacqdevice eth1").interface.as_deref(), Some("eth1"));
    assert_eq!((network("dscp 46").dscp, network("dscp 64").dscp), (46, 63));
}

#[test]
fn values_are_the_same_in_our_units() {
    let config = config(
        "server a.example iburst minpoll 4 maxpoll 8 key 7 maxdelay 0.3 offset -0.00005 port 1123 version 3 \
         minstratum 3 mindelay 0.0002 maxunreach 20 copy\n\
         pool b.example maxsources 6 nts prefer\nkeyfile /etc/chrony/chrony.keys\nntsrefresh 86400\n\
         makestep 0.1 3\nmaxchange 1000 1 2\nmaxslewrate 1000\nmaxclockerror 10\nmaxdistance 0.5\nminsources 2\n\
         local stratum 8 orphan\nallow 10/8\ndeny 10.1.2.0/24\nport 1234\nauthselectmode require\n",
    );
    let [a, b] = config.engine.sources.as_slice() else { panic!("{config:?}") };
    let options = &a.options;
    assert_eq!((options.min_poll.exponent(), options.max_poll.exponent(), options.iburst), (4, 8, true));
    assert_eq!((options.max_delay_s, options.offset_s, options.version), (0.3, -0.00005, 3));
    assert_eq!((options.min_stratum, options.min_delay_s, options.max_unreach), (3, Some(0.0002), Some(20)));
    assert!(options.copy);
    assert_eq!(options.authentication, Authentication::Key(7));
    assert!(matches!(&b.kind, SourceKind::Pool { size: 6, .. }));
    assert!(matches!(&b.options.authentication, Authentication::Nts(nts) if nts.refresh_s == 86_400));
    assert!(!b.options.iburst && b.options.prefer);
    let clock = &config.engine.clock;
    assert_eq!((clock.step.above_s, clock.step.first), (Some(0.1), Some(3)));
    assert_eq!(
        (clock.panic.forward_s, clock.panic.backward_s, clock.panic.start_s),
        (Some(1e3), Some(1e3), None)
    );
    assert_eq!((clock.max_distance_s, config.engine.selection.min_sources), (0.5, 2));
    assert!((clock.max_slew_rate - 1e-3).abs() < 1e-12 && (clock.max_drift - 1e-5).abs() < 1e-12);
    let local = config.engine.local.as_ref().unwrap();
    assert_eq!((local.stratum, local.orphan), (8, true));
    let serve = config.engine.serve.as_ref().unwrap();
    assert_eq!(serve.listen.len(), 1);
    assert_eq!(serve.listen[0].address.to_string(), "0.0.0.0:1234");
    assert_eq!(serve.access.len(), 2);
}

#[test]
fn limits_of_clients_are_powers_of_two() {
    let serve = |lines: &str| config(&format!("server a.example\nallow\n{lines}")).engine.serve.unwrap();
    let limit = |interval_ns, burst, leak, kiss| Some(RateLimit { interval_ns, burst, leak, kiss });
    assert_eq!(serve("ratelimit\n").rate_limit, limit(8_000_000_000, 8, 4, None));
    let all = serve("ratelimit interval -4 burst 20 leak 1 kod 3\nclientloglimit 262144\n");
    assert_eq!((all.rate_limit, all.clients), (limit(62_500_000, 20, 2, Some(8)), 2048));
    let none = serve("noclientlog\nratelimit\n");
    assert_eq!((none.rate_limit, none.clients), (None, 0));
    assert!(config("server a.example\nratelimit\nclientloglimit 1\n").engine.serve.is_none());
}

#[test]
fn what_chronyd_does_without_a_word_is_done_here_too() {
    let config = config("server a.example\n");
    assert_eq!(config.engine.clock.step.first, Some(0));
    assert_eq!(config.engine.clock.panic.forward_s, None);
    assert!((config.engine.clock.max_slew_rate - 0.083_333_333).abs() < 1e-6);
    assert!(config.engine.serve.is_none());
}

#[test]
fn lines_are_read_as_chronyd_reads_them() {
    for comment in ["! server x", "  ; y", "#z", "\t% a", "", "   "] {
        assert!(read(comment).lines.iter().all(|line| line.is_blank()), "{comment}");
    }
    assert_eq!(verdict("  SeRvEr  a.example\tIBURST"), Verdict::Kept);
    assert_eq!(verdict("server a.example # no comment"), Verdict::Wrong);
    assert_eq!(verdict("server"), Verdict::Wrong);
    assert_eq!(verdict("servre a.example"), Verdict::Wrong);
    assert_eq!(verdict("makestep 1"), Verdict::Wrong);
    assert_eq!(verdict("makestep 1 three"), Verdict::Wrong);
    assert_eq!(verdict("rtcsync now"), Verdict::Wrong);
    assert_eq!(verdict("maxdistance 3 4"), Verdict::Wrong);
    assert_eq!(verdict("local stratum"), Verdict::Wrong);
    assert_eq!(verdict("log everything"), Verdict::Wrong);
    assert_eq!(verdict("ratelimit interval 3 leek 2"), Verdict::Wrong);
    assert_eq!(verdict("allow 192.0.2.0/33"), Verdict::Wrong);
    assert_eq!((verdict("user a$b"), verdict("user _chrony")), (Verdict::Wrong, Verdict::Kept));
    assert_eq!(verdict("include /nowhere"), Verdict::Wrong);
    let help = &read("makstep 1 3").lines[0].how[0];
    assert!(help.contains("did you mean `makestep`?"), "{help}");
}

#[test]
fn chronyc_finds_its_doors_where_chronyd_has_them() {
    let doors = |text: &str| {
        let control = config(text).control;
        (control.chronyc_socket.map(|path| path.display().to_string()), control.chronyc_port)
    };
    let usual = Some("/run/chrony/chronyd.sock".to_owned());
    assert_eq!(doors(""), (usual.clone(), Some(323)));
    assert_eq!(doors("cmdport 0"), (usual.clone(), None));
    assert_eq!(doors("cmdport 0\ncmdport 400"), (usual.clone(), Some(400)));
    assert_eq!(doors("bindcmdaddress /\nbindcmdaddress 127.0.0.1"), (None, Some(323)));
    assert_eq!(doors("bindcmdaddress /run/c.sock").0.as_deref(), Some("/run/c.sock"));
    assert_eq!(verdict("cmdallow 127.0.0.1"), Verdict::Kept);
    assert_eq!(verdict("cmdallow 192.0.2.0/24"), Verdict::Impossible);
    // What is not opened is no danger.
    assert!(read("cmdallow 192.0.2.0/24").lines[0].dangers.is_empty());
    assert_eq!(verdict("bindcmdaddress 0.0.0.0"), Verdict::Impossible);
    assert_eq!(verdict("bindcmdaddress here"), Verdict::Wrong);
}

#[test]
fn access_is_ordered_as_chrony_orders_it() {
    let access = |text: &str| {
        let serve = config(text).engine.serve;
        let rules = serve.into_iter().flat_map(|serve| serve.access);
        rules
            .map(|r| format!("{}{}/{}", if r.allow { '+' } else { '-' }, r.network, r.prefix_len))
            .collect::<Vec<_>>()
    };
    assert_eq!(access("allow"), ["+0.0.0.0/0", "+::/0"]);
    assert_eq!(access("allow 3.4.5\nallow 1.2.3.4"), ["+3.4.5.0/24", "+1.2.3.4/32"]);
    assert_eq!(access("allow 1.2.3.4\ndeny 1.2.3.0/24\nallow all 1.2.0.0/16"), ["+1.2.0.0/16"]);
    assert_eq!(access("allow 10/8\ndeny 10/8"), [""; 0]);
    // Who is refused anyway is not named.
    assert_eq!(
        access("allow 10/8\ndeny\nallow 192.0.2/24\ndeny 10.1/16"),
        ["+10.0.0.0/8", "+192.0.2.0/24", "-10.1.0.0/16"]
    );
    assert_eq!(access("allow 0/0\nport 0"), [""; 0]);
    assert_eq!(access("allow 192.168.1.7/24"), ["+192.168.1.0/24"]);
    assert_eq!(verdict("allow ntp.example"), Verdict::Impossible);
    assert!(!read("allow").lines[0].dangers.is_empty());
}

#[test]
fn a_source_without_its_authentication_is_left_out() {
    let imported = read("server a.example key 5\nserver b.example\n");
    assert_eq!(imported.lines[0].verdict, Verdict::Impossible);
    assert_eq!(parse(&imported.toml, "").unwrap().config.engine.sources.len(), 1);
}

#[test]
fn files_are_included_where_they_are_named() {
    let disk = Disk(BTreeMap::from([
        ("/etc/chrony/conf.d/b.conf", "makestep 2 2\n"),
        ("/etc/chrony/conf.d/a.conf", "makestep 1 1\nminsources 3\n"),
        ("/etc/chrony/conf.d/README", "nonsense\n"),
        ("/run/dhcp/eth0.sources", "server 192.0.2.1 iburst\nmakestep 5 5\nserver 192.0.2.2 ibrust\n"),
        ("/etc/chrony/loop.conf", "include /etc/chrony/loop.conf\n"),
        ("/bad/folder.conf/x", ""),
        ("/more/x1.conf", "server x1.example\n"),
        ("/more/x2.conf", "server x2.example\n"),
    ]));
    let text = "confdir /etc/chrony/conf.d /nowhere\nsourcedir /run/dhcp\ninclude /m*e/x[1-2].conf\n";
    let imported = import(text, "file", Dialect::Chrony, &disk);
    hold(text, &imported);
    insta::assert_snapshot!("included", shown(&imported));
    let text = "include /etc/chrony/loop.conf\n";
    let endless = import(text, "file", Dialect::Chrony, &disk);
    assert_eq!(endless.worst(), Verdict::Wrong);
    assert!(endless.lines.len() < 20);
    // chronyd opens a folder and finds nothing in it, and stops at what it cannot open.
    let worst = |text| import(text, "file", Dialect::Chrony, &disk).worst();
    assert_eq!(worst("include /bad\n"), Verdict::Impossible);
    assert_eq!(worst("confdir /bad\n"), Verdict::Impossible);
    assert_eq!(worst("include /nowhere/*.conf\n"), Verdict::Wrong);
    assert_eq!(worst("include /more/y*.conf\n"), Verdict::Ignored);
    assert_eq!(worst("confdir /nowhere\n"), Verdict::Ignored);
}

#[test]
fn files_are_included_as_deep_as_chronyd_includes_them() {
    let names: Vec<String> = (0..12).map(|n| format!("/{n}")).collect();
    for (deepest, worst) in [(9, Verdict::Kept), (10, Verdict::Wrong)] {
        let text =
            |n: usize| if n == deepest { "server a\n".into() } else { format!("include /{}\n", n + 1) };
        let texts: Vec<String> = (0..12).map(text).collect();
        let leaked = names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str()));
        let files = Lines(leaked.collect());
        assert_eq!(import(&texts[0], "/0", Dialect::Chrony, &files).worst(), worst, "{deepest}");
    }
}

/// Files in memory that do not live for ever.
struct Lines<'a>(BTreeMap<&'a str, &'a str>);

impl Files for Lines<'_> {
    fn read(&self, path: &str) -> std::io::Result<String> {
        self.0.get(path).map(|text| (*text).to_owned()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    fn list(&self, _folder: &str) -> std::io::Result<Vec<String>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

#[test]
fn nobody_is_answered_where_a_refusal_is_lost() {
    let served = |text: &str| config(text).engine.serve.is_some();
    assert!(served("allow 10/8\n"));
    assert!(!served("allow 10/8\ndeny bad.example\n"));
    assert!(!served("deny bad.example\nallow 10/8\n"));
    assert!(served("deny bad.example\nallow all\n"));
    let many: String = (0..4200).map(|n| format!("allow 10.{}.{}.0/24\n", n / 256, n % 256)).collect();
    assert!(served(&many));
    assert!(!served(&format!("{many}deny 10.0.0.1\n")));
    assert!(!served("allow\nport 70000\n"));
}

#[test]
fn no_step_is_made_that_chronyd_does_not_make() {
    let first = |text: &str| config(text).engine.clock.step.first;
    assert_eq!(first("makestep 100000 -1\n"), Some(0));
    assert_eq!(first("makestep nan 3\n"), Some(0));
    assert_eq!(first("initstepslew 10\n"), Some(0));
    assert_eq!(first("initstepslew 100000 a.example\n"), Some(0));
    assert_eq!(first("initstepslew 10 a.example\n"), Some(1));
    let panic = |text: &str| config(text).engine.clock.panic;
    assert_eq!(panic("maxchange 1000 -1 2\n").forward_s, None);
    assert_eq!(panic("maxchange 1000 0 2\n").start_s, Some(1000.0));
}

#[test]
fn nts_goes_before_a_key() {
    let imported = read("server a.example nts key 5\n");
    assert_eq!(imported.lines[0].verdict, Verdict::Changed);
    assert!(imported.toml.contains("nts = true") && !imported.toml.contains("key ="), "{}", imported.toml);
}

#[test]
fn a_file_of_everything_is_told_of_line_by_line() {
    insta::assert_snapshot!("everything", shown(&read(include_str!("../samples/chrony.conf"))));
}

#[test]
fn findings_point_at_the_lines_of_the_original() {
    let imported = read("# ours\n\nserver a.example\n  makestep one 3\nrefclock SHM 0\nallow\n");
    let found = imported.parsed("chimer.toml").unwrap_err();
    assert_eq!((found.len(), found[0].line, found[0].column, found[0].severity), (1, 4, 3, Severity::Error));
    insta::assert_snapshot!("wrong_line", found[0].render(false));
    let all: Vec<_> = imported.findings().iter().map(|finding| (finding.rule, finding.line)).collect();
    assert_eq!(all, [("C060", 4), ("L080", 5), ("L081", 6)]);
    let parsed = read("\n\nserver a.example\n").parsed("x").unwrap();
    let one = parsed.warnings.iter().find(|warning| warning.rule == "L002").unwrap();
    assert_eq!((one.file.as_str(), one.line), ("file", 3));
}
