use super::*;

const TEXT: Style = Style { json: false, paint: Paint(false) };

fn args(worlds: &[&str]) -> ScoreArgs {
    ScoreArgs {
        seeds: Some(2),
        seed: Some(5),
        world: worlds.iter().map(|world| (*world).to_owned()).collect(),
        plot: None,
        threads: None,
        quiet: true,
        output: OutputArgs { json: false },
    }
}

#[test]
fn seeds_are_counted_from_the_first() {
    let seeds = |seeds, seed| ScoreArgs { seeds, seed, ..args(&[]) }.seeds();
    assert_eq!(seeds(None, None), [1, 2, 3]);
    assert_eq!(seeds(None, Some(9)), [9]);
    assert_eq!(seeds(Some(2), None), [1, 2]);
    assert_eq!(seeds(Some(2), Some(9)), [9, 10]);
}

#[test]
fn an_unknown_world_is_a_usage_error() {
    assert_eq!(score(&args(&["start", "utopia"]), TEXT).unwrap_err().status, crate::outcome::USAGE);
    assert_eq!(args(&[]).worlds().unwrap().len(), truechimer_sim::worlds().len());
}

#[test]
fn a_scoreboard_is_told_and_is_one_object() {
    let told = score(&args(&["start", "pps w1e-9"]), TEXT).unwrap();
    for word in ["start", "pps w1e-9", "Geometric mean", "over 1 world", "seeds 5 to 6", "0.78"] {
        assert!(told.text.contains(word), "{word}: {}", told.text);
    }
    let json = score(&args(&["start", "pps w1e-9"]), Style { json: true, ..TEXT }).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json.text).unwrap();
    assert_eq!(value["seeds"], serde_json::json!([5, 6]));
    assert_eq!(value["worlds"][0]["world"], "start");
    assert!(value["worlds"][0]["ratio_time"].is_null());
    for field in ["rms_time_s", "ratio_time", "packets", "settle_s", "bound_violations"] {
        assert!(value["worlds"][1][field].is_number(), "{field}");
    }
    assert!(value["geometric_mean"].is_number());
    assert_eq!(json.status, told.status);
}

#[test]
fn one_world_can_be_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let plot = Some(folder.path().join("start.svg"));
    score(&ScoreArgs { plot: plot.clone(), ..args(&["start"]) }, TEXT).unwrap();
    let picture = std::fs::read_to_string(plot.as_ref().unwrap()).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("seed 5"), "{picture}");
    let two = ScoreArgs { plot, ..args(&["start", "pps w1e-9"]) };
    assert_eq!(score(&two, TEXT).unwrap_err().status, crate::outcome::USAGE);
    let nowhere = ScoreArgs { plot: Some(folder.path().join("a/b.svg")), ..args(&["start"]) };
    assert_eq!(score(&nowhere, TEXT).unwrap_err().code, "io");
}

#[test]
fn the_exit_status_is_the_verdict() {
    let mut board = Scoreboard::new(&[], &[1], &[]);
    assert!(verdict(&board).contains("Every goal is met"));
    board.met = false;
    assert!(verdict(&board).contains("geometric mean"));
}
