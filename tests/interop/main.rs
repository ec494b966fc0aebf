//! `chimerd` against Debian's `chronyd`, `ntpd` (NTPsec) and `openntpd`, as their client and as their server, over
//! IPv4 and IPv6, with symmetric keys, with NTS and without, in network namespaces, and Debian's `chronyc` and `ntpq` at our doors.
//! No clock is touched: nobody has `CAP_SYS_TIME`, we only observe.

mod chronyc;
mod keys;
mod ntpq;
mod nts;
mod ours;
mod peers;
mod starts;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use peers::{CHRONY, Key, NTPSEC, OPENNTPD, Peer};
use truechimer_tests::layer::{Need, trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Each test mostly waits for polls: more of them at once than there are cores.
    arguments.test_threads.get_or_insert(20);
    let mut trials = Vec::new();
    for peer in [CHRONY, NTPSEC, OPENNTPD] {
        for v6 in [false, true] {
            trials.push(scenario("ours_is_client_of", peer, v6, peers::serve_us));
            trials.push(scenario("ours_is_server_of", peer, v6, peers::served_by_us));
        }
    }
    for (peer, key, v6, version) in keys::combinations() {
        trials.push(keyed("ours_is_client_of", peer, key, v6, version, keys::serve_us));
        trials.push(keyed("ours_is_server_of", peer, key, v6, version, keys::served_by_us));
    }
    for peer in [CHRONY, NTPSEC] {
        trials.push(scenario("another_key_than_that_of", peer, false, keys::refuses_us));
    }
    trials.extend(nts::trials());
    type Run = fn() -> Result<(), String>;
    let with_chronyc: [(&str, Run); 4] = [
        ("chronyd_and_ours_under_its_name_start_and_end_alike", starts::alike),
        ("chronyc_lists_the_clients_of_ours_as_those_of_chronyd", chronyc::clients),
        ("chronyc_may_only_look_over_udp", chronyc::over_udp),
        ("a_reader_of_chronys_layout_reads_ours", chronyc::a_reader_of_the_layout),
    ];
    let needs_ntpq: Vec<Need> = needs(CHRONY).into_iter().chain([ntpq::need()]).collect();
    trials.push(trial("ntpq_looks_at_ours_on_the_same_machine_only", &needs_ntpq, ntpq::looks_at_ours));
    trials.push(trial("ntpq_lists_the_clients_of_ours", &needs_ntpq, ntpq::lists_clients));
    for (version, release) in [("4_3", chronyc::CHRONY_4_3), ("4_6_1", chronyc::CHRONY_4_6)] {
        let needs: Vec<Need> = needs(CHRONY).into_iter().chain(release.needs()).collect();
        let name = format!("chronyc_{version}_gets_the_same_from_ours_as_from_chronyd");
        trials.push(trial(name, &needs, move || chronyc::all_commands(release)));
    }
    trials.extend(with_chronyc.into_iter().map(|(name, run)| trial(name, &needs(CHRONY), run)));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn scenario(name: &str, peer: Peer, v6: bool, run: fn(Peer, bool) -> Result<(), String>) -> Trial {
    let family = if v6 { "ipv6" } else { "ipv4" };
    trial(format!("{name}_{}_over_{family}", peer.name), &needs(peer), move || run(peer, v6))
}

fn keyed(name: &str, peer: Peer, key: Key, v6: bool, version: u8, run: keys::Run) -> Trial {
    let family = if v6 { "ipv6" } else { "ipv4" };
    let name = format!("{name}_{}_with_{}_over_{family}_v{version}", peer.name, key.name);
    trial(name, &needs(peer), move || run(peer, key, v6, version))
}

fn needs(peer: Peer) -> [Need; 6] {
    [
        Need::root(),
        Need::program("ip"),
        Need::program("setpriv"),
        Need::program("cc"),
        Need::fetched(peer.daemon),
        Need::fetched(CHRONY.daemon),
    ]
}
