use std::collections::BTreeMap;
use std::io;

use proptest::prelude::*;

use super::*;
use crate::import::{Dialect, import};
use crate::keys::parse_keys;
use crate::{Severity, lint, parse};

/// Files by their whole names; `None` for one that cannot be read.
#[derive(Default)]
struct Disk(BTreeMap<String, Option<String>>);

impl Disk {
    fn new<const N: usize>(files: [(&str, &str); N]) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.to_owned(), Some(text.to_owned()))).collect())
    }
}

impl Files for Disk {
    fn read(&self, path: &str) -> io::Result<String> {
        match self.0.get(path) {
            Some(Some(text)) => Ok(text.clone()),
            Some(None) => Err(io::ErrorKind::PermissionDenied.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        if folder == "/closed" {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let inside = |path: &String| Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
        // Not in order, as a file system has them.
        let names: Vec<String> = self.0.keys().rev().filter_map(inside).collect();
        if names.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(names) }
    }
}

const MAIN: &str = "[[source]]\nserver = \"a.example\"\n[daemon]\nsource_dirs = [\"/etc/s\", \"/run/s\"]\n";

fn take(main: &str, disk: &Disk) -> Parsed {
    let mut parsed = parse(main, "chimer.toml").unwrap_or_else(|found| panic!("{}", found[0]));
    parsed.take_folders(disk);
    parsed
}

fn hosts(parsed: &Parsed) -> Vec<String> {
    let host = |source: &SourceConfig| match endpoint(source).map(|endpoint| &endpoint.host) {
        Some(Host::Name(name)) => name.clone(),
        Some(Host::Address(address)) => address.to_string(),
        None => String::new(),
    };
    parsed.config.engine.sources.iter().map(host).collect()
}

fn findings(parsed: &Parsed) -> Vec<String> {
    parsed.folders.findings.iter().map(ToString::to_string).collect()
}

fn server(name: &str) -> String {
    format!("[[source]]\nserver = \"{name}\"\n")
}

#[test]
fn sources_come_from_folders_in_the_order_of_folders_and_names() {
    let disk = Disk::new([
        ("/run/s/b.toml", "[[source]]\npool = \"p.example\"\nsize = 2\n"),
        ("/run/s/a.sources", "# of DHCP\nserver 192.0.2.1 iburst\nserver 192.0.2.2\n"),
        ("/etc/s/z.toml", "[[source]]\nserver = \"z.example\"\n"),
        ("/etc/s/.z.toml.new", "[[source]]\nserver = \"half"),
        ("/etc/s/.y.toml", "[[source]]\nserver = \"half"),
        ("/etc/s/README", "nonsense"),
        ("/etc/s/old.toml.dpkg-old", "nonsense"),
    ]);
    let parsed = take(MAIN, &disk);
    assert_eq!(hosts(&parsed), ["a.example", "z.example", "192.0.2.1", "192.0.2.2", "p.example"]);
    assert!(findings(&parsed).is_empty(), "{:?}", findings(&parsed));
    let bursts: Vec<bool> = parsed.config.engine.sources.iter().map(|source| source.options.iburst).collect();
    assert_eq!(bursts, [true, true, true, false, true], "chronyd's default holds in chrony's syntax");
    // Folders that are not there are empty.
    assert_eq!(hosts(&take(MAIN, &Disk::default())), ["a.example"]);
}

#[test]
fn a_wrong_file_is_left_out_and_told_of_and_takes_no_other_with_it() {
    let mut disk = Disk::new([
        ("/run/s/1.toml", "[[source]]\nsrever = \"one.example\"\n"),
        ("/run/s/2.toml", "[[source]]\nserver = \"two.example\"\n"),
        ("/run/s/3.toml", "[clock]\ncontrol = false\n"),
        ("/run/s/4.toml", "server 192.0.2.4 iburst\n"),
        ("/run/s/5.sources", "server 192.0.2.5\nmakestep 1 3\nserver 192.0.2.6 ibrust\n"),
    ]);
    disk.0.insert("/run/s/6.toml".into(), None);
    disk.0.insert("/run/s/7.toml".into(), Some(format!("{}#{}", server("seven"), "x".repeat(MOST_BYTES))));
    let parsed = take(MAIN, &disk);
    assert_eq!(hosts(&parsed), ["a.example", "two.example", "192.0.2.5"]);
    insta::assert_snapshot!(findings(&parsed).join("\n"));
    let lints = lint(&parsed);
    assert!(lints.iter().all(|finding| finding.severity < Severity::Error));
    assert!(parsed.warnings.iter().any(|finding| finding.file == "/run/s/1.toml" && finding.line == 2));
    let unreadable = take("[daemon]\nsource_dirs = [\"/closed\"]\n", &disk);
    assert!(
        findings(&unreadable)[0].starts_with("chimer.toml:2:15: warning[C001]"),
        "{:?}",
        findings(&unreadable)
    );
}

#[test]
fn a_source_that_is_there_already_stays_one() {
    let disk = Disk::new([
        (
            "/etc/s/1.toml",
            "[[source]]\nserver = \"A.example.\"\n[[source]]\nserver = \"192.0.2.1\"\nname = \"one\"\n",
        ),
        ("/run/s/2.sources", "server 192.0.2.1\nserver 192.0.2.1 port 124\n"),
        ("/run/s/3.toml", "[[source]]\nserver = \"c.example\"\nname = \"one\"\n"),
    ]);
    let parsed = take(MAIN, &disk);
    assert_eq!(hosts(&parsed), ["a.example", "192.0.2.1", "192.0.2.1"]);
    let found: Vec<_> =
        parsed.folders.findings.iter().map(|found| (found.rule, found.line, found.severity)).collect();
    assert_eq!(
        found,
        [("L090", 1, Severity::Note), ("L090", 1, Severity::Note), ("C041", 1, Severity::Warning)]
    );
}

#[test]
fn keys_are_those_of_the_key_file() {
    let main = "[keys]\nfile = \"/k\"\n[daemon]\nsource_dirs = [\"/s\"]\n";
    let disk = Disk::new([
        (
            "/s/1.toml",
            "[[source]]\nserver = \"a.example\"\nkey = 1\n[[source]]\nserver = \"b.example\"\nkey = 2\n",
        ),
        ("/s/2.sources", "server c.example key 1\nserver d.example key 7\n"),
    ]);
    let mut parsed = parse(main, "chimer.toml").unwrap();
    parsed
        .take_keys(parse_keys(b"1 AES128 HEX:00112233445566778899aabbccddeeff\n", "/k", false).unwrap())
        .unwrap();
    parsed.take_folders(&disk);
    assert_eq!(hosts(&parsed), ["a.example", "c.example"]);
    assert!(findings(&parsed).iter().all(|found| found.contains("warning[C055]")), "{:?}", findings(&parsed));
    // Without a key file there is no source with a key.
    let parsed = take("[daemon]\nsource_dirs = [\"/s\"]\n", &disk);
    assert!(hosts(&parsed).is_empty());
}

#[test]
fn advice_points_at_the_file_of_the_source() {
    let disk = Disk::new([
        ("/etc/s/1.toml", "# fast\n[[source]]\npool = \"b.example\"\npoll = { min = 2 }\n"),
        ("/run/s/2.sources", "\npool c.example minpoll 1\n"),
    ]);
    let parsed = take(MAIN, &disk);
    let fast: Vec<_> = parsed.warnings.iter().filter(|found| found.rule == "L010").collect();
    let places: Vec<_> = fast.iter().map(|found| (found.file.as_str(), found.line)).collect();
    assert_eq!(places, [("/etc/s/1.toml", 4), ("/run/s/2.sources", 2)]);
}

#[test]
fn files_and_sources_are_bounded() {
    let file = |index: usize| (format!("/run/s/{index:03}.toml"), Some(server(&format!("s{index}.example"))));
    let parsed = take(MAIN, &Disk((0..200).map(file).collect()));
    assert_eq!(parsed.config.engine.sources.len(), MOST_SOURCES);
    let found = findings(&parsed);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("has 200 files") && found[1].contains("there are 64 already"), "{found:?}");
}

#[test]
fn a_sourcedir_of_chrony_stays_alive_when_it_is_imported() {
    let text = "server a.example\nsourcedir /run/s /etc/s\nbindcmdaddress /\n";
    let imported = import(text, "chrony.conf", Dialect::Chrony, &crate::import::NoFiles);
    let mut parsed = imported.parsed("chimer.toml").unwrap();
    let disk = Disk::new([("/run/s/eth0.sources", "server 192.0.2.1 iburst\n")]);
    parsed.take_folders(&disk);
    assert_eq!(hosts(&parsed), ["a.example", "192.0.2.1"]);
    // What is said for all sources holds for those in the folder too.
    let text = "sourcedir /run/s\nbindacqaddress 192.0.2.9\n";
    let imported = import(text, "chrony.conf", Dialect::Chrony, &disk);
    let parsed = imported.parsed("chimer.toml").unwrap();
    assert_eq!(parsed.config.engine.sources[0].options.bind, Some([192, 0, 2, 9].into()));
    assert!(parsed.config.paths.source_dirs.is_empty());
}

#[test]
fn what_a_network_names_becomes_a_file_of_servers_only() {
    let named = [
        "192.0.2.1",
        "time.example",
        "$(reboot)",
        "a\"\n[clock]",
        "",
        "-x",
        "224.0.0.1",
        "TIME.example",
        "fe80::1",
    ];
    let text = source_file(named, "eth0\n[clock]", 4).unwrap();
    assert_eq!(
        hosts(&take(MAIN, &Disk::new([("/run/s/x.toml", &text)]))),
        ["a.example", "192.0.2.1", "time.example"]
    );
    assert_eq!(source_file(["`id`", "../etc"], "eth0", 4), None);
    let ourselves =
        ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", "LOCALHOST.", "a.localhost"];
    assert_eq!(
        source_file(ourselves, "eth0", 4),
        None,
        "a network has no business to name this machine itself"
    );
    let many: Vec<String> = (0..99).map(|index| format!("192.0.2.{index}")).collect();
    let text = source_file(many.iter().map(String::as_str), "eth0", 4).unwrap();
    assert_eq!(text.matches("[[source]]").count(), 4);
}

proptest! {
    /// Whatever stands in a folder, the configuration stays usable and its own sources stay.
    #[test]
    fn no_file_of_a_folder_can_do_harm(
        files in prop::collection::vec(("[a-z.]{0,6}", prop_oneof![Just(".toml"), Just(".sources")], prop_oneof![
            any::<String>(),
            "((server|pool|peer|makestep) [a-z0-9.:]{0,9}( [a-z]{0,7}( [0-9]{1,3})?)?\n){0,4}",
            "(\\[\\[source\\]\\]\n(server|pool|name|key) = [\"0-9a-z.]{0,9}\n){0,4}",
        ]), 0..6),
    ) {
        let disk = Disk(files.into_iter().map(|(name, end, text)| (format!("/run/s/{name}{end}"), Some(text))).collect());
        let parsed = take(MAIN, &disk);
        prop_assert_eq!(&hosts(&parsed)[0], "a.example");
        prop_assert!(parsed.config.engine.sources.len() <= MOST_SOURCES);
        prop_assert!(lint(&parsed).iter().all(|finding| finding.severity < Severity::Error));
    }

    /// Whatever a network says, the file that is made of it parses, and has no more than was asked for.
    #[test]
    fn whatever_a_network_names_the_file_parses(named in prop::collection::vec(any::<String>(), 0..8), origin in any::<String>()) {
        if let Some(text) = source_file(named.iter().map(String::as_str), &origin, 3) {
            let parsed = take(MAIN, &Disk::new([("/run/s/x.toml", &text)]));
            prop_assert!(findings(&parsed).iter().all(|found| found.contains("L090")), "{:?}", findings(&parsed));
            prop_assert!(hosts(&parsed).len() <= 4);
        }
    }
}
