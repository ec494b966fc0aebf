use std::collections::BTreeSet;

use truechimer_engine::config::*;

use super::*;
use crate::nts::{CertificateTrust, KeyExchangeLimits, RingOrigin};
use crate::{Logs, RULES, Ready, Roles};

/// A malformed file of every kind, by name.
#[rustfmt::skip]
const ZOO: &[(&str, &str)] = &[
    ("syntax_no_quotes", "[[source]]\nserver = ntp.example.net\n"),
    ("syntax_no_equals", "[[source]]\nserver ntp.example.net iburst\n"),
    ("syntax_open_string", "[[source]]\nserver = \"ntp.example.net\n[clock]\npanic = \"1000s\"\n"),
    ("syntax_open_section", "[clock\npanic = \"1000s\"\n"),
    ("syntax_open_table", "[clock]\nstep = { above = \"1s\"\n"),
    ("syntax_duplicate_key", "[clock]\npanic = \"1000s\"\npanic = \"500s\"\n"),
    ("syntax_duplicate_section", "[clock]\npanic = \"1000s\"\n[clock]\ncontrol = false\n"),
    ("syntax_chrony", "server ntp.example.net iburst\nmakestep 1 3\ndriftfile /var/lib/chrony/drift\n"),
    ("syntax_control_character", "[[source]]\nserver = \"ntp\u{7}.example.net\"\n"),
    ("unknown_key", "[[source]]\nserver = \"ntp.example.net\"\npol = { min = 6 }\n"),
    ("unknown_key_dashes", "[[source]]\nserver = \"ntp.example.net\"\nmax-delay = \"1s\"\n"),
    ("unknown_key_far", "[[source]]\nserver = \"ntp.example.net\"\nflavour = 3\n"),
    ("unknown_key_foreign", "[[source]]\nserver = \"ntp.example.net\"\nminpoll = 4\n"),
    ("unknown_key_elsewhere", "[clock]\nallow = [\"10.0.0.0/8\"]\n"),
    ("unknown_key_inner", "[clock]\nstep = { above = \"1s\", frist = 3 }\n"),
    ("unknown_key_escape", "[clock]\n\"\\u001b[31m\\u202e\" = 1\n"),
    (
        "client_port_taken",
        "[serve]\nlisten = [\"0.0.0.0:1123\"]\n[network]\nclient_port = 1123\n",
    ),
    ("unknown_section", "[sever]\nlisten = [\"[::]:123\"]\n"),
    ("unknown_section_server", "[[server]]\naddress = \"ntp.example.net\"\n"),
    ("unknown_section_far", "[logging]\nlevel = \"debug\"\n"),
    ("key_outside_section", "panic = \"1000s\"\n"),
    ("key_outside_section_foreign", "driftfile = \"/var/lib/ntp/drift\"\n"),
    ("wrong_type_integer", "[[source]]\nserver = \"ntp.example.net\"\nport = \"123\"\n"),
    ("wrong_type_boolean", "[[source]]\nserver = \"ntp.example.net\"\niburst = \"true\"\n"),
    ("wrong_type_boolean_yes", "[[source]]\nserver = \"ntp.example.net\"\niburst = \"yes\"\nburst = \"maybe\"\n"),
    ("wrong_type_poll", "[[source]]\nserver = \"ntp.example.net\"\npoll = { min = \"64s\" }\n"),
    ("syntax_yes", "[[source]]\nserver = \"ntp.example.net\"\niburst = yes\n"),
    ("host_link_local_bare", "[[source]]\nserver = \"fe80::1\"\n"),
    ("host_brackets_bare", "[[source]]\nserver = \"[2001:db8::1]\"\n"),
    ("wrong_type_string", "[[source]]\nserver = 42\n"),
    ("wrong_type_list", "[serve]\nlisten = \"0.0.0.0:123\"\n"),
    ("wrong_type_entry", "[serve]\nlisten = [\"0.0.0.0:123\", 5]\nallow = [1]\n"),
    ("wrong_type_table", "[[source]]\nserver = \"ntp.example.net\"\npoll = 6\n"),
    ("wrong_type_duration", "[clock]\nmax_distance = true\n"),
    ("wrong_type_panic", "[clock]\npanic = [\"1000s\"]\n"),
    ("wrong_type_number", "[[source]]\nserver = \"ntp.example.net\"\nmax_delay_ratio = \"2.5\"\n"),
    ("wrong_type_path", "[daemon]\nstate_dir = true\nrun_dir = 7\n"),
    ("source_single_brackets", "[source]\nserver = \"ntp.example.net\"\n"),
    ("source_string", "source = \"ntp.example.net\"\n"),
    ("section_double_brackets", "[[clock]]\npanic = \"1000s\"\n"),
    ("section_string", "serve = \"yes\"\n"),
    ("out_of_range_port", "[[source]]\nserver = \"ntp.example.net\"\nport = 65536\n"),
    ("out_of_range_poll", "[[source]]\nserver = \"ntp.example.net\"\npoll = { min = -8, max = 18 }\n"),
    ("out_of_range_huge", "[[source]]\nserver = \"ntp.example.net\"\nversion = 99999999999999999999\n"),
    ("out_of_range_duration", "[clock]\nmax_distance = \"17s\"\n"),
    ("out_of_range_rate", "[clock]\nmax_slew = \"200000ppm\"\n"),
    ("out_of_range_ratio", "[[source]]\nserver = \"ntp.example.net\"\nmax_delay_ratio = nan\n"),
    ("duration_negative", "[clock]\nstep = { above = \"-1s\" }\n"),
    ("duration_no_unit", "[clock]\npanic = \"1000\"\n"),
    ("duration_bare", "[clock]\npanic = 1000\nmax_distance = 1.5\n"),
    ("duration_unknown_unit", "[clock]\npanic = \"3 weeks\"\n"),
    ("duration_no_number", "[clock]\nmax_distance = \"soon\"\n"),
    ("duration_bad_number", "[clock]\nmax_distance = \"1,5s\"\n"),
    ("rate_percent", "[clock]\nmax_slew = \"1%\"\n"),
    ("rate_bare", "[clock]\nmax_frequency = 500\n"),
    ("word_family", "[[source]]\nserver = \"ntp.example.net\"\nfamily = \"v6\"\n"),
    ("logs_without_files", "[logs]\ndir = \"/var/log/chrony\"\n"),
    ("logs_relative", "[logs]\ndir = \"log\"\nfiles = [\"peerstat\"]\nbanner = -1\n"),
    ("logs_of_nothing", "[logs]\ndir = false\nfiles = []\n"),
    ("doors_at_one_port", "[control]\nchronyc_port = 123\nntpq = true\n"),
    ("door_where_time_is_served", "[serve]\nlisten = [\"[::]:323\"]\nallow = [\"::/0\"]\n[control]\nchronyc_port = 323\n"),
    ("path_empty", "[clock]\nfrequency_file = \"\"\n[daemon]\nstate_dir = \"\"\nrun_dir = \"\"\n"),
    ("logs_unknown", "[logs]\ndir = \"/var/log/chrony\"\nfiles = [\"peerstat\"]\n"),
    ("logs_twice", "[logs]\ndir = \"/var/log/chrony\"\nfiles = [\"tracking\", \"tracking\"]\n"),
    ("word_roles", "[daemon]\nroles = \"in-line\"\n"),
    ("word_step", "[clock]\nstep = \"alwyas\"\n"),
    ("word_step_first", "[clock]\nstep = { above = \"1s\", first = \"allways\" }\n"),
    ("word_name", "[[source]]\nserver = \"ntp.example.net\"\nname = \"two words\"\n"),
    ("source_empty", "[[source]]\niburst = true\n"),
    ("source_both", "[[source]]\nserver = \"ntp.example.net\"\npool = \"pool.ntp.org\"\n"),
    ("source_twice", "[[source]]\nserver = \"ntp.example.net\"\n\n[[source]]\nserver = \"NTP.example.NET\"\n"),
    ("pool_twice", "[[source]]\npool = \"pool.ntp.org\"\n\n[[source]]\npool = \"pool.ntp.org\"\n"),
    ("name_twice", "[[source]]\nname = \"a\"\nserver = \"a.example\"\n\n[[source]]\nname = \"a\"\nserver = \"b.example\"\n"),
    ("host_empty", "[[source]]\npool = \"\"\n"),
    ("host_port", "[[source]]\nserver = \"ntp.example.net:123\"\n"),
    ("host_brackets", "[[source]]\nserver = \"[2001:db8::1]:123\"\n"),
    ("host_url", "[[source]]\nserver = \"ntp://ntp.example.net/\"\n"),
    ("host_bad_address", "[[source]]\nserver = \"192.0.2.256\"\n"),
    ("host_bad_character", "[[source]]\nserver = \"ntp example net\"\n"),
    ("host_unicode", "[[source]]\nserver = \"zeit.bücher.example\"\n"),
    ("host_multicast", "[[source]]\nserver = \"224.0.1.1\"\n"),
    ("host_unspecified", "[[source]]\nserver = \"::\"\n"),
    ("host_link_local", "[[source]]\nserver = \"fe80::1%eth0\"\n"),
    ("host_mapped", "[[source]]\nserver = \"::ffff:192.0.2.1\"\n"),
    ("host_dots", "[[source]]\nserver = \"ntp..example\"\n"),
    ("pool_address", "[[source]]\npool = \"192.0.2.1\"\n"),
    ("server_size", "[[source]]\nserver = \"ntp.example.net\"\nsize = 4\n"),
    ("poll_order", "[[source]]\nserver = \"ntp.example.net\"\npoll = { min = 10, max = 6 }\n"),
    ("family_contradiction", "[[source]]\nserver = \"192.0.2.1\"\nfamily = \"ipv6\"\n"),
    ("bind_contradiction", "[[source]]\nserver = \"2001:db8::1\"\nbind = \"192.0.2.9\"\n"),
    ("bind_bad", "[[source]]\nserver = \"ntp.example.net\"\nbind = \"eth0\"\n"),
    ("noselect_contradiction", "[[source]]\nserver = \"ntp.example.net\"\nnoselect = true\nprefer = true\nrequire = true\n"),
    ("serve_no_listen", "[serve]\nallow = [\"10.0.0.0/8\"]\n"),
    ("serve_empty_listen", "[serve]\nlisten = []\n"),
    ("mrulist_alone", "[control]\nmrulist = true\n"),
    ("rate_limit_number", "[serve]\nlisten = [\"[::]:123\"]\nrate_limit = 8\n"),
    ("rate_limit_values", "[serve]\nlisten = [\"[::]:123\"]\nrate_limit = { interval = 8, burst = 0, leek = 2, kod = 0 }\n"),
    ("rate_limit_nobody", "[serve]\nlisten = [\"[::]:123\"]\nclients = 0\nrate_limit = {}\n"),
    ("listen_no_port", "[serve]\nlisten = [\"0.0.0.0\", \"::\"]\n"),
    ("listen_no_brackets", "[serve]\nlisten = [\"2001:db8::77:fe01:123\", \":::123\"]\n"),
    ("listen_star", "[serve]\nlisten = [\"*:123\"]\n"),
    ("listen_name", "[serve]\nlisten = [\"localhost:123\"]\n"),
    ("listen_port_zero", "[serve]\nlisten = [\"127.0.0.1:0\"]\n"),
    ("listen_multicast", "[serve]\nlisten = [\"224.0.1.1:123\"]\n"),
    ("listen_twice", "[serve]\nlisten = [\"[::]:123\", \"[0::0]:123\"]\n"),
    ("listen_no_address", "[serve]\nlisten = [{ interface = \"eth0\" }]\n"),
    ("listen_bad_interface", "[serve]\nlisten = [{ address = \"[::]:123\", interface = \"no such name!\" }]\n"),
    ("network_host_bits", "[serve]\nlisten = [\"[::]:123\"]\nallow = [\"10.1.2.3/8\", \"2001:db8::1/32\"]\n"),
    ("network_prefix", "[serve]\nlisten = [\"[::]:123\"]\nallow = [\"10.0.0.0/33\", \"2001:db8::/129\", \"10.0.0.0/\"]\n"),
    ("network_netmask", "[serve]\nlisten = [\"[::]:123\"]\nallow = [\"10.0.0.0/255.0.0.0\"]\n"),
    ("network_short", "[serve]\nlisten = [\"[::]:123\"]\nallow = [\"192.168\", \"10.0.0/8\"]\n"),
    ("network_all", "[serve]\nlisten = [\"[::]:123\"]\nallow = [\"all\"]\n"),
    ("network_garbage", "[serve]\nlisten = [\"[::]:123\"]\nallow = [\"my net\"]\n"),
    ("network_mapped", "[serve]\nlisten = [\"[::]:123\"]\nallow = [\"::ffff:10.0.0.0/104\"]\n"),
    ("network_twice", "[serve]\nlisten = [\"[::]:123\"]\nallow = [\"10.0.0.0/8\", \"10.0.0.0/8\"]\n"),
    ("network_allow_and_deny", "[serve]\nlisten = [\"[::]:123\"]\nallow = [\"10.0.0.0/8\"]\ndeny = [\"10.0.0.0/8\"]\n"),
    ("path_relative", "[clock]\nfrequency_file = \"drift\"\n"),
    ("path_up", "[daemon]\nstate_dir = \"/var/lib/../..\"\n"),
    ("user_bad", "[daemon]\nuser = \"root; rm\"\n"),
    ("nts_nothing", "[serve]\nlisten = [\"[::]:123\"]\n[serve.nts]\n"),
    ("nts_no_key", "[serve]\nlisten = [\"[::]:123\"]\n[serve.nts]\ncertificate = \"/etc/ssl/time.pem\"\n"),
    ("nts_no_certificate", "[serve]\nlisten = [\"[::]:123\"]\n[serve.nts]\nkey_ring = \"/srv/ring\"\nntp_port = 124\n"),
    ("nts_boolean", "[serve]\nlisten = [\"[::]:123\"]\nnts = true\n"),
    ("nts_unknown_key", "[serve]\nlisten = [\"[::]:123\"]\n[serve.nts]\ncertificat = \"/c\"\nserver = \"a\"\n"),
    ("nts_listen", "[serve]\nlisten = [\"[::]:123\"]\n[serve.nts]\ncertificate = \"/c\"\nprivate_key = \"/k\"\nlisten = [\"::1\", \"x\"]\n"),
    ("nts_neither", "[serve]\nlisten = [\"[::]:123\"]\n[serve.nts]\ncertificate = false\nprivate_key = false\n"),
    ("nts_listen_empty", "[serve]\nlisten = []\n[serve.nts]\ncertificate = \"/c\"\nprivate_key = \"/k\"\n"),
    ("nts_two_rings", "[serve]\nlisten = [\"[::]:123\"]\n[serve.nts]\nkey_ring = \"/srv/ring\"\nmaster_secret = \"/srv/secret\"\n"),
    ("nts_never", "[serve]\nlisten = [\"[::]:123\"]\n[serve.nts]\ncertificate = \"/c\"\nprivate_key = \"/k\"\nrotate = \"never\"\n"),
    ("nts_never_derived", "[serve]\nlisten = [\"[::]:123\"]\n[serve.nts]\nmaster_secret = \"/s\"\nrotate = \"never\"\n"),
    ("nts_server", "[serve]\nlisten = [\"[::]:123\"]\n[serve.nts]\ncertificate = \"/c\"\nprivate_key = \"/k\"\nntp_server = \"a.example:123\"\n"),
    ("nts_word", "[[source]]\nserver = \"a.example\"\nnts = \"yes\"\n"),
    ("nts_and_key", "[[source]]\nserver = \"a.example\"\nkey = 10\nnts = true\n[keys]\nfile = \"/etc/truechimer/keys\"\n"),
    ("nts_version", "[[source]]\nserver = \"a.example\"\nnts = { port = 4461 }\nversion = 3\n"),
    ("nts_refresh", "[[source]]\nserver = \"a.example\"\nnts = { refresh = \"5s\", prot = 1 }\n"),
    ("nts_time", "[nts]\ncertificate_time = \"lader\"\n"),
    ("nts_trusts_nobody", "[nts]\nsystem_certificates = false\n"),
    ("nts_relative", "[nts]\ntrusted_certificates = [\"ca.pem\", 5]\n"),
    ("key_without_file", "[[source]]\nserver = \"a.example\"\nkey = 10\n"),
    ("key_file_none", "[[source]]\nserver = \"a.example\"\nkey = 10\n[keys]\nfile = false\n"),
    ("key_zero", "[[source]]\nserver = \"a.example\"\nkey = 0\n[keys]\nfile = \"/etc/keys\"\n"),
    ("keys_without_file", "[keys]\n"),
    ("keys_relative", "[keys]\nfile = \"keys\"\n"),
    ("word_authentication", "[selection]\nauthentication = \"always\"\n"),
    ("many_at_once", "[[source]]\nservr = \"a.example\"\nport = 0\n[clock]\npanic = 5\nstep = \"sometimes\"\n[servee]\n"),
];

