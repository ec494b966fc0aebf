//! Datagrams of chrony's control protocol and of mode 6: whoever sends them, no answer is longer than chronyc's padding, an
//! observer does nothing, and what was read is written again.

use std::net::IpAddr;

use truechimer_control::Access;
use truechimer_control::chronyc::reply::Status;
use truechimer_control::chronyc::server::{Action, Counters, Daemon, answer};
use truechimer_control::chronyc::{Reply, Request};
use truechimer_control::ntpq::{self, Nonces};
use truechimer_engine::report::{ClientReport, Report, SystemReport};
use truechimer_engine::server::Clients;
use truechimer_engine::{CommandError, TypedOutcome, TypedTime};
use truechimer_time::{Cooked, Mono, Now};

/// A daemon that knows nothing and notes whether it was told to do something.
struct Nobody {
    told: bool,
}

/// `c` for the unix socket or anything else for UDP (1 byte), and a datagram.
pub fn chronyc_codec(data: &[u8]) {
    let Some((first, datagram)) = data.split_first() else { return };
    let access = if *first == b'c' { Access::Control } else { Access::Observe };
    if let Ok(request) = Request::parse(datagram) {
        let written = request.write();
        assert!(written.len() <= datagram.len(), "a request grew");
        let again = Request::parse(&written).map(|again| again.write());
        assert_eq!(again, Ok(written), "a request changed");
    }
    if let Some(reply) = Reply::parse(datagram) {
        let written = reply.write();
        assert!(written.len() <= datagram.len(), "a reply grew");
        assert_eq!(Reply::parse(&written).map(|again| again.write()), Some(written), "a reply changed");
    }
    let mut nobody = Nobody { told: false };
    if let Some(reply) = answer(datagram, access, &mut nobody) {
        assert!(reply.len() <= datagram.len(), "a reply is longer than its request");
        assert!(Reply::parse(&reply).is_some(), "a reply cannot be read");
        assert!(answer(&reply, access, &mut nobody).is_none(), "a reply is answered");
    }
    assert!(!nobody.told || access == Access::Control, "an observer commands");
    let nonces = Nonces::new([9; 16]);
    let parts = ntpq::answer(datagram, IpAddr::from([127, 0, 0, 1]), &nonces, &mut nobody);
    assert!(parts.len() <= 3 && parts.iter().all(|part| part.len() <= 480), "an answer has no bounds");
    let stranger = ntpq::answer(datagram, IpAddr::from([192, 0, 2, 1]), &nonces, &mut nobody);
    assert!(stranger.is_empty(), "somebody elsewhere is answered");
}

impl Daemon for Nobody {
    fn report(&mut self) -> Report {
        report()
    }

    fn carry_out(&mut self, _: Action) -> Status {
        self.told = true;
        Status::Success
    }

    fn set_time(&mut self, _: Cooked) -> Result<TypedOutcome, CommandError> {
        self.told = true;
        Err(CommandError::NotEnabled("clock.manual"))
    }

    fn typed_times(&mut self) -> Vec<TypedTime> {
        Vec::new()
    }

    fn serves(&self, _: IpAddr) -> bool {
        false
    }

    fn lets_monitor(&self, _: IpAddr) -> bool {
        false
    }

    fn with_clients(&mut self, look: &mut dyn FnMut(&mut Clients<'_>, Mono)) {
        look(&mut Clients::default(), now().mono);
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }
}

impl ntpq::Daemon for Nobody {
    fn report(&mut self) -> Report {
        report()
    }

    fn clients(&mut self) -> Option<Vec<ClientReport>> {
        Some(Vec::new())
    }

    fn now(&self) -> Now {
        now()
    }
}

fn now() -> Now {
    Now { mono: Mono::from_nanos(1_000_000_000), cooked: Cooked::from_unix_nanos(1_800_000_000_000_000_000) }
}

fn report() -> Report {
    let system = SystemReport {
        synchronised: false,
        reason: String::new(),
        warnings: Vec::new(),
        leap: "unsynchronised".to_owned(),
        stratum: 16,
        reference_id: String::new(),
        system_peer: None,
        time_unix_s: 1.8e9,
        last_update_age_s: None,
        offset_s: 0.0,
        offset_sd_s: 0.0,
        bound_s: None,
        frequency_ppm: 0.0,
        frequency_sd_ppm: 0.0,
        slew_ppm: 0.0,
        slew_remaining_s: 0.0,
        wander: 0.0,
        root_delay_s: 0.0,
        root_dispersion_s: 0.0,
        max_distance_s: 1.5,
        updates: 0,
        last_offset_s: None,
        rms_offset_s: None,
        update_interval_s: None,
        steps: 0,
        stepped_total_s: 0.0,
        controls_clock: false,
        local_reference: false,
        uptime_s: None,
        certificate_time: None,
    };
    Report { system, sources: Vec::new(), server: None, key_exchange: None }
}
