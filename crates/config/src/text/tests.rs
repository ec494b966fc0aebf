use super::*;

#[test]
fn quoted_text_is_short_and_harmless() {
    assert_eq!(quote("poll"), "`poll`");
    assert_eq!(quote("a\u{1b}[31mb\nc"), "`a\\u{1b}[31mb\\nc`");
    assert_eq!(quote("say \"hi\""), "`say \"hi\"`");
    assert_eq!(quote(&"x".repeat(61)), format!("`{}…`", "x".repeat(60)));
}

#[test]
fn the_nearest_word_is_found_if_it_is_near() {
    let keys = ["server", "pool", "size", "port", "poll", "prefer", "max_delay", "max_delay_ratio"];
    for (typed, meant) in [
        ("pol", Some("poll")),
        ("polls", Some("poll")),
        ("poool", Some("pool")),
        ("sever", Some("server")),
        ("Prefer", Some("prefer")),
        ("max-delay", Some("max_delay")),
        ("maxdelay", Some("max_delay")),
        ("prot", Some("port")),
        ("colour", None),
        ("x", None),
        ("", None),
    ] {
        assert_eq!(nearest(typed, keys), meant, "{typed}");
    }
    assert_eq!(nearest("min", ["max"]), None);
    assert_eq!(nearest(&"poll".repeat(1000), keys), None);
}