fn rendered(findings: &[Diagnostic]) -> String {
    findings.iter().map(|finding| finding.render(false) + "\n").collect::<Vec<_>>().join("\n")
}

#[test]
fn every_kind_of_malformed_file_gives_a_pointed_error() {
    for (name, text) in ZOO {
        let findings = parse(text, "chimer.toml").expect_err(name);
        assert!(!findings.is_empty(), "{name}");
        for finding in &findings {
            assert_eq!(finding.severity, Severity::Error, "{name}");
            assert!(finding.line <= text.lines().count() + 1, "{name}: {finding}");
            let says = |word| finding.message.contains(word);
            assert!(
                finding.help.is_some() || says("must be") || says("expected"),
                "{name}: no way out in {finding}"
            );
        }
        insta::assert_snapshot!(*name, rendered(&findings), text);
    }
}

#[test]
fn the_zoo_breaks_every_rule() {
    let mut broken: BTreeSet<&str> =
        ZOO.iter().flat_map(|(_, text)| parse(text, "").unwrap_err()).map(|finding| finding.rule).collect();
    let too_many = (0..65).map(|n| format!("[[source]]\nserver = \"s{n}.example\"\n")).collect::<String>();
    broken.extend(parse(&too_many, "").unwrap_err().iter().map(|finding| finding.rule));
    broken.insert(parse(&" ".repeat(MAX_BYTES + 1), "").unwrap_err()[0].rule);
    broken.insert(parse_bytes(b"\xff", "").unwrap_err()[0].rule);
    broken.insert(unreadable("", &std::io::Error::other("gone")).rule);
    let rules = RULES.iter().map(|rule| rule.id).filter(|id| id.starts_with('C'));
    // Those about key files have a zoo of their own, and so have those about files for NTS.
    let rules: BTreeSet<&str> =
        rules.filter(|id| !id.starts_with("C05") && !["C060", "C070"].contains(id)).collect();
    assert_eq!(broken, rules);
}

