//! The time by certificates, and the certificates by the time: a ladder out of the circle.
//!
//! A certificate is judged by the clock, and NTS sets the clock by servers with certificates. On a machine whose clock is
//! wrong that is a circle. While the time is not known, names and chains of certificates are verified as always, and only
//! the verdict on the *dates* waits for the time that the servers themselves tell, authenticated:
//!
//! 1. What a source tells must lie within the validity of its own certificate, and after a floor that is certainly past.
//!    Otherwise it is not believed.
//! 2. If the machine's own clock, too, says that the certificate of an agreeing source is valid, all is as usual: the clock
//!    is set where a strict verifier would have set it.
//! 3. Otherwise the clock is wrong, or the certificates are. It is set when a quorum of different servers agree, so that
//!    one certificate that expired and was stolen later does not do: neither for all members of a pool, nor for several
//!    names that share it.
//! 4. From then on the time is known: every key exchange is judged strictly by it, and keys whose certificate had only the
//!    quorum's word are exchanged anew.
//!
//! Whoever does not want that says `strict`: then the machine's own clock judges from the start.

use truechimer_time::{Cooked, Now, NtpDuration, Raw};

use super::round::Round;
use super::{System, agrees};
use crate::association::{Association, Origin};
use crate::config::{Authentication, CertificateTime, Endpoint, EngineConfig, Host, NtsConfig, SourceKind};
use crate::event::Event;
use crate::io::CertificateDates;
use crate::local_clock::LocalClock;
use crate::nts::{Certificate, Tested};
use crate::outbox::Turn;
use crate::sources::Sources;

/// So many different servers must agree unless the configuration says otherwise.
const QUORUM: usize = 2;

/// What is known of the time, for the judgement of certificates.
#[derive(Debug)]
pub(crate) struct Certificates {
    config: NtsConfig,
    /// Different servers for key exchange in the configuration.
    configured: usize,
    /// A time that is certainly past, seconds since 1970.
    floor_unix_s: i64,
    known: bool,
    doubt: Option<Doubt>,
}

/// Sources agree, and the clock is still not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// So many different servers agree…
    pub(crate) agreeing: usize,
    /// …of so many that are wanted.
    pub(crate) wanted: usize,
}

impl Certificates {
    pub(crate) fn new(config: &EngineConfig, floor: Cooked) -> Self {
        Self {
            config: config.nts.clone(),
            configured: configured(config),
            floor_unix_s: unix_s(floor),
            known: false,
            doubt: None,
        }
    }

    pub(crate) fn reconfigure(&mut self, config: &EngineConfig) {
        self.config = config.nts.clone();
        self.configured = configured(config);
    }

    /// Why the clock is not set although sources agree.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }

    /// For reports: `strict`, `known`, or `unknown`; nothing if no source has a certificate.
    pub(crate) fn state(&self) -> Option<&'static str> {
        match self.config.certificate_time {
            _ if self.configured == 0 => None,
            _ if self.known => Some("known"),
            CertificateTime::Strict => Some("strict"),
            CertificateTime::Ladder => Some("unknown"),
        }
    }

    /// How the certificates of a key exchange that begins now are to be judged. `now` is the time as far as it is known.
    pub(crate) fn dates(&self, now: Cooked) -> CertificateDates {
        if self.judges() {
            CertificateDates::At { unix_s: unix_s(now) }
        } else {
            CertificateDates::Deferred { floor_unix_s: self.floor_unix_s }
        }
    }

    fn judges(&self) -> bool {
        self.known || self.config.certificate_time == CertificateTime::Strict
    }

    /// Whether a source tells a time, within these ends, at which its own certificate was not valid.
    pub(crate) fn refutes(&self, certificate: &Certificate<'_>, told: [Cooked; 2]) -> bool {
        !self.judges() && certificate.tested != Tested::Known && !self.holds(certificate, told)
    }

    fn holds(&self, certificate: &Certificate<'_>, told: [Cooked; 2]) -> bool {
        told.map(unix_s).iter().all(|told| *told >= self.floor_unix_s && certificate.validity.contains(*told))
    }

    /// Whether the clock may be set to the time within these ends, on which these sources agree.
    pub(crate) fn admit<'a>(
        &mut self,
        agreed: [Cooked; 2],
        agreeing: impl Iterator<Item = &'a Association>,
        turn: &mut Turn<'_>,
    ) -> bool {
        if self.judges() {
            self.doubt = None;
            return true;
        }
        let mut names: Vec<&str> = Vec::new();
        // Of those that share a name or a key, one.
        let mut voices: Vec<Certificate<'_>> = Vec::new();
        let (mut certified, mut vouched) = (false, false);
        for member in agreeing {
            let Some(certificate) = member.certificate() else {
                // Who has a key of ours, or is a part of this machine, needs no certificate.
                vouched |= matches!(member.origin, Origin::Reference { .. })
                    || matches!(member.options.authentication, Authentication::Key(_));
                continue;
            };
            certified = true;
            match certificate.tested {
                Tested::Known => vouched = true,
                _ if !self.holds(&certificate, agreed) => {}
                Tested::OwnClock => vouched = true,
                Tested::Deferred => {
                    if !names.contains(&certificate.name) {
                        names.push(certificate.name);
                    }
                    let same = |other: &Certificate<'_>| {
                        other.name == certificate.name || other.key == certificate.key
                    };
                    if !voices.iter().any(same) {
                        voices.push(certificate);
                    }
                }
            }
        }
        let wanted = self.config.certificate_quorum.map_or(QUORUM, usize::from).min(self.configured).max(1);
        // When all that there are agree, there is nobody left to wait for.
        let quorum = voices.len() >= wanted || names.len() >= self.configured.max(1);
        if certified && !vouched && quorum {
            turn.event(Event::CertificateTimeKnown { servers: names.len() });
        }
        let admitted = !certified || vouched || quorum;
        self.doubt = (!admitted).then_some(Doubt { agreeing: voices.len(), wanted });
        admitted
    }

    /// The clock follows the sources: the time is known. Whether that is news.
    pub(crate) fn handle_time_known(&mut self) -> bool {
        !std::mem::replace(&mut self.known, true)
    }

    /// The clock was moved by somebody else, or the machine slept: nothing is known but that time has passed since.
    pub(crate) fn forget(&mut self, known_to_be_past: Option<Cooked>) {
        let past = known_to_be_past.filter(|_| self.known).map_or(self.floor_unix_s, unix_s);
        self.floor_unix_s = self.floor_unix_s.max(past);
        self.known = false;
        self.doubt = None;
    }
}

