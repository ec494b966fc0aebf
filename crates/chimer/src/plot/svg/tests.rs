use super::*;

#[test]
fn text_cannot_leave_its_element() {
    let mut svg = Svg::new(10.0, 10.0, "a</title><script>&");
    svg.text([1.0, 2.0], 12.0, "#000", "start", None, "<b>\u{1b}");
    let text = svg.finish();
    assert!(text.contains("a&lt;/title&gt;&lt;script&gt;&amp;"), "{text}");
    assert!(text.contains(">&lt;b&gt;\u{fffd}</text>"), "{text}");
}

#[test]
fn curves_are_paths_and_numbers_are_finite() {
    let mut svg = Svg::new(10.0, 10.0, "");
    svg.curve(&[[1.0, 2.04], [f64::NAN, f64::INFINITY]], "#000", 1.0);
    svg.area(&[[0.0, 1.0], [2.0, 3.0]], &[[0.0, 5.0], [2.0, 6.0]], "#000", 1.0);
    svg.curve(&[], "#000", 1.0);
    let text = svg.finish();
    assert!(text.contains(r#"d="M1 2L0 0""#), "{text}");
    assert!(text.contains(r#"d="M0 1L2 3L2 6L0 5Z""#), "{text}");
    assert_eq!(text.matches("<path").count(), 2);
}
