use super::*;

#[test]
fn extremes_survive_and_missing_bounds_show() {
    let mut trace = Trace::new(100.0, 10);
    for second in 1..=100 {
        let error = if second == 15 { -5.0 } else { 1.0 };
        let bound = (second != 31).then_some(f64::from(second));
        trace.record(f64::from(second), error, bound);
    }
    let columns = trace.columns();
    assert_eq!(columns.len(), 10);
    assert_eq!(columns[1], Column { error_low_s: -5.0, error_high_s: 1.0, bound_s: Some([11.0, 20.0]) });
    assert_eq!((columns[0].error_low_s, columns[0].bound_s), (1.0, Some([1.0, 10.0])));
    assert_eq!(columns[3].bound_s, None);
    assert_eq!(columns[9].bound_s, Some([91.0, 100.0]));
}

#[test]
fn long_steps_fill_the_columns_between() {
    let mut trace = Trace::new(10.0, 10);
    trace.record(4.0, 2.0, None);
    trace.record(8.0, 3.0, None);
    let errors: Vec<f64> = trace.columns().iter().map(|column| column.error_high_s).collect();
    assert_eq!(errors, [2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0]);
}

#[test]
fn nothing_is_kept_unasked() {
    let mut trace = Trace::default();
    trace.record(1.0, 1.0, None);
    assert!(trace.columns().is_empty());
}
