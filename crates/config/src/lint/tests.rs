use std::collections::BTreeSet;

use crate::{RULES, Severity, lint, parse};

const FOUR: &str = "[[source]]\npool = \"ntp.example\"\n";

fn rules(text: &str) -> Vec<&'static str> {
    let parsed = parse(text, "").unwrap_or_else(|found| panic!("{text}: {}", found[0]));
    lint(&parsed).iter().map(|finding| finding.rule).collect()
}

fn server(name: &str) -> String {
    format!("[[source]]\nserver = \"{name}\"\n")
}

fn serve(access: &str) -> String {
    format!("{FOUR}[serve]\nlisten = [\"0.0.0.0:123\"]\n{access}\n")
}

/// Rule, a file that breaks it at this line, and one close to it that does not.
#[rustfmt::skip] // a case a line
fn cases() -> Vec<(&'static str, String, usize, String)> {
    let several = |names: &[&str]| names.iter().map(|name| server(name)).collect::<String>();
    let with = |line: &str| format!("{}{line}\n", server("ntp.example"));
    let clock = |line: &str| format!("{FOUR}[clock]\n{line}\n");
    let allow = "allow = [\"10.0.0.0/8\"]";
    let nts = |line: &str| {
        let certificate = "nts.certificate = \"/c\"\nnts.private_key = \"/k\"";
        serve(&format!("{allow}\n{certificate}\n{line}"))
    };
    let keyed = |policy: &str| {
        let keys = "[keys]\nfile = \"/keys\"\n";
        format!("{}key = 1\n{FOUR}[selection]\nauthentication = \"{policy}\"\n{keys}", server("a.example"))
    };
    let local = |line: &str| format!("{}[local]\n{line}\n", serve(allow));
    vec![
        ("L013", format!("{FOUR}[network]\nclient_port = 1123\n"), 4, FOUR.into()),
        ("L001", String::new(), 1, FOUR.into()),
        ("L001", with("noselect = true"), 1, local("")),
        ("L002", server("a.example"), 1, several(&["a.example", "b.example"])),
        ("L002", "[[source]]\npool = \"a.example\"\nsize = 1\n".into(), 1, FOUR.into()),
        ("L003", several(&["a.example", "b.test"]), 1, several(&["a.example", "b.test", "c.test"])),
        ("L004", several(&["a.example", "b.test", "c.test"]), 1, several(&["a.example", "b.test", "c.test", "d.test"])),
        ("L005", several(&["a.x.net", "b.x.net"]), 1, several(&["a.x.net", "b.y.net"])),
        ("L005", several(&["a.x.net", "b.x.net"]), 1, format!("{}{FOUR}", server("a.x.net"))),
        ("L006", format!("{FOUR}[selection]\nmin_sources = 5\n"), 4, format!("{FOUR}[selection]\nmin_sources = 4\n")),
        ("L007", format!("{FOUR}[selection]\nauthentication = \"require\"\n"), 4, keyed("require")),
        ("L002", keyed("require"), 1, keyed("mix")),
        ("L002", keyed("prefer"), 1, keyed("ignore")),
        ("L010", with("poll = { min = 3 }"), 3, with("poll = { min = 4 }")),
        ("L010", with("poll = { min = 3 }"), 3, "[[source]]\nserver = \"10.0.0.1\"\npoll = { min = 0 }\n".into()),
        ("L010", "[[source]]\npool = \"ntp.lan\"\npoll.min = 3\n".into(), 3, "[[source]]\nserver = \"ntp.lan\"\npoll.min = 3\n".into()),
        ("L011", with("burst = true"), 3, with("iburst = true")),
        ("L012", "[[source]]\npool = \"2.pool.ntp.org\"\n".into(), 2, "[[source]]\npool = \"2.debian.pool.ntp.org\"\n".into()),
        ("L020", serve(""), 3, serve(allow)),
        ("L021", serve("allow = [\"10.0.0.0/8\", \"0.0.0.0/0\"]"), 5, serve(allow)),
        ("L021", serve("allow = [\"0.0.0.0/0\"]"), 5, serve("allow = [\"0.0.0.0/0\"]\nrate_limit = {}")),
        ("L022", serve(&format!("{allow}\ndeny = [\"10.9.0.0/16\", \"11.0.0.0/8\"]")), 6, serve(&format!("{allow}\ndeny = [\"10.9.0.0/16\"]"))),
        ("L023", serve("allow = [\"10.0.0.0/8\", \"2001:db8::/32\"]"), 5, serve(allow)),
        ("L024", serve("allow = [\"0.0.0.0/0\"]\nsignd = \"/s\""), 5, serve(&format!("{allow}\nsignd = \"/s\""))),
        ("L030", clock("step = \"always\""), 4, clock("step = { above = \"1s\", first = 3 }")),
        ("L030", clock("step = { first = \"always\" }"), 4, clock("step = \"never\"")),
        ("L031", clock("panic = \"none\""), 4, clock("panic = \"10s\"")),
        ("L031", clock("panic = { backward = \"none\" }"), 4, clock("panic = { start = \"none\" }")),
        ("L032", clock("panic = \"100ms\""), 3, clock("panic = \"200ms\"")),
        ("L032", clock("panic = \"1s\"\nstep = { above = \"1s\" }"), 5, clock("panic = \"1s\"\nstep = { above = \"999ms\" }")),
        ("L040", local("stratum = 4"), 7, local("stratum = 5")),
        ("L041", format!("{FOUR}[local]\n"), 3, local("")),
        ("L060", nts("nts.rotate = \"1h\""), 8, nts("nts.rotate = \"2h\"")),
        ("L060", nts("nts.master_secret = \"/s\"\nnts.rotate = \"1h\""), 9, nts("nts.rotate = \"1h\"\nnts.keep = 3")),
        ("L062", "[[source]]\nserver = \"192.0.2.1\"\nnts = true\n".into(), 2, with("nts = true")),
        ("L061", nts("nts.ntp_server = \"b.example\""), 8, nts("nts.ntp_server = \"b.example\"\nnts.key_ring = \"/r\"")),
    ]
}

