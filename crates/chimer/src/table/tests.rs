use super::*;

fn sample() -> Table {
    let mut table = Table::new(&[("S", Edge::Left), ("Name", Edge::Left), ("Offset", Edge::Right)]);
    table.row(Tone::Good, vec!["*".into(), "a".into(), "+12.3 µs".into()]);
    table.row(Tone::Bad, vec!["x".into(), "longer".into(), "-1 s".into()]);
    table.note("why");
    table.row(Tone::Plain, vec!["?".into(), "b".into()]);
    table
}

#[test]
fn columns_line_up_by_characters() {
    assert_eq!(
        sample().render(Paint(false)),
        "S  Name      Offset\n\
         *  a       +12.3 µs\n\
         x  longer      -1 s\n      \
               why\n\
         ?  b\n"
    );
}

#[test]
fn colour_changes_nothing_but_colour() {
    let coloured = sample().render(Paint(true));
    assert!(coloured.contains("\u{1b}[31mx\u{1b}[0m"));
    let mut plain = coloured;
    for code in ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[1m", "\u{1b}[0m"] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, sample().render(Paint(false)));
}

#[test]
fn na_02_cells_cannot_steer_the_terminal_or_break_the_line() {
    let mut table = Table::new(&[("Name", Edge::Left)]);
    table.row(Tone::Bad, vec!["a\u{1b}[31m\nb".into()]);
    table.note("\u{1b}]0;title\u{7}");
    let text = table.render(Paint(false));
    assert_eq!(text.lines().count(), 3);
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
}

#[test]
fn facts_line_up() {
    let mut facts = Facts::default();
    facts.add("Leap", "none");
    facts.toned("Error bound", Tone::Good, "1 ms");
    assert_eq!(facts.render(2, Paint(false)), "  Leap         none\n  Error bound  1 ms\n");
}

#[test]
fn a_table_that_is_too_wide_loses_what_matters_least() {
    let means = [Narrow::First("Name"), Narrow::Drop("Offset")];
    let fitted = |width| sample().fit(width, &means).render(Paint(false));
    // It is 19 columns wide.
    assert_eq!(fitted(None), sample().render(Paint(false)));
    assert_eq!(fitted(Some(19)), sample().render(Paint(false)));
    let narrower = "S  N    Offset\n*  a  +12.3 µs\nx  l      -1 s\n      why\n?  b\n";
    assert_eq!(fitted(Some(18)), narrower);
    let narrowest = "S  N\n*  a\nx  l\n      why\n?  b\nLeft out, as the terminal is narrow: Offset\n";
    assert_eq!(fitted(Some(13)), narrowest);
    // Nothing more can be done, so it is as narrow as it gets.
    assert_eq!(fitted(Some(1)), narrowest);
}
