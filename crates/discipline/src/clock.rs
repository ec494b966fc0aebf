//! The system clock as something that can be steered: what can be asked of it, whoever plays its part.

use truechimer_time::{Cooked, Frequency, Leap, Now, NtpDuration};

/// One order to the system clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClockCommand {
    /// Run at this rate from now on, relative to the free-running oscillator. It includes any slew in
    /// progress.
    SetFrequency(Frequency),
    /// Jump by this much, now.
    Step(NtpDuration),
    /// Tell the kernel, and so every program on the machine, how good the clock is.
    SetStatus(ClockStatus),
}

/// What the kernel is told about the quality of its clock (`adjtimex`: status, maxerror, esterror, tai).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockStatus {
    /// Whether the clock is synchronised: `STA_UNSYNC` is its absence.
    pub synchronised: bool,
    /// Bound on the error in seconds (the kernel lets it grow by 500 ppm by itself).
    pub max_error_s: f64,
    /// One-sigma estimate of the error in seconds.
    pub est_error_s: f64,
    /// The announced leap second, for the kernel to carry out; `None` outside the day of the event.
    pub leap: Leap,
    /// TAI − UTC in seconds, if known.
    pub tai_offset: Option<i32>,
}

/// What became of a command. The engine changes its picture of the clock only by these.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClockResult {
    /// The rate that was really set (clocks have a resolution) and the clock's reading at that moment.
    FrequencySet {
        /// Reading of the clock when the rate changed.
        at: Cooked,
        /// The rate now in force.
        frequency: Frequency,
    },
    /// The clock jumped.
    Stepped {
        /// Reading just before the jump.
        at: Cooked,
        /// By how much it really jumped.
        by: NtpDuration,
    },
    /// The status was taken.
    StatusSet,
    /// Nothing was changed, for this operating system error number.
    Failed(i32),
    /// There is no clock control by choice or for want of the capability: nothing was changed, and that is
    /// fine.
    Observing,
}

/// What a clock says of itself: to notice another program's hand on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockReadback {
    /// The rate in force.
    pub frequency: Frequency,
}

/// A steerable clock: the kernel's (`sys::KernelClock`), none (`sys::ObserveOnly`), or a virtual one.
pub trait SystemClock {
    /// Reads the clock, once for a turn of the loop.
    fn now(&mut self) -> Now;

    /// The reading of this clock that corresponds to a kernel timestamp, which is always by the machine's
    /// real clock. The identity for the real clock.
    #[allow(clippy::wrong_self_convention)] // It converts a stamp, not the clock.
    fn from_kernel(&mut self, stamp: Cooked) -> Cooked {
        stamp
    }

    /// Carries out a command at once and says what became of it.
    fn apply(&mut self, command: ClockCommand) -> ClockResult;

    /// The state in force, `None` where it cannot be read.
    fn readback(&mut self) -> Option<ClockReadback>;
}
