use super::*;

#[test]
fn the_symmetric_axis_has_zero_in_the_middle_and_its_ends_at_the_ends() {
    let axis = Symlog::new([1e-3, 1e-6], [100.0, 300.0]);
    let near = |value, place: f64| assert!((axis.place(value) - place).abs() < 1e-9, "{value}");
    near(0.0, 200.0);
    near(1e-3, 100.0);
    near(-1e-3, 300.0);
    near(1e9, 50.0);
    let ticks = axis.ticks();
    assert!(ticks.contains(&1e-4) && ticks.contains(&-1e-4) && ticks.len() >= 5, "{ticks:?}");
    assert!(ticks.iter().all(|tick| tick.abs() <= 1e-3));
}

#[test]
fn times_are_round() {
    let labels = |length_s| {
        let axis = TimeAxis::new(length_s, [0.0, 100.0]);
        let labels: Vec<String> = axis.ticks().into_iter().map(|(_, label)| label).collect();
        (axis.unit(), labels.join(" "))
    };
    assert_eq!(labels(100_000.0), ("hours", "0 5 10 15 20 25".into()));
    assert_eq!(labels(20_000.0), ("hours", "0 1 2 3 4 5".into()));
    assert_eq!(labels(60.0), ("seconds", "0 10 20 30 40 50 60".into()));
    assert_eq!(labels(400_000.0), ("days", "0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.5 4.0 4.5".into()));
    assert_eq!(TimeAxis::new(10.0, [20.0, 40.0]).place(5.0), 30.0);
}
