use super::*;

fn outcome(text: &str, name: &str, change: impl FnOnce(&mut ImportArgs)) -> Result<Outcome, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    let mut args = ImportArgs { file, dialect: None, output: None, style: OutputArgs::default() };
    change(&mut args);
    import(&args)
}

#[test]
fn the_new_file_is_the_output_and_the_report_stands_aside() {
    let outcome = outcome("pool pool.example iburst\nmakestep 1 3\n", "chrony.conf", |_| {}).unwrap();
    assert_eq!(outcome.status, OK, "{}", outcome.remarks);
    truechimer_config::parse(&outcome.text, "").unwrap();
    assert!(outcome.remarks.contains("   1  kept     pool pool.example iburst\n"), "{}", outcome.remarks);
    assert!(outcome.remarks.ends_with("(chrony): 2 kept.\n"), "{}", outcome.remarks);
}

#[test]
fn the_status_tells_what_is_lost_and_what_is_wrong() {
    let lost = outcome("server a.example\nhwtimestamp *\n", "chrony.conf", |_| {}).unwrap();
    assert_eq!(lost.status, FAILED);
    assert!(lost.remarks.contains("not yet") && !lost.text.is_empty());
    let wrong = outcome("server a.example ibrust\n", "chrony.conf", |_| {}).unwrap();
    assert_eq!((wrong.status, wrong.text.as_str()), (USAGE, ""));
    assert!(wrong.remarks.contains("did you mean `iburst`?"));
    let nobody = outcome("hello\n", "x", |_| {}).unwrap_err();
    assert_eq!((nobody.status, nobody.code.as_str()), (USAGE, "usage"));
    let missing = outcome("", "x", |args| args.file = "/nonexistent/x".into()).unwrap_err();
    assert_eq!(missing.status, USAGE);
}

#[test]
fn the_dialect_can_be_said() {
    let outcome = outcome("ntp server 192.0.2.1\n", "x", |args| args.dialect = Some("cisco".into())).unwrap();
    assert_eq!(outcome.status, OK, "{}", outcome.remarks);
}

#[test]
fn a_machine_gets_one_object() {
    let outcome =
        outcome("server a.example\nallow\n\n", "chrony.conf", |args| args.style.json = true).unwrap();
    let told: serde_json::Value = serde_json::from_str(&outcome.text).unwrap();
    assert_eq!((told["dialect"].as_str(), told["usable"].as_bool()), (Some("chrony"), Some(true)));
    assert_eq!(told["lines"].as_array().unwrap().len(), 3, "every line is there");
    assert_eq!(told["lines"][1]["verdict"], "kept");
    assert_eq!(told["lines"][1]["dangers"].as_array().unwrap().len(), 1);
    assert!(outcome.remarks.is_empty());
}

#[test]
fn the_new_file_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chimer.toml");
    let written =
        outcome("server a.example\n", "chrony.conf", |args| args.output = Some(path.clone())).unwrap();
    assert_eq!((written.status, written.text.as_str()), (OK, ""));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(truechimer_config::parse(&text, "").is_ok() && written.remarks.contains("Written: "));
    let wrong =
        outcome("severe\n", "chrony.conf", |args| args.output = Some(folder.path().join("no"))).unwrap();
    assert!(wrong.status == USAGE && !folder.path().join("no").exists());
}

#[test]
fn a_file_without_a_source_is_not_passed_over_in_silence() {
    let outcome = outcome("makestep 1 3\n", "chrony.conf", |_| {}).unwrap();
    assert!(outcome.remarks.contains("There is no source in it"), "{}", outcome.remarks);
}
