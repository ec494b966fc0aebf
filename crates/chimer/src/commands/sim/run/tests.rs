use super::*;

const TEXT: Style = Style { json: false, paint: crate::table::Paint(false) };

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/worlds")
}

fn args(file: PathBuf) -> RunArgs {
    RunArgs { file, seed: None, plot: None, quiet: true, output: OutputArgs { json: false } }
}

fn json(file: &str) -> serde_json::Value {
    let told = run(&args(examples().join(file)), Style { json: true, ..TEXT }).unwrap();
    assert_eq!(told.status, crate::outcome::OK, "{}", told.text);
    serde_json::from_str(&told.text).unwrap()
}

#[test]
fn every_sample_world_runs_and_keeps_the_invariants() {
    let files: Vec<PathBuf> =
        std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 5);
    for file in files {
        let told = run(&args(file.clone()), TEXT).unwrap();
        assert_eq!(told.status, crate::outcome::OK, "{}\n{}", file.display(), told.text);
        for words in ["Time error", "Median bound", "What happened", "synchronised", "Sources at the end"] {
            assert!(told.text.contains(words), "{words} of {}\n{}", file.display(), told.text);
        }
    }
}

#[test]
fn a_liar_is_found_and_named() {
    let told = json("liar.toml");
    assert_eq!(told["run"]["seed"], 3);
    assert_eq!(told["run"]["report"]["sources"][0]["state"], "falseticker");
    let said = |words: &str| {
        let happenings = told["happenings"].as_array().unwrap();
        happenings.iter().any(|happening| happening["what"].as_str().unwrap().contains(words))
    };
    assert!(said("192.0.2.1 disagrees with the majority"), "{}", told["happenings"]);
}

#[test]
fn the_seed_of_the_command_line_goes_first() {
    let file = examples().join("liar.toml");
    let told = run(&RunArgs { seed: Some(9), ..args(file.clone()) }, TEXT).unwrap();
    assert!(told.text.contains("seed 9"));
    assert_eq!(told, run(&RunArgs { seed: Some(9), ..args(file) }, TEXT).unwrap());
}

#[test]
fn a_faulty_file_is_refused_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.toml");
    std::fs::write(&file, "[world]\nlenght = '1d'\n").unwrap();
    let told = run(&args(file.clone()), TEXT).unwrap();
    assert_eq!(told.status, USAGE);
    assert!(told.text.contains("did you mean `length`?") && told.text.contains("cannot be run: 3 errors"));
    let told = run(&args(file), Style { json: true, ..TEXT }).unwrap();
    let value: serde_json::Value = serde_json::from_str(&told.text).unwrap();
    assert_eq!(value["findings"][2]["rule"], "C010");
    let told = run(&args(folder.path().join("none.toml")), TEXT).unwrap();
    assert!(told.status == USAGE && told.text.contains("cannot read the file"));
}

#[test]
fn a_majority_of_liars_breaks_the_bound_and_the_run_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lost.toml");
    let liar = "[[server]]\ndelay = { base = '10ms', jitter = '1ms' }\nwrong = '500ms'\n";
    std::fs::write(&file, format!("[world]\nlength = '1h'\n{liar}")).unwrap();
    let plot = folder.path().join("lost.svg");
    let told = run(&RunArgs { plot: Some(plot.clone()), ..args(file) }, TEXT).unwrap();
    assert_eq!(told.status, crate::outcome::FAILED);
    assert!(told.text.contains("I1 broken") && told.text.contains("lost.toml --seed 1"), "{}", told.text);
    assert!(std::fs::read_to_string(plot).unwrap().contains("error beyond the bound"));
}
