use super::*;

fn drawn(world: &str) -> (Run, String) {
    let spec = truechimer_sim::find(world).unwrap();
    let (run, trace) = truechimer_sim::worlds::run_traced(spec, 2, COLUMNS, |_| {});
    let picture = draw(&run, spec.about, &trace);
    (run, picture)
}

#[test]
fn a_picture_has_title_axes_legend_and_curves() {
    let (_, picture) = drawn("start");
    for words in [
        "half a second and 100 ppm wrong",
        "seed 2",
        "time since the start, hours",
        "± error bound",
        "true error of the clock",
        "+1 ms",
        "-1 ms",
    ] {
        assert!(picture.contains(words), "{words}");
    }
    assert!(!picture.contains("beyond the bound") && !picture.contains("NaN"));
    // Every element that is opened is closed.
    assert_eq!(picture.matches("<g ").count(), picture.matches("</g>").count());
    assert_eq!(picture.matches("<text").count(), picture.matches("</text>").count());
    assert!(picture.ends_with("</svg>\n"));
}

#[test]
fn the_same_run_is_the_same_picture() {
    assert_eq!(drawn("pps w1e-9").1, drawn("pps w1e-9").1);
}

#[test]
fn a_violation_is_marked() {
    let spec = truechimer_sim::find("start").unwrap();
    let (mut run, trace) = truechimer_sim::worlds::run_traced(spec, 2, COLUMNS, |_| {});
    run.bound_violations = 1;
    run.violations.push(truechimer_sim::check::Violation {
        invariant: Invariant::I1,
        at_s: 10_000.0,
        host: 0,
        what: String::new(),
        seed: 2,
        repeat: String::new(),
    });
    let picture = draw(&run, spec.about, &trace);
    assert!(picture.contains("error beyond the bound") && picture.contains("1 violation<"));
    assert_eq!(picture.matches("stroke-dasharray").count(), 2);
}