#[test]
fn all_faults_are_reported_in_the_order_of_the_file() {
    let text =
        "[[source]]\nservr = \"a.example\"\nport = 0\n[clock]\npanic = 5\nstep = \"sometimes\"\n[servee]\n";
    let lines: Vec<_> =
        parse(text, "").unwrap_err().iter().map(|finding| (finding.line, finding.rule)).collect();
    assert_eq!(lines, [(1, "C040"), (2, "C010"), (3, "C020"), (5, "C021"), (6, "C023"), (7, "C010")]);
}

#[test]
fn a_file_without_end_of_faults_gives_a_bounded_report() {
    let text = (0..10_000).map(|n| format!("key{n} = 1\n")).collect::<String>();
    let findings = parse(&text, "").unwrap_err();
    assert!((10..=60).contains(&findings.len()), "{}", findings.len());
}

#[test]
fn a_file_that_is_no_text_is_refused_where_it_stops_being_text() {
    let findings = parse_bytes(b"[clock]\npanic = \"\xe4\"\n", "chimer.toml").unwrap_err();
    insta::assert_snapshot!("not_utf8", rendered(&findings));
    assert_eq!((findings[0].line, findings[0].column), (2, 10));
}

#[test]
fn a_file_that_is_too_large_or_unreadable_is_named() {
    insta::assert_snapshot!(
        "too_large",
        rendered(&parse_bytes(&vec![b'#'; MAX_BYTES + 1], "big.toml").unwrap_err())
    );
    let gone = unreadable("gone.toml", &std::io::Error::other("No such file"));
    insta::assert_snapshot!("unreadable", rendered(&[gone]));
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse("", "").unwrap().config, Config::default());
    assert_eq!(parse("# nothing\n", "").unwrap().config, Config::default());
}