impl System {
    /// How the certificates of a key exchange that begins now are to be judged.
    pub(crate) fn certificate_dates(&self, now: Now, clock: &LocalClock) -> CertificateDates {
        self.certificates.dates(self.true_time(now, clock))
    }

    /// The clock was moved by somebody else.
    pub(crate) fn doubt_time(&mut self, now: Now, clock: &LocalClock) {
        // The raw scale has gone on over the jump, but stood still while the machine slept.
        let past = self.state.as_ref().map(|_| self.true_time(now, clock));
        self.certificates.forget(past);
    }

    /// The configuration is another one. Where the clock judges from now on, it judges the certificates too whose dates had
    /// been waiting for a verdict.
    pub(crate) fn judge_strictly(&self, sources: &mut Sources, clock: &LocalClock, turn: &mut Turn<'_>) {
        if self.certificates.known || !self.certificates.judges() {
            return;
        }
        let known = unix_s(self.true_time(turn.now, clock));
        for member in sources.members_mut() {
            member.handle_time_known(known, turn);
        }
    }

    /// The time as far as it is known.
    fn true_time(&self, now: Now, clock: &LocalClock) -> Cooked {
        let offset_s = self.correction(now, clock).map_or(0.0, |(offset_s, _)| offset_s);
        now.cooked + NtpDuration::from_seconds(offset_s)
    }

    /// Whether the certificates of those that agree allow the clock to follow them.
    pub(super) fn is_certified(
        &mut self,
        round: &Round,
        sources: &Sources,
        clock: &LocalClock,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(bound) = round.bound else { return false };
        let agreed = true_times(bound, clock.raw(turn.now.cooked));
        self.certificates.admit(agreed, sources.members().filter(|member| agrees(member)), turn)
    }

    /// The clock follows the sources from now on.
    pub(super) fn tell_time_known(&mut self, sources: &mut Sources, clock: &LocalClock, turn: &mut Turn<'_>) {
        if self.state.is_some() && self.certificates.handle_time_known() {
            let known = self.true_time(turn.now, clock);
            for member in sources.members_mut() {
                member.handle_time_known(unix_s(known), turn);
            }
        }
    }
}

/// The times between which the true one lies, by an interval of θ.
pub(super) fn true_times(theta: [f64; 2], at: Raw) -> [Cooked; 2] {
    theta.map(|theta| Cooked::from_bits(at.bits()) + NtpDuration::from_seconds(theta))
}

/// How many different servers for key exchange there are to agree with each other. Members of a pool have one name, and so
/// one certificate would do for all of them.
fn configured(config: &EngineConfig) -> usize {
    let mut hosts: Vec<&Host> = Vec::new();
    for source in &config.sources {
        let (SourceKind::Server(Endpoint { host, .. })
        | SourceKind::Pool { endpoint: Endpoint { host, .. }, .. }) = &source.kind
        else {
            continue;
        };
        let usable =
            matches!(source.options.authentication, Authentication::Nts(_)) && !source.options.noselect;
        if usable && !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts.len()
}

/// Whole seconds since 1970.
pub(crate) fn unix_s(at: Cooked) -> i64 {
    i64::try_from(at.unix_nanos().div_euclid(1_000_000_000)).unwrap_or(if at < Cooked::UNIX_EPOCH {
        i64::MIN
    } else {
        i64::MAX
    })
}
