use super::*;

#[test]
fn the_man_page_has_every_key_and_section() {
    let page = man_page();
    for key in KEYS {
        assert!(page.contains(&format!("\\fB{}\\fR", roff_raw(key.name))), "{}", key.name);
    }
    for section in SECTIONS {
        assert!(page.contains(&format!(".SH {}", CONFIGURATION.heading(section.name))), "{}", section.name);
    }
}

#[test]
fn no_text_of_the_man_page_is_taken_for_a_request() {
    let requests = [".TH", ".SH", ".PP", ".TP", ".nf", ".fi", ".I", ".BR"];
    for line in man_page().lines().filter(|line| line.starts_with(['.', '\''])) {
        let request = line.split(' ').next().unwrap();
        assert!(requests.contains(&request), "{line}");
    }
    assert_eq!(roff(".hidden"), "\\&.hidden");
    assert_eq!(roff("`a-b` and \\"), "\\fBa\\-b\\fR and \\e");
}

#[test]
fn the_example_of_the_man_page_is_legal_and_needs_no_advice() {
    let parsed =
        crate::parse(EXAMPLE, "example").unwrap_or_else(|found| panic!("{}", found[0].render(false)));
    assert!(parsed.warnings.is_empty(), "{}", parsed.warnings[0]);
}