#[test]
fn every_section_reaches_its_types() {
    let text = r#"
        [[source]]
        pool = "2.pool.ntp.org"
        size = 6
        [[source]]
        name = "office"
        server = "2001:DB8::1"
        port = 1123
        poll = { min = -2, max = 12 }
        iburst = false
        prefer = true
        max_delay = "100ms"
        max_delay_ratio = 3
        offset = "-12.5us"
        key = 10
        [[source]]
        server = "nts.example.net"
        nts = { port = 4461 }
        [nts]
        certificate_time = "strict"
        certificate_quorum = 3
        system_certificates = false
        trusted_certificates = ["/etc/ssl/our-ca.pem"]
        [serve.nts]
        certificate = "/etc/ssl/time.pem"
        private_key = "/etc/ssl/time.key"
        ntp_server = "NTP.example.net"
        max_connections = 50
        rotate = "12h"
        keep = 4
        [serve]
        listen = ["0.0.0.0:123", { address = "[::1]:1123", interface = "lo" }]
        allow = ["10.0.0.0/8", "192.0.2.7"]
        deny = ["10.99.0.0/16"]
        [clock]
        control = false
        step = { above = "1s", first = "always" }
        panic = { forward = "10s", backward = "none", accumulated = "1d" }
        max_slew = "1000ppm"
        max_frequency = "100000ppb"
        max_distance = "100ms"
        [selection]
        min_sources = 2
        authentication = "require"
        [keys]
        file = "/etc/truechimer/keys"
        [local]
        stratum = 8
        orphan = true
        distance = "10ms"
        activate = "500us"
        [logs]
        dir = "/var/log/chrony"
        files = ["tracking", "peerstats"]
        banner = 0
        [daemon]
        roles = "inline"
        ready = "synchronised"
        user = "chimer"
        state_dir = "/srv/chimer"
        run_dir = false
    "#;
    let config = parse(text, "").unwrap().config;
    let pool = SourceKind::Pool {
        endpoint: Endpoint { host: Host::Name("2.pool.ntp.org".into()), port: 123 },
        size: 6,
    };
    assert_eq!(
        config.engine.sources[0],
        SourceConfig { name: None, kind: pool, options: SourceOptions::default() }
    );
    let office = &config.engine.sources[1];
    let host = Host::Address("2001:db8::1".parse().unwrap());
    assert_eq!(office.name.as_deref(), Some("office"));
    assert_eq!(office.kind, SourceKind::Server(Endpoint { host, port: 1123 }));
    let options = &office.options;
    assert_eq!((options.min_poll.exponent(), options.max_poll.exponent()), (-2, 12));
    assert!(!options.iburst && options.prefer && !options.trust);
    assert_eq!(options.authentication, Authentication::Key(10));
    assert_eq!(
        config.engine.sources[2].options.authentication,
        Authentication::Nts(NtsOptions { ke_port: 4461, ..NtsOptions::default() })
    );
    let strict = NtsConfig { certificate_time: CertificateTime::Strict, certificate_quorum: Some(3) };
    assert_eq!(config.engine.nts, strict);
    assert_eq!(config.trust, CertificateTrust { system: false, files: vec!["/etc/ssl/our-ca.pem".into()] });
    let nts = config.serve_nts.unwrap();
    let ring = Some("/srv/chimer/key-ring".into());
    assert_eq!(nts.ring, RingOrigin::File { path: ring, rotate_s: Some(43_200.0) });
    assert_eq!(nts.keep, 4);
    let exchange = nts.key_exchange.unwrap();
    assert_eq!(exchange.ntp_port, None);
    // At the addresses where time is served, and nowhere else.
    let listen: Vec<_> = exchange.listen.iter().map(|listener| listener.address.to_string()).collect();
    assert_eq!(listen, ["0.0.0.0:4460", "[::1]:4460"]);
    assert_eq!(exchange.listen[1].interface.as_deref(), Some("lo"));
    assert_eq!(exchange.ntp_server.as_deref(), Some("ntp.example.net"));
    assert_eq!(exchange.limits, KeyExchangeLimits { max_connections: 50, ..KeyExchangeLimits::default() });
    assert_eq!((options.max_delay_s, options.max_delay_ratio, options.offset_s), (0.1, Some(3.0), -12.5e-6));
    let serve = config.engine.serve.unwrap();
    assert_eq!(serve.listen[0], Listener { address: "0.0.0.0:123".parse().unwrap(), interface: None });
    assert_eq!(serve.listen[1].interface.as_deref(), Some("lo"));
    let rule =
        |text: &str, prefix_len, allow| AccessRule { network: text.parse().unwrap(), prefix_len, allow };
    assert_eq!(
        serve.access,
        [rule("10.0.0.0", 8, true), rule("192.0.2.7", 32, true), rule("10.99.0.0", 16, false)]
    );
    let clock = config.engine.clock;
    assert_eq!(clock.step, StepPolicy { above_s: Some(1.0), first: None });
    assert_eq!(
        clock.panic,
        PanicLimits { forward_s: Some(10.0), backward_s: None, start_s: None, accumulated_s: Some(86_400.0) }
    );
    assert_eq!((clock.max_slew_rate, clock.max_frequency, clock.max_distance_s), (1e-3, 1e-4, 0.1));
    let policy = AuthenticationPolicy::Require;
    assert_eq!(config.engine.selection, SelectionConfig { min_sources: 2, authentication: policy });
    assert_eq!(config.paths.keys, Some("/etc/truechimer/keys".into()));
    let local = LocalConfig {
        stratum: 8,
        orphan: true,
        distance_s: 0.01,
        activate_s: Some(0.0005),
        ..LocalConfig::DEFAULT
    };
    assert_eq!(config.engine.local, Some(local));
    assert!(!config.clock_control);
    assert_eq!((config.roles, config.user.as_deref()), (Roles::Inline, Some("chimer")));
    assert_eq!(config.ready, Ready::Synchronised);
    let logs = Logs { folder: "/var/log/chrony".into(), files: vec!["tracking", "peerstats"], banner: 0 };
    assert_eq!(config.logs, Some(logs));
    assert_eq!(config.paths.run_dir, None);
    assert_eq!(config.paths.frequency_file, Some("/srv/chimer/frequency".into()));
}

