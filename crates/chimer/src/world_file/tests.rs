use truechimer_config::format::keys_markdown;
use truechimer_sim::link::{DelayLaw, Shape, Window};

use super::*;

fn good(text: &str) -> WorldFile {
    parse(text.as_bytes(), "w.toml").unwrap_or_else(|found| panic!("{}", found[0].render(false)))
}

/// The findings, a line each.
fn bad(text: &str) -> String {
    let found = parse(text.as_bytes(), "w.toml").expect_err("a faulty file");
    found.iter().map(|finding| format!("{finding}\n")).collect()
}

#[test]
fn the_smallest_file_is_a_whole_world() {
    let WorldFile { scenario, seed } =
        good("[world]\nlength = '1d'\n[[server]]\ndelay = { base = '10ms', jitter = '1ms' }\n");
    assert_eq!((scenario.length_s, seed, scenario.servers.len()), (86_400.0, 1, 1));
    let host = &scenario.hosts[0];
    assert_eq!((host.offset_s, host.oscillator.frequency, host.oscillator.wander), (10e-3, 1e-5, 1e-9));
    assert_eq!(host.paths[0].link.up, DelayLaw::exponential(10e-3, 1e-3));
    assert_eq!(host.paths[0].link.down, host.paths[0].link.up);
}

#[test]
fn every_key_of_its_own_arrives() {
    let file = good(
        "
[world]
length = '2d'
seed = 7
[oscillator]
offset = '-0.5s'
frequency = '-25ppm'
wander = 2e-10
noise = '2ppb'
sines = [{ amplitude = '1ppm', period = '1d' }]
jumps = [{ at = '1h', by = '0.5ppm' }]
ramps = [{ from = '2h', until = '3h', by = '-2ppm' }]
[stamps]
noise = '5us'
by = 'user'
lag = '50us'
[clock]
step = 'never'
control = false
[selection]
min_sources = 2
[reference]
interval = '16s'
noise = '100ns'
[[server]]
up = { base = '10ms', jitter = '1ms', law = 'pareto', shape = 2 }
down = { base = '11ms', jitter = '2ms', law = 'congested', queue = 0.7, wait = '3ms' }
loss = 0.3
duplicate = 0.01
outages = [{ from = '5h', until = '6h' }]
routes = [{ at = '7h', up = '2ms' }, { at = '8h', down = '-1ms' }]
wrong = '50ms'
creep = { from = '1h', until = '2h', rate = '1ppm' }
silent = [{ from = '9h', until = '10h' }]
stratum = 2
root_delay = '20ms'
stamp_noise = '1us'
poll = { min = 4, max = 6 }
noselect = true
",
    );
    let host = &file.scenario.hosts[0];
    let window = |from_h: f64, until_h: f64| Window { from_s: from_h * 3600.0, until_s: until_h * 3600.0 };
    assert_eq!((file.seed, host.offset_s, host.oscillator.wander), (7, -0.5, 2e-10));
    assert!(
        (host.oscillator.frequency + 25e-6).abs() < 1e-18 && (host.oscillator.white - 2e-9).abs() < 1e-20
    );
    assert_eq!(host.oscillator.sines[0].period_s, 86_400.0);
    assert_eq!((host.oscillator.jumps[0].at_s, host.oscillator.ramps[0].until_s), (3600.0, 10_800.0));
    assert!((host.stamps.stated_error_s - 35e-6).abs() < 1e-12 && host.stamps.lag_s == 50e-6);
    assert_eq!((host.clock.step.first, host.controls_clock, host.selection.min_sources), (Some(0), false, 2));
    assert_eq!(host.reference.as_ref().unwrap().interval_s, 16.0);
    let (link, server) = (&host.paths[0].link, &file.scenario.servers[0]);
    assert_eq!(link.up.shape, Shape::Pareto(2.0));
    assert_eq!(link.down.shape, Shape::Congested { probability: 0.7, wait_s: 3e-3 });
    assert_eq!((link.loss, link.duplicate, &link.outages[..]), (0.3, 0.01, &[window(5.0, 6.0)][..]));
    assert_eq!((link.changes[0].up_s, link.changes[1].down_s), (2e-3, -1e-3));
    assert_eq!((server.offset_s, server.stratum, server.root_delay_s), (50e-3, 2, 20e-3));
    assert_eq!(server.creep.unwrap().window, window(1.0, 2.0));
    assert_eq!(server.moods[0].0, window(9.0, 10.0));
    assert!((server.root_dispersion_s - (1.0 / 65_536.0 + 7e-6)).abs() < 1e-12);
    let options = &host.paths[0].options;
    assert!((options.min_poll.exponent(), options.max_poll.exponent(), options.noselect) == (4, 6, true));
}

