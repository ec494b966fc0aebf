use super::*;

const COLUMNS: [Column; 2] = [
    Column { key: "rate_hz", heading: "answers/s", decimals: 0 },
    Column { key: "rtt_s", heading: "RTT s", decimals: 1 },
];

fn rows(name: &str, rounds: &[[f64; 2]]) -> Rows {
    Rows { name: name.into(), rounds: rounds.iter().map(|round| round.to_vec()).collect() }
}

#[test]
fn medians_of_odd_even_and_no_rounds() {
    let odd = rows("a", &[[3.0, 1.0], [1.0, f64::NAN], [2.0, 3.0]]);
    assert_eq!((odd.median(0), odd.median(1)), (2.0, 2.0));
    assert_eq!(rows("b", &[[3.0, 0.0], [1.0, 0.0]]).median(0), 2.0);
    assert!(rows("c", &[]).median(0).is_nan());
}

#[test]
fn the_table_and_the_json_tell_the_same() {
    let all = [rows("ours", &[[300.0, 0.5]]), rows("theirs", &[[200.0, 1.0]])];
    let table = report(&COLUMNS, &all, 1, false);
    let ours = table.lines().nth(1).unwrap();
    assert_eq!(ours.split_whitespace().collect::<Vec<_>>(), ["ours", "300", "1.50", "0.5"]);
    assert!(table.starts_with("server") && table.contains("vs theirs"));
    let json: Value = serde_json::from_str(&report(&COLUMNS, &all, 1, true)).unwrap();
    assert_eq!(json["servers"][0]["ratio"], 1.5);
    assert_eq!(json["servers"][1]["rate_hz_rounds"], json!([200.0]));
}
