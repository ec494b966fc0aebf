//! A machine's real clock, safely: a guest machine in QEMU starts 2 s and 80 ppm wrong and `chimerd` disciplines its
//! kernel's clock.
//!
//! The server is [`server::Server`], whose time law the test knows; the state of the kernel is read with BusyBox's
//! `adjtimex`, which we did not write. The guest's clock source is the ACPI timer, whose rate is exactly the host's
//! under emulation, so that the frequency error is all the server's doing.
//!
//! Another guest boots a Debian with systemd and our package ([`units`]).

mod machine;
mod scenario;
mod server;
mod units;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use truechimer_tests::layer::{Need, trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let needs = [
        Need::program("qemu-system-x86_64"),
        Need::program("busybox"),
        Need::program("cpio"),
        Need::fetched("kernel/.complete"),
    ];
    let systemd = [
        Need::program("qemu-system-x86_64"),
        Need::program("cpio"),
        Need::program("dpkg-deb"),
        Need::fetched("kernel/.complete"),
        Need::fetched(units::ROOT),
        Need::root(),
    ];
    let trials = vec![
        trial("at_34_kernel_clock_is_steered_and_honest", &needs, scenario::lifecycle),
        trial("o9_systemd_runs_every_role_in_a_unit_of_its_own", &systemd, units::roles),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
