use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::parse;

/// Files in memory.
#[derive(Default)]
pub(super) struct Disk(pub(super) BTreeMap<&'static str, &'static str>);

impl Files for Disk {
    fn read(&self, path: &str) -> io::Result<String> {
        self.0.get(path).map(|text| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let folder = format!("{}/", folder.trim_end_matches('/'));
        let inside = self.0.keys().filter_map(|path| path.strip_prefix(folder.as_str()));
        let names: std::collections::BTreeSet<_> =
            inside.filter_map(|path| path.split('/').next()).map(str::to_owned).collect();
        if names.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(names.into_iter().collect()) }
    }
}

/// The report and the file, for snapshots.
pub(super) fn shown(imported: &Imported) -> String {
    let mut out = String::new();
    for line in imported.lines.iter().filter(|line| !line.is_blank()) {
        out += &format!("{}:{} {} | {}\n", line.file, line.line, line.verdict, line.text.trim());
        out.extend(line.how.iter().map(|how| format!("    {how}\n")));
        out.extend(line.dangers.iter().map(|danger| format!("    danger: {danger}\n")));
    }
    out + "---\n" + &imported.toml
}

/// Whatever is read, our own parser takes what comes of it, and every line is in the report.
pub(super) fn hold(text: &str, imported: &Imported) {
    if let Err(found) = parse(&imported.toml, "imported") {
        panic!("{}\nfrom:\n{text}\nto:\n{}", found[0].render(false), imported.toml);
    }
    let own = imported.lines.iter().filter(|line| line.file == "file").count();
    assert_eq!(own, text.split_inclusive('\n').count(), "{text}");
    for line in &imported.lines {
        assert!(line.verdict <= Verdict::Kept || !line.how.is_empty(), "{line:?}");
    }
}

/// Words of the other dialects.
const OTHERS: &[&str] = &[
    "restrict",
    "default",
    "mask",
    "255.255.0.0",
    "ignore",
    "interface",
    "listen",
    "on",
    "*",
    "ntp",
    "servers",
    "tinker",
    "tos",
    "step",
    "panic",
    "orphan",
    "enable",
    "disable",
    "fudge",
    "127.127.1.0",
    "master",
    "vrf",
    "NTP=a.example b.example",
    "[Time]",
    "PollIntervalMinSec=5",
    "[[source]]",
    "mode = \"nts\"",
    "[[server]]",
    "address = \"a.example:1\"",
    "listen = \"[::]:123\"",
    "autokey",
    "query",
    "from",
    "cert",
    "extra",
];

/// A line of words that mean something somewhere.
fn line() -> impl Strategy<Value = String> {
    let words: Vec<&'static str> = chrony::DIRECTIVES
        .iter()
        .chain(chrony::SOURCE_OPTIONS)
        .chain(chrony::LOCAL_OPTIONS)
        .map(|entry| entry.name)
        .chain(OTHERS.iter().copied())
        .collect();
    let values = prop::sample::select(vec![
        "0",
        "1",
        "-1",
        "6",
        "24",
        "300",
        "1e9",
        "-1e-9",
        "nan",
        "a.example",
        "192.0.2.1",
        "fe80::1%eth0",
        "10.0/8",
        "::/0",
        "/a b",
        "all",
        "\"x\\",
        "require",
        "nts",
        "ipv6",
        "\u{7}",
        "2001:db8::1",
        "*",
        "#",
    ]);
    let word = prop::sample::select(words);
    (word.clone(), prop::collection::vec(prop_oneof![values, word], 0..6))
        .prop_map(|(first, rest)| format!("{first} {}", rest.join(" ")))
}

proptest! {
    #[test]
    fn whatever_is_imported_our_parser_takes(lines in prop::collection::vec(line(), 0..30)) {
        let text = lines.join("\n");
        for dialect in Dialect::ALL {
            hold(&text, &import(&text, "file", *dialect, &NoFiles));
        }
    }

    #[test]
    fn any_text_is_imported(text in "\\PC*[\n \\PC]*") {
        for dialect in Dialect::ALL {
            hold(&text, &import(&text, "file", *dialect, &NoFiles));
        }
    }
}

