//! A client of a hundred lines: from samples to a steered clock, with everything of this crate in its place.

use truechimer_discipline::bank::BankEstimator;
use truechimer_discipline::clock::{ClockCommand, ClockResult};
use truechimer_discipline::estimate::{Estimator, Oscillator, Sample};
use truechimer_discipline::gates::{Gate, Gates, PanicLimits, StepPolicy};
use truechimer_discipline::servo::Servo;
use truechimer_discipline::timescale::Timescale;
use truechimer_discipline::virtual_clock::VirtualClock;
use truechimer_time::{Cooked, Frequency, NtpDuration};

use crate::world::{Leg, Random};

const MAX_SLEW: f64 = 500e-6;
const MAX_FREQUENCY: f64 = 500e-6;

struct Client {
    truth: Cooked,
    clock: VirtualClock,
    scale: Timescale,
    estimator: BankEstimator,
    gates: Gates,
    servo: Servo,
    base: Frequency,
    slew_end: Option<Cooked>,
    steps: Vec<f64>,
    random: Random,
    leg: Leg,
}

impl Client {
    fn new(error_s: f64, oscillator: Frequency, leg: Leg, seed: u64) -> Self {
        let truth = Cooked::from_unix_nanos(1_700_000_000_000_000_000);
        let clock = VirtualClock::new(truth, NtpDuration::from_seconds(error_s), oscillator);
        let policy = StepPolicy { above_s: Some(0.128), first: Some(3) };
        let limits = PanicLimits { forward_s: None, backward_s: None, start_s: None, accumulated_s: None };
        Self {
            truth,
            scale: Timescale::new(clock.cooked()),
            clock,
            estimator: BankEstimator::new(),
            gates: Gates::new(policy, limits, 0.0),
            servo: Servo::new(MAX_SLEW, MAX_FREQUENCY),
            base: Frequency::ZERO,
            slew_end: None,
            steps: Vec::new(),
            random: Random(seed),
            leg,
        }
    }

    fn error(&self) -> f64 {
        self.clock.error().seconds()
    }

    fn command(&mut self, command: ClockCommand) {
        match self.clock.apply(command) {
            ClockResult::FrequencySet { at, frequency } => {
                // I3.
                assert!(frequency.rate().abs() <= MAX_SLEW + MAX_FREQUENCY + 1e-10, "{frequency}");
                self.scale.frequency_changed(at, frequency);
            }
            ClockResult::Stepped { at, by } => {
                self.scale.stepped(at, by);
                self.gates.stepped(by.seconds());
                self.steps.push(by.seconds());
            }
            other => panic!("{other:?}"),
        }
    }

    /// Lets time pass, to the millisecond.
    fn pass(&mut self, seconds: f64) {
        let end = self.truth + NtpDuration::from_seconds(seconds);
        while self.truth < end {
            self.truth = end.min(self.truth + NtpDuration::from_seconds(1e-3_f64.max(seconds / 64.0)));
            self.clock.advance(self.truth);
            if self.slew_end.is_some_and(|at| self.clock.cooked() >= at) {
                self.slew_end = None;
                self.command(ClockCommand::SetFrequency(self.base));
            }
        }
    }

    /// Asks the server and corrects the clock, the next poll being so many seconds away.
    fn poll(&mut self, interval_s: f64) {
        let sent = self.clock.cooked();
        let up = self.leg.delay(&mut self.random);
        self.pass(up);
        let server = self.truth;
        let down = self.leg.delay(&mut self.random);
        self.pass(down);
        let now = self.clock.cooked();
        let (sent, at) = (self.scale.raw_at(sent), self.scale.raw_at(now));
        let raw_of = |raw: truechimer_time::Raw| Cooked::from_bits(raw.bits());
        let sample = Sample {
            at,
            sent,
            forward: (server - raw_of(sent)).seconds(),
            backward: (raw_of(at) - server).seconds(),
            precision: 1e-7,
            root_delay: 0.0,
            root_dispersion: 0.0,
            reference_error: None,
        };
        self.estimator.update(&sample, &Oscillator::default());
        let estimate = self.estimator.estimate(at).unwrap();
        // θ is true − raw; the clock is ahead of raw by cooked − raw.
        let correction = estimate.offset - (now - raw_of(at)).seconds();
        let gate = self.gates.judge(correction);
        self.gates.updated();
        let slew = match gate {
            Gate::Step => {
                self.command(ClockCommand::Step(NtpDuration::from_seconds(correction)));
                0.0
            }
            Gate::Slew => correction,
            Gate::Refuse { .. } => panic!("{gate:?}"),
        };
        let plan = self.servo.plan(
            slew,
            estimate.offset_variance.sqrt(),
            estimate.frequency,
            estimate.frequency_variance.sqrt(),
            interval_s,
        );
        self.base = plan.base;
        self.command(ClockCommand::SetFrequency(plan.slewing));
        let end = self.clock.cooked() + NtpDuration::from_seconds(plan.duration_s);
        self.slew_end = (plan.duration_s > 0.0).then_some(end);
    }
}