#[test]
fn short_forms_mean_what_they_say() {
    let clock = |text: &str| parse(&format!("[clock]\n{text}\n"), "").unwrap().config.engine.clock;
    let default = ClockConfig::default();
    assert_eq!(clock("step = \"never\"").step.above_s, None);
    assert_eq!(clock("step = \"always\"").step, StepPolicy { first: None, ..default.step });
    assert_eq!(clock("step = { first = 7 }").step, StepPolicy { first: Some(7), ..default.step });
    let panic = clock("panic = \"10s\"").panic;
    assert_eq!(panic, PanicLimits { forward_s: Some(10.0), backward_s: Some(10.0), ..default.panic });
    let panic = clock("panic = \"none\"").panic;
    assert_eq!([panic.forward_s, panic.backward_s, panic.start_s, panic.accumulated_s], [None; 4]);
}

#[test]
fn one_poll_limit_moves_the_other_out_of_its_way() {
    let poll = |text: &str| {
        let text = format!("[[source]]\nserver = \"a.example\"\npoll = {text}\n");
        let options = parse(&text, "").unwrap().config.engine.sources.remove(0).options;
        (options.min_poll.exponent(), options.max_poll.exponent())
    };
    assert_eq!(poll("{ min = 12 }"), (12, 12));
    assert_eq!(poll("{ max = 3 }"), (3, 3));
    assert_eq!(poll("{ min = 4 }"), (4, 10));
    assert_eq!(poll("{}"), (6, 10));
}

