use super::*;

const TEXT: Style = Style { json: false, paint: Paint(false) };

fn args(name: &str) -> WorldArgs {
    WorldArgs { name: name.into(), seed: 3, plot: None, quiet: true, output: OutputArgs { json: false } }
}

#[test]
fn worlds_are_listed_and_can_be_run() {
    let text = list(TEXT).unwrap().text;
    for world in all_worlds() {
        assert!(text.contains(world.name) && text.contains(world.about), "{}", world.name);
        assert!(truechimer_sim::find(world.name).is_some());
    }
}

#[test]
fn an_unknown_world_is_a_usage_error() {
    assert_eq!(world(&args("utopia\u{1b}"), TEXT).unwrap_err().status, crate::outcome::USAGE);
}

#[test]
fn a_run_is_told_and_repeats() {
    let first = world(&args("start"), TEXT).unwrap();
    for word in ["Time error", "Invariants", "seed 3"] {
        assert!(first.text.contains(word), "{}", first.text);
    }
    assert_eq!(first, world(&args("start"), TEXT).unwrap());
    let json = world(&args("start"), Style { json: true, ..TEXT }).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json.text).unwrap();
    assert_eq!(value["world"], "start");
    assert_eq!(value["seed"], 3);
    assert!(value["rms_time_s"].as_f64().is_some());
}
