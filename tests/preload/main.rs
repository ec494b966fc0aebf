//! The daemon with its libc calls answered by somebody else.
//!
//! Time daemons are tested in simulated networks: a library that is loaded before libc plays the clocks, the sockets and
//! the other hosts. This is such a library (in C, beside this file) and what must hold under it. It plays a machine whose
//! clock and oscillator are wrong, a network with jitter, loss and outages, and honest servers and others; an hour passes in
//! milliseconds. It says how right the clock was kept. It ends a program that makes a call that is not on the list in the manual of `truechimer-sys`, through
//! libc or past it, and it checks at every moment that what the kernel tells everybody of its clock is true.
//!
//! The machine's own clock is out of reach three times over: the calls that would set it go to the library, a filter in
//! the kernel kills the process that makes them directly, and the privilege is dropped.

mod scenario;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use truechimer_tests::layer::{Need, trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let needs = [Need::program("cc")];
    let trials = vec![
        trial("at_34_stepped_in_2010_and_honest", &needs, scenario::stepped),
        trial("at_30_slewed_across_the_era_of_2036", &needs, scenario::slewed),
        trial("at_31_kept_across_2038", &needs, scenario::fast),
        trial("accurate_in_a_local_network", &needs, scenario::lan),
        trial("accurate_over_a_wide_area", &needs, scenario::wide_area),
        trial("accurate_with_servers_of_all_kinds", &needs, scenario::mixed_servers),
        trial("control_sockets_are_caught", &needs, scenario::control_sockets_are_caught),
        trial("helper_processes_are_caught", &needs, scenario::helper_processes_are_caught),
        trial("calls_past_libc_are_caught", &needs, scenario::raw_calls_are_caught),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