#[test]
fn without_a_state_folder_there_is_no_frequency_file_unless_named() {
    let paths = parse("[daemon]\nstate_dir = false\n", "").unwrap().config.paths;
    assert_eq!((paths.state_dir, paths.frequency_file), (None, None));
    let paths =
        parse("[daemon]\nstate_dir = false\n[clock]\nfrequency_file = \"/f\"\n", "").unwrap().config.paths;
    assert_eq!((paths.state_dir, paths.frequency_file), (None, Some("/f".into())));
    let paths = parse("[clock]\nfrequency_file = false\n", "").unwrap().config.paths;
    assert_eq!(paths.frequency_file, None);
}

#[test]
fn colour_is_only_there_on_demand() {
    let finding = &parse("[clock]\npanic = 5\n", "").unwrap_err()[0];
    assert!(finding.render(true).contains("\u{1b}["));
    assert!(!finding.render(false).contains('\u{1b}'));
}

#[test]
fn a_finding_as_json_says_where_and_what() {
    let finding = parse("[clock]\npanic = 5\n", "a.toml").unwrap_err().remove(0);
    let json = toml::to_string(&finding).unwrap();
    assert!(json.contains("rule = \"C021\"") && json.contains("severity = \"error\""), "{json}");
    assert!(
        json.contains("line = 2") && json.contains("column = 9") && json.contains("file = \"a.toml\""),
        "{json}"
    );
    assert!(!json.contains("span"), "{json}");
}

