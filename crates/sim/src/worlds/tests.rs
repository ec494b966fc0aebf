use super::*;
use crate::link::Shape;

#[test]
fn every_world_has_a_name_of_its_own_and_is_found_by_it() {
    for world in worlds().iter().chain(hostile_worlds()) {
        assert!(std::ptr::eq(find(world.name).unwrap(), world), "{}", world.name);
        let scenario = (world.scenario)();
        assert!(!scenario.hosts.is_empty() && scenario.length_s >= 20_000.0, "{}", world.name);
    }
    assert!(find("no such world").is_none());
}

#[test]
fn the_laws_are_those_of_the_table() {
    let parts = |name: &str| {
        let scenario = (find(name).unwrap().scenario)();
        let link = scenario.hosts[0].paths[0].link.clone();
        (scenario.hosts[0].oscillator.wander, scenario.length_s, link.up, link.down)
    };
    let exponential = |base_s, scale_s| DelayLaw { base_s, scale_s, shape: Shape::Exponential };
    use crate::link::DelayLaw;
    let (lan, inet1) = (exponential(50e-6, 10e-6), exponential(10e-3, 1e-3));
    assert_eq!(parts("lan w1e-10 p6"), (1e-10, 1e5, lan, lan));
    assert_eq!(parts("lan w1e-8 p6"), (1e-8, 1e5, lan, lan));
    assert_eq!(parts("lan w1e-9 def"), (1e-9, 4e5, lan, lan));
    assert_eq!(parts("inet1 w1e-9 p6"), (1e-9, 2e5, inet1, inet1));
    assert_eq!(parts("asymjit p6"), (1e-9, 2e5, inet1, exponential(10e-3, 50e-6)));
    assert_eq!(parts("start"), (1e-9, 2e4, exponential(1e-3, 100e-6), exponential(1e-3, 100e-6)));
}

#[test]
fn the_repeating_command_names_world_and_seed() {
    assert!(repeat("lan w1e-9 p6", 7).ends_with(" 'lan w1e-9 p6' --seed 7"));
}

#[test]
fn the_figure_of_the_outage_is_scaled_to_the_walk_of_the_oscillator() {
    let chrony = find("outage p6").unwrap().chrony.unwrap();
    assert_eq!(chrony.rms_time(None), Some(1.27e-4));
    assert!((chrony.rms_time(Some(8.89e-5)).unwrap() / 1.27e-4 - 1.0).abs() < 1e-12);
    assert!((chrony.rms_time(Some(2.0 * 8.89e-5)).unwrap() / 2.54e-4 - 1.0).abs() < 1e-12);
    let lan = find("lan w1e-9 p6").unwrap().chrony.unwrap();
    assert_eq!(lan.rms_time(None), lan.rms_time_s);
}