const LAN: Leg = Leg { base: 100e-6, exponential: 20e-6 };

#[test]
fn na_41_startup_step_no_oscillation() {
    // Both ways; half a second, and years.
    for error in [0.5, -0.5, 3.0, -1e6, 5e7] {
        let mut client = Client::new(error, Frequency::from_ppm(60.0), LAN, 7);
        let mut worst_after: f64 = 0.0;
        for poll in 0..30 {
            client.poll(2.0);
            client.pass(2.0);
            if poll > 4 {
                worst_after = worst_after.max(client.error().abs());
            }
        }
        // One step, the whole way; what was measured before it does not step it back.
        assert_eq!(client.steps.len(), 1, "{error}: {:?}", client.steps);
        assert!((client.steps[0] + error).abs() < 1e-3, "{error}: {:?}", client.steps);
        assert!(worst_after < 1e-3, "{error}: {worst_after}");
        assert!(client.error().abs() < 1e-4, "{error}: {}", client.error());
    }
}

#[test]
fn a_small_error_is_slewed_without_overshoot() {
    for error in [0.1, -0.1] {
        let mut client = Client::new(error, Frequency::from_ppm(-40.0), LAN, 11);
        let mut overshoot: f64 = 0.0;
        for _ in 0..12 {
            client.poll(64.0);
            for _ in 0..64 {
                client.pass(1.0);
                overshoot = overshoot.max(-client.error() * error.signum());
            }
        }
        assert!(client.steps.is_empty());
        assert!(client.error().abs() < 1e-4, "{}", client.error());
        assert!(overshoot < 2e-3, "{overshoot}");
    }
}

#[test]
fn quick_polls_on_loopback_converge() {
    // As in a demonstration: polls of a quarter of a second over a path of 30 µs.
    let leg = Leg { base: 30e-6, exponential: 5e-6 };
    let mut client = Client::new(0.8, Frequency::from_ppm(60.0), leg, 3);
    for _ in 0..40 {
        client.poll(0.25);
        client.pass(0.25);
    }
    assert_eq!(client.steps.len(), 1);
    assert!(client.error().abs() < 1e-5, "{}", client.error());
    let estimate = client.estimator.estimate(client.scale.raw_at(client.clock.cooked())).unwrap();
    // dθ/dt of an oscillator that is 60 ppm fast.
    assert!((estimate.frequency + 60e-6).abs() < 2e-6, "{estimate:?}");
}

#[test]
fn closed_loop_is_as_good_as_open_loop() {
    // lan w1e-9 p6 of the table: chrony reaches 5.5e-6 s.
    let leg = Leg { base: 50e-6, exponential: 10e-6 };
    let mut oscillator = 1e-5;
    let mut client = Client::new(-0.01, Frequency::new(oscillator), leg, 5);
    let mut drift = Random(99);
    let (mut squares, mut count) = (0.0, 0.0);
    for poll in 0..400 {
        client.poll(64.0);
        for _ in 0..64 {
            client.pass(1.0);
            oscillator += 1e-9 * drift.normal();
            client.clock.set_oscillator(Frequency::new(oscillator));
            if poll >= 80 {
                squares += client.error() * client.error();
                count += 1.0;
            }
        }
    }
    let rms = f64::sqrt(squares / count);
    assert!(rms < 0.75 * 5.5e-6, "{rms:e}");
}