#[test]
fn faults_are_all_told_with_their_places_and_what_to_write() {
    let found = bad("
[world]
lenght = '1d'
[oscillator]
frequency = '25'
wander = 1.0
sines = [{ amplitude = '1ppm' }]
[[server]]
delay = { base = '10ms', jitter = '1ms', law = 'paretto' }
outages = [{ from = '2h', until = '1h' }]
poll = 6
[[servers]]
[[server]]
up = { base = '10ms', shape = 2 }
latency = '3ms'
");
    for line in [
        "w.toml:3:1: error[C010]: [world] has no key `lenght`; did you mean `length`?",
        "w.toml:2:1: error[C012]: [world] needs `length`; write length = \"2d\"",
        "w.toml:5:13: error[C022]: `frequency` has no unit; write \"25ppm\"",
        "w.toml:6:10: error[C020]: `wander` must be a number from 0 to 0.000001",
        "w.toml:7:10: error[C012]: `sines` of [oscillator] needs `period`",
        "w.toml:9:48: error[C023]:",
        "did you mean \"pareto\"?",
        "w.toml:10:35: error[C043]: `until` is not after `from`",
        "w.toml:11:8: error[C011]:",
        "w.toml:12:3: error[C010]: there is no section `servers`; did you mean [[server]]?",
        "w.toml:14:6: error[C012]: [[server]] has `up` without `down`",
        "w.toml:14:31: error[C043]: `shape` means nothing with the law \"exponential\"",
        "w.toml:15:1: error[C010]: [[server]] has no key `latency`; write `delay = ",
    ] {
        assert!(found.contains(line), "{line}\nis not in\n{found}");
    }
}

#[test]
fn an_empty_file_says_what_a_world_needs() {
    let found = bad("");
    assert!(found.contains("there is no [world]") && found.contains("nothing in this world knows the time"));
    assert!(bad("[clock]\nfrequency_file = '/x'").contains("[clock] has no key `frequency_file`"));
    let found = bad("[world]\nlength = '1d'\n[[server]]\nloss = 1.5");
    assert!(found.contains("[[server]] needs `delay`") && found.contains("from 0 to 1"), "{found}");
    assert!(parse(b"\xff", "w.toml").unwrap_err()[0].to_string().contains("UTF-8"));
}

#[test]
fn the_examples_of_keys_are_legal() {
    let server = "[[server]]\ndelay = { base = '1ms' }\n";
    for key in keys::own().filter(|key| !key.name.contains('.')) {
        let head = match key.section {
            "world" if key.name == "length" => String::new(),
            "world" => "length = '1d'\n".into(),
            "server" if key.name == "delay" => String::new(),
            "server" if key.name == "up" => "down = { base = '1ms' }\n".into(),
            "server" if key.name == "down" => "up = { base = '1ms' }\n".into(),
            "server" => "delay = { base = '1ms' }\n".into(),
            _ => String::new(),
        };
        let section =
            if key.section == "server" { "[[server]]".into() } else { format!("[{}]", key.section) };
        let mut text = format!("{section}\n{head}{} = {}\n", key.name, key.example);
        if key.section != "world" {
            text.insert_str(0, "[world]\nlength = '2d'\n");
        }
        if key.section != "server" {
            text.push_str(server);
        }
        good(&text);
    }
}

/// `UPDATE_DOCS=1 cargo test -p chimer world_file` writes the manual anew.
#[test]
fn the_manual_has_every_key() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/simulator.md");
    let manual = std::fs::read_to_string(&path).unwrap();
    let mark = manual.find("<!-- keys: ").unwrap();
    let start = mark + manual[mark..].find('\n').unwrap() + 1;
    let end = start + manual[start..].find("<!-- end of keys -->").unwrap();
    let mut generated = manual.clone();
    generated.replace_range(start..end, &format!("\n{}\n", keys_markdown(&WORLD).trim_end()));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    } else {
        assert!(manual == generated, "docs/simulator.md is out of date: run with UPDATE_DOCS=1");
    }
}
