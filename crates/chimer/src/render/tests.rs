use truechimer_control::message::ClientList;

use super::*;
use crate::table::Paint;

const PLAIN: Paint = Paint(false);

#[test]
fn status_while_synchronised() {
    fixtures::expect("status", &status(&fixtures::report(), PLAIN));
}

#[test]
fn status_before_the_first_answer() {
    fixtures::expect("status_starting", &status(&fixtures::starting(), PLAIN));
}

#[test]
fn sources_in_every_state() {
    fixtures::expect("sources", &sources(&fixtures::report(), PLAIN, None));
}

#[test]
fn sources_with_everything() {
    let mut report = fixtures::with_nts();
    report.sources = [3, 6, 8].map(|nth| report.sources[nth].clone()).into();
    fixtures::expect("sources_verbose", &sources_verbose(&report, PLAIN));
}

#[test]
fn statistics_of_sources() {
    fixtures::expect("stats", &stats(&fixtures::report(), PLAIN, None));
}

#[test]
fn tables_fit_into_eighty_columns() {
    let mut report = fixtures::report();
    // Long names are what they are: those of pools with an IPv6 address do not fit.
    report.sources.retain(|source| source.kind == "server");
    for text in [sources(&report, PLAIN, Some(80)), stats(&report, PLAIN, Some(80))] {
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{text}");
        assert!(text.contains("Offset") && text.contains("ntp1.example.net"), "{text}");
    }
}

#[test]
fn activity_counts_every_source_once() {
    let counts = Activity::of(&fixtures::report());
    let once = counts.online + counts.unreachable + counts.offline + counts.resolving + counts.stopped;
    assert_eq!(once, counts.total);
    assert_eq!((counts.online, counts.selected, counts.falsetickers, counts.total), (6, 2, 1, 10));
    fixtures::expect("activity", &activity(&counts, PLAIN));
}

#[test]
fn clients_by_their_requests() {
    let list = fixtures::clients();
    fixtures::expect("clients", &clients(&list, PLAIN, None));
    let none = ClientList { known: 0, clients: Vec::new() };
    assert_eq!(clients(&none, PLAIN, None), "Nobody has asked yet.\n");
    let narrow = clients(&list, PLAIN, Some(80));
    assert!(narrow.lines().all(|line| line.chars().count() <= 80) && narrow.contains("Requests"), "{narrow}");
}

#[test]
fn no_sources_is_said() {
    let mut report = fixtures::report();
    report.sources.clear();
    for text in [sources(&report, PLAIN, None), sources_verbose(&report, PLAIN), stats(&report, PLAIN, None)]
    {
        assert_eq!(text, "No sources are configured.\n");
    }
}

#[test]
fn states_have_words_and_characters_of_their_own() {
    let report = fixtures::report();
    let mut seen: Vec<&str> = report.sources.iter().map(|source| state_words(source.state)).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), report.sources.len());
}

#[test]
fn addresses_lose_the_port_that_everybody_knows() {
    assert_eq!(without_ntp_port("192.0.2.1:123"), "192.0.2.1");
    assert_eq!(without_ntp_port("[2001:db8::7]:123"), "2001:db8::7");
    assert_eq!(without_ntp_port("192.0.2.1:1123"), "192.0.2.1:1123");
}

/// `docs/commands.md` shows the same texts as the tests here; with `BLESS=1` they are put there.
#[test]
fn the_manual_shows_what_is_printed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/commands.md");
    let mut manual = std::fs::read_to_string(path).unwrap();
    for name in ["status", "sources", "sources_verbose", "stats", "activity", "clients", "query"] {
        let file = format!("{}/src/render/tests/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).unwrap();
        let start = format!("<!-- {name} -->\n```text\n");
        let (before, rest) = manual.split_once(&start).unwrap_or_else(|| panic!("{name} is not in {path}"));
        let (shown, after) = rest.split_once("```\n").unwrap();
        if std::env::var_os("BLESS").is_some() {
            manual = format!("{before}{start}{text}```\n{after}");
        } else {
            assert_eq!(shown, text, "{name} in {path}");
        }
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, manual).unwrap();
    }
}