/// Who serves time at another port than NTP's must say so, or clients ask at the wrong one (RFC 8915 §4.1.8).
#[test]
fn clients_are_told_the_port_at_which_time_is_served() {
    let told = |listen: &str, more: &str| {
        let text = format!(
            "[serve]\nlisten = {listen}\n[serve.nts]\ncertificate = \"/c\"\nprivate_key = \"/k\"\n\
             listen = [\"[::]:4460\"]\n{more}"
        );
        parse(&text, "").unwrap().config.serve_nts.unwrap().key_exchange.unwrap().ntp_port
    };
    assert_eq!(told("[\"0.0.0.0:1123\", \"[::]:1123\"]", ""), Some(1123));
    assert_eq!(told("[\"0.0.0.0:1123\"]", "ntp_port = 124\n"), Some(124));
    assert_eq!(told("[\"0.0.0.0:1123\"]", "ntp_server = \"a.example\"\n"), None);
    assert_eq!(told("[\"0.0.0.0:123\", \"[::1]:1123\"]", ""), None);
    assert_eq!(told("[]", ""), None);
}

#[test]
fn limits_are_what_the_file_says() {
    let serve = |more: &str| {
        let text = format!("[serve]\nlisten = [\"[::]:123\"]\n{more}\n");
        parse(&text, "file").unwrap().config.engine.serve.unwrap()
    };
    let none = serve("");
    assert_eq!((none.clients, none.rate_limit), (4096, None));
    assert_eq!(serve("rate_limit = {}").rate_limit, Some(RateLimit::default()));
    let all = serve("clients = 100\nrate_limit = { interval = \"250ms\", burst = 3, leak = 2, kod = 5 }");
    let limit = RateLimit { interval_ns: 250_000_000, burst: 3, leak: 2, kiss: Some(5) };
    assert_eq!((all.clients, all.rate_limit), (100, Some(limit)));
}
