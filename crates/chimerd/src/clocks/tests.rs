use truechimer_time::{Mono, NtpDuration, StampSource};

use super::*;

/// Shows a millisecond more at every reading.
struct Ticking(Cooked);

impl SystemClock for Ticking {
    fn now(&mut self) -> Now {
        self.0 = self.0 + millis(1);
        Now { mono: Mono::default(), cooked: self.0 }
    }
    fn apply(&mut self, _: ClockCommand) -> ClockResult {
        ClockResult::Observing
    }
    fn readback(&mut self) -> Option<ClockReadback> {
        None
    }
}

fn millis(count: i128) -> NtpDuration {
    NtpDuration::from_nanos(count * 1_000_000)
}

fn clocks() -> Clocks {
    Clocks::new(Box::new(Ticking(Cooked::UNIX_EPOCH)))
}

#[test]
fn at_47_a_request_that_came_while_another_was_answered_is_not_stamped_before_it_came() {
    let mut clocks = clocks();
    let seen = clocks.now();
    // The program was held up for 20 ms after it had read the clock.
    for _ in 0..20 {
        clocks.now();
    }
    let came = seen.cooked + millis(10);
    let stamp = clocks.received(Some(came), seen);
    assert_eq!((stamp.at, stamp.source), (came, StampSource::Kernel));
    let stamp = clocks.received(None, seen);
    assert_eq!(stamp.source, StampSource::User);
    assert!(stamp.at > came, "without a stamp of the kernel's it is late rather than early");
}

#[test]
fn a_stamp_of_the_kernel_that_the_reading_covers_needs_no_other() {
    let mut clocks = clocks();
    let seen = clocks.now();
    let stamp = clocks.received(Some(seen.cooked - millis(1)), seen);
    assert_eq!((stamp.at, stamp.source), (seen.cooked - millis(1), StampSource::Kernel));
    assert_eq!(clocks.now().cooked, seen.cooked + millis(1), "the clock was not read for it");
}

#[test]
fn at_45_a_stamp_of_a_clock_that_was_stepped_back_is_not_used() {
    let mut clocks = clocks();
    let seen = clocks.now();
    let stamp = clocks.received(Some(seen.cooked + millis(5000)), seen);
    assert_eq!(stamp.source, StampSource::User);
    assert!(stamp.at <= clocks.now().cooked);
}
