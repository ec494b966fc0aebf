//! The names that scripts rely on. A change here is a change for every user: it goes into the changelog.

use std::collections::BTreeSet;

use serde_json::Value;

use super::report::{show_activity, show_sources, show_stats, show_status};
use crate::outcome::{Failure, Style};
use crate::render::fixtures;
use crate::table::Paint;

const JSON: Style = Style { json: true, paint: Paint(false) };

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn json(text: Result<String, Failure>) -> Value {
    let text = text.unwrap();
    assert!(text.ends_with("}\n") && text.starts_with('{'), "one object");
    serde_json::from_str(&text).unwrap()
}

#[track_caller]
fn has(value: &Value, wanted: &[&str]) {
    let names = names(value);
    for name in wanted {
        assert!(names.contains(name), "{name} is gone from {names:?}");
    }
}

#[test]
fn names_of_status() {
    let value = json(show_status(&fixtures::report(), JSON));
    has(
        &value,
        &[
            "synchronised",
            "reason",
            "warnings",
            "leap",
            "stratum",
            "reference_id",
            "system_peer",
            "time_unix_s",
            "last_update_age_s",
            "offset_s",
            "offset_sd_s",
            "bound_s",
            "frequency_ppm",
            "frequency_sd_ppm",
            "slew_ppm",
            "slew_remaining_s",
            "root_delay_s",
            "root_dispersion_s",
            "max_distance_s",
            "updates",
            "steps",
            "stepped_total_s",
            "controls_clock",
            "local_reference",
            "server",
        ],
    );
    has(&value["server"], &["received", "answered", "dropped"]);
    has(
        &value["key_exchange"],
        &["open", "accepted", "exchanged", "failed", "certificate_unix_s", "cookie_key"],
    );
    assert_eq!(json(show_status(&fixtures::starting(), JSON))["bound_s"], Value::Null);
}

#[test]
fn names_of_sources() {
    let value = json(show_sources(&fixtures::report(), false, JSON));
    assert_eq!(names(&value), BTreeSet::from(["sources"]));
    has(
        &value["sources"][0],
        &[
            "name",
            "address",
            "kind",
            "state",
            "reason",
            "reach",
            "stratum",
            "leap",
            "reference_id",
            "poll",
            "last_sample_age_s",
            "last_offset_s",
            "last_delay_s",
            "offset_s",
            "offset_sd_s",
            "frequency_ppm",
            "root_distance_s",
            "interval_s",
            "jitter_s",
            "base_delay_s",
            "samples",
            "stamps",
            "sent",
            "accepted",
            "dropped",
            "options",
        ],
    );
    let states: Vec<&str> =
        value["sources"].as_array().unwrap().iter().map(|source| source["state"].as_str().unwrap()).collect();
    assert_eq!(
        states,
        [
            "system_peer",
            "survivor",
            "outlier",
            "falseticker",
            "rejected",
            "no_select",
            "unreachable",
            "offline",
            "resolving",
            "stopped"
        ]
    );
    assert_eq!(value, json(show_sources(&fixtures::report(), true, JSON)), "verbose is for people");
}

#[test]
fn names_of_stats_and_activity() {
    let value = json(show_stats(&fixtures::report(), JSON));
    has(
        &value["sources"][0],
        &[
            "name",
            "address",
            "state",
            "samples",
            "frequency_ppm",
            "offset_s",
            "offset_sd_s",
            "jitter_s",
            "base_delay_s",
            "last_delay_s",
            "root_distance_s",
            "sent",
            "accepted",
            "dropped",
        ],
    );
    has(
        &json(show_activity(&fixtures::report(), JSON)),
        &["online", "selected", "falsetickers", "unreachable", "offline", "resolving", "stopped", "total"],
    );
    let clients = json(super::clients::show(&fixtures::clients(), JSON));
    has(&clients, &["known", "clients"]);
    let wanted = ["address", "requests", "dropped", "authenticated", "first_age_s", "last_age_s"];
    has(&clients["clients"][0], &wanted);
    has(&clients["clients"][0], &["interval_s", "limited_interval_s", "port", "version", "mode"]);
}