#[test]
fn every_rule_speaks_up_where_it_is_broken_and_only_there() {
    for (rule, broken, line, kept) in cases() {
        let parsed = parse(&broken, "").unwrap_or_else(|found| panic!("{broken}: {}", found[0]));
        let findings = lint(&parsed);
        let finding = findings.iter().find(|finding| finding.rule == rule);
        let finding = finding.unwrap_or_else(|| panic!("{rule} is silent about:\n{broken}"));
        assert_eq!(finding.line, line, "{rule} in:\n{broken}");
        assert!(finding.help.is_some(), "{rule}");
        assert!(!rules(&kept).contains(&rule), "{rule} speaks up about:\n{kept}");
    }
}

#[test]
fn every_rule_has_a_case() {
    let tested: BTreeSet<_> = cases().iter().map(|(rule, ..)| *rule).collect();
    let all = RULES.iter().map(|rule| rule.id).filter(|id| id.starts_with('L'));
    // Those about key files, files of NTS, other programs' files and folders of sources are tested with them.
    let elsewhere = ["L05", "L07", "L08", "L09"];
    let all: BTreeSet<_> = all.filter(|id| !elsewhere.iter().any(|tens| id.starts_with(tens))).collect();
    assert_eq!(tested, all);
}

#[test]
fn four_good_sources_and_nothing_else_need_no_advice() {
    assert_eq!(rules(FOUR), [""; 0]);
}

#[test]
fn warnings_of_a_parsed_file_leave_out_the_notes() {
    let parsed = parse("[[source]]\npool = \"pool.ntp.org\"\n[clock]\npanic = \"none\"\n", "").unwrap();
    assert_eq!(lint(&parsed).iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["L012", "L031"]);
    assert_eq!(parsed.warnings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["L031"]);
    assert!(parsed.warnings.iter().all(|finding| finding.severity == Severity::Warning));
}

#[test]
fn advice_is_rendered_with_its_clause() {
    let parsed = parse(&server("ntp.example"), "chimer.toml").unwrap();
    insta::assert_snapshot!("advice", lint(&parsed)[0].render(false));
}