#[test]
fn a_secret_is_not_repeated() {
    let text = include_str!("samples/cisco.txt");
    let imported = import(text, "file", Dialect::Cisco, &NoFiles);
    assert!(text.contains("SECRET") && !shown(&imported).contains("SECRET"));
    assert!(imported.findings().iter().all(|finding| !finding.render(false).contains("SECRET")));
    let cisco = "enable secret 5 SECRET\nsnmp-server community SECRET RO\n key-string 7 SECRET\n";
    let keys = "1 SHA1 HEX:SECRET\n2 SECRET\n";
    for (text, dialect) in [
        ("crypto pw SECRET\n", Dialect::Ntp),
        ("crypto\tpw\t\"SECRET SECRET\"\n", Dialect::Ntp),
        (cisco, Dialect::Cisco),
        (keys, Dialect::Chrony),
        (keys, Dialect::Ntp),
    ] {
        let imported = import(text, "file", dialect, &NoFiles);
        assert!(!shown(&imported).contains("SECRET"), "{}", shown(&imported));
        assert!(imported.findings().iter().all(|finding| !finding.render(false).contains("SECRET")));
    }
}

#[test]
fn what_is_too_much_starts_nothing() {
    // Every file includes all of them.
    let every = "include /d/*.conf\ninclude /d/*.conf\n";
    const NAMES: [&str; 8] = [
        "/d/1.conf",
        "/d/2.conf",
        "/d/3.conf",
        "/d/4.conf",
        "/d/5.conf",
        "/d/6.conf",
        "/d/7.conf",
        "/d/8.conf",
    ];
    let imported = import(every, "file", Dialect::Chrony, &Disk(NAMES.map(|name| (name, every)).into()));
    assert_eq!(imported.worst(), Verdict::Wrong);
    assert!(imported.lines.len() < 5000, "{}", imported.lines.len());
    // A line that refuses somebody may be among those that are not read.
    let long = "allow 192.0.2.0/24\n".repeat(20_001);
    assert_eq!(import(&long, "file", Dialect::Chrony, &NoFiles).worst(), Verdict::Wrong);
}

#[test]
fn a_file_of_nothing_but_what_is_lost_comes_to_an_end() {
    let lost = "refclock PPS /dev/pps0 poll 3 refid PPS\n".repeat(12_000);
    let imported = import(&format!("{lost}server a.example\n"), "file", Dialect::Chrony, &NoFiles);
    let parsed = parse(&imported.toml, "imported").unwrap();
    assert_eq!((parsed.config.engine.sources.len(), imported.worst()), (1, Verdict::NotYet));
}

#[test]
fn what_goes_with_its_section_is_not_called_kept() {
    let text = "[[server]]\nlisten = \"0.0.0.0:123\"\n[server.denylist]\nfilter = [\"bogus\"]\naction = \"ignore\"\n";
    let imported = import(text, "file", Dialect::NtpdRs, &NoFiles);
    assert!(!imported.toml.contains("\n[serve]"), "{}", imported.toml);
    assert_eq!(imported.lines[1].verdict, Verdict::Impossible, "{}", shown(&imported));
    // What holds for another source as well is not lost.
    let text = "ntsrefresh 3600\nserver a.example nts port 0 offset 2000\nserver b.example nts\n";
    let imported = import(text, "file", Dialect::Chrony, &NoFiles);
    assert_eq!(imported.lines[0].verdict, Verdict::Kept, "{}", shown(&imported));
}

#[test]
fn what_our_parser_refuses_is_never_called_kept() {
    let text: String = (0..60).map(|n| format!("server {n}.example key +00{n}\n")).collect();
    for dialect in [Dialect::Chrony, Dialect::Ntp] {
        let imported = import(&text, "file", dialect, &NoFiles);
        hold(&text, &imported);
        let kept = imported.lines.iter().filter(|line| line.verdict == Verdict::Kept).count();
        assert_eq!(imported.toml.matches("server = ").count(), kept, "{dialect}");
    }
}

#[test]
fn a_file_is_known_by_its_name() {
    let by_name = |name| Dialect::recognise(name, "");
    assert_eq!(by_name("/etc/chrony/chrony.conf"), Some(Dialect::Chrony));
    assert_eq!(by_name("/run/chrony-dhcp/eth0.sources"), Some(Dialect::Chrony));
    assert_eq!(by_name("/etc/ntpsec/ntp.conf"), Some(Dialect::Ntp));
    for ours in ["/etc/truechimer/chimer.toml", "/etc/chrony/chrony.toml", "x", ""] {
        assert_eq!(by_name(ours), None, "{ours}");
    }
    assert_eq!(Dialect::recognise("chimer.toml", "server a.example iburst\n"), None);
    assert_eq!(Dialect::recognise("x", "[[source]]\nserver = \"a.example\"\n"), None);
}

#[test]
fn dialects_have_names() {
    for dialect in Dialect::ALL {
        assert_eq!(Dialect::from_name(&dialect.to_string()), Some(*dialect));
    }
}
