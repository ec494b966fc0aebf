//! The same with NTS: keys are exchanged, cookies come back, and time is believed by its seal. The server is known by a name
//! in `/etc/hosts` of its namespace, with a certificate that the test makes.

mod peers;
mod scenario;
mod site;

use libtest_mimic::Trial;
use truechimer_tests::layer::{Need, trial};

use peers::{CHRONY, CHRONY_GCM, CHRONY_SIV, NTPD_RS, NTPSEC_NTS, Peer};

/// All trials.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for peer in [CHRONY, CHRONY_GCM, NTPSEC_NTS, NTPD_RS] {
        for v6 in [false, true] {
            trials.push(with("ours_is_nts_client_of", peer, v6, scenario::serve_us));
            trials.push(with("ours_is_nts_server_of", peer, v6, scenario::served_by_us));
        }
        trials.push(with("at_20_ours_believes_no_stranger", peer, false, scenario::strange_to_us));
        trials.push(with("at_20_we_are_a_stranger_to", peer, false, scenario::strange_to_them));
        trials.push(with(
            "na_15_ours_gets_over_the_lost_keys_of",
            peer,
            false,
            scenario::they_lose_their_keys,
        ));
        trials.push(with("at_22_our_lost_keys_are_got_over_by", peer, true, scenario::we_lose_our_keys));
        trials.push(with("our_key_exchange_sends_elsewhere", peer, false, scenario::sent_elsewhere_by_us));
    }
    trials.push(with("ours_is_nts_client_of", CHRONY_SIV, false, scenario::serve_us));
    for peer in [CHRONY, CHRONY_GCM, NTPD_RS] {
        trials.push(with("ours_is_sent_elsewhere_by", peer, false, scenario::sent_elsewhere_by_them));
    }
    for (roles, v6) in [("inline", false), ("process", false), ("process", true)] {
        let name = format!("ours_is_nts_client_of_ours_{roles}_over_{}", family(v6));
        trials.push(trial(name, &needs(Vec::new()), move || scenario::among_ourselves(roles, v6)));
    }
    trials.push(trial(
        "ours_is_nts_client_of_several_threads_of_ours",
        &needs(Vec::new()),
        scenario::served_by_threads,
    ));
    trials
}

fn with(name: &str, peer: Peer, v6: bool, run: fn(Peer, bool) -> Result<(), String>) -> Trial {
    let name = format!("{name}_{}_over_{}", peer.name, family(v6));
    trial(name, &needs((peer.needs)()), move || run(peer, v6))
}

fn family(v6: bool) -> &'static str {
    if v6 { "ipv6" } else { "ipv4" }
}

fn needs(more: Vec<Need>) -> Vec<Need> {
    let mut needs = vec![Need::root()];
    needs.extend(["ip", "setpriv", "unshare"].map(Need::program));
    needs.extend(more);
    needs
}
