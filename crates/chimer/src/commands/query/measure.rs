//! One server measured by a daemon that observes only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chimerd::{Daemon, DaemonOptions, Observer};
use truechimer_config::{Config, Paths, Roles};
use truechimer_engine::Engine;
use truechimer_engine::config::{
    Authentication, CertificateTime, Endpoint, NtsOptions, SourceConfig, SourceKind, SourceOptions,
};
use truechimer_engine::report::{SourceReport, SourceState};
use truechimer_sys::clock::ObserveOnly;
use truechimer_time::{Mono, Now, PollExponent};

use super::Manner;

/// 2⁰ s: a request a second.
const POLL: PollExponent = PollExponent::saturating(0);
/// How often to look whether the time is up.
const LOOK: Duration = Duration::from_millis(50);
/// Checks that anybody's datagram can fail: they say nothing of the server.
const FORGERIES: [&str; 4] = ["address", "token", "duplicate", "origin"];

/// Measures, and gives the report on the server as it was in the end.
pub(super) fn measure(endpoint: Endpoint, manner: &Manner) -> Result<SourceReport, String> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::new(Mutex::new(None));
    let watcher =
        Watcher { manner: manner.clone(), deadline: None, stop: Arc::clone(&stop), seen: Arc::clone(&seen) };
    let mut options = DaemonOptions::new(config(endpoint, manner), Box::new(ObserveOnly::new()), false);
    options.observer = Some(Box::new(watcher));
    let mut daemon = Daemon::new(options).map_err(|error| error.to_string())?;
    daemon.run(&stop).map_err(|error| error.to_string())?;
    drop(daemon);
    let report = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    report.ok_or_else(|| "it was never asked".into())
}

fn config(endpoint: Endpoint, manner: &Manner) -> Config {
    let mut config =
        Config { paths: Paths::NONE, clock_control: false, roles: Roles::Inline, ..Config::default() };
    let mut options = SourceOptions {
        family: manner.family,
        min_poll: POLL,
        max_poll: POLL,
        iburst: false,
        version: manner.version,
        max_delay_s: manner.timeout_s.max(0.001),
        ..SourceOptions::default()
    };
    if let Some(key) = &manner.key {
        options.authentication = Authentication::Key(key.id);
        config.engine.keys = key.table.clone();
    }
    if let Some(nts) = &manner.nts {
        options.authentication =
            Authentication::Nts(NtsOptions { ke_port: nts.ke_port, ..NtsOptions::default() });
        config.trust = nts.trust.clone();
        // Nothing comes of the answer but words, so no other clock needs to judge the certificate.
        config.engine.nts.certificate_time = CertificateTime::Strict;
    }
    config.engine.sources = vec![SourceConfig { name: None, kind: SourceKind::Server(endpoint), options }];
    config
}

/// Stops the daemon when it knows enough, or will not.
struct Watcher {
    manner: Manner,
    deadline: Option<Mono>,
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Option<SourceReport>>>,
}

impl Observer for Watcher {
    fn look(&mut self, engine: &Engine, now: Now) {
        let deadline = *self.deadline.get_or_insert_with(|| now.mono.after(self.manner.timeout_s));
        let Some(source) = engine.report(now).sources.pop() else { return };
        let over = now.mono >= deadline || is_settled(&source, self.manner.samples);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
        if over {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn look_interval(&self) -> Option<Duration> {
        Some(LOOK)
    }
}

/// Whether asking on would tell nothing new: enough samples, or as many refused replies without one good.
pub(super) fn is_settled(source: &SourceReport, samples: u32) -> bool {
    let wanted = u64::from(samples);
    // Keys are asked for again only after longer than anybody waits here.
    let nts = source.authentication.as_ref().and_then(|authentication| authentication.nts.as_ref());
    if source.accepted == 0 && nts.is_some_and(|nts| nts.failure.is_some()) {
        return true;
    }
    let refused: u64 = source
        .dropped
        .iter()
        .filter(|(check, _)| !FORGERIES.contains(&check.as_str()))
        .map(|(_, count)| count)
        .sum();
    source.accepted >= wanted
        || (source.accepted == 0 && refused >= wanted)
        || source.state == SourceState::Stopped
}
