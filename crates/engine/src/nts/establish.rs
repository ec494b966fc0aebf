//! What a key exchange brings is looked at before it is believed (RFC 8915 §4.1).

use std::net::{IpAddr, SocketAddr};

use super::session::{Session, Tested};
use super::{Established, NtsClient};
use crate::io::{CertificateDates, KeyExchangeError, KeyExchangeFault, KeyExchanged};
use crate::outbox::Turn;
use crate::sources::{Lookup, is_unicast};
use crate::system::unix_s;

/// The longest name that a server may send us on to (RFC 1035 §2.3.4).
const MAX_NAME_LEN: usize = 255;
/// Keys are exchanged anew by up to this share of the interval earlier.
const REFRESH_SPREAD: f64 = 0.1;

impl NtsClient {
    /// Keys and cookies, and whom to ask for the time.
    pub(super) fn establish(
        &mut self,
        exchanged: KeyExchanged,
        dates: CertificateDates,
        turn: &mut Turn<'_>,
    ) -> Result<Established, KeyExchangeError> {
        let useless =
            |text: &str| KeyExchangeError { fault: KeyExchangeFault::Answer, text: text.to_owned() };
        let port = exchanged.port.unwrap_or(self.port);
        let named = exchanged.server.as_deref().filter(|name| !name.is_empty());
        let address = match named {
            Some(name) if name.len() > MAX_NAME_LEN || !name.is_ascii() => {
                return Err(useless("the server sends us on to a name that is none"));
            }
            Some(name) => name.trim_end_matches('.').parse::<IpAddr>().ok(),
            None => self.server().map(|server| server.ip()),
        };
        if port == 0 || address.is_some_and(|address| !is_unicast(address)) {
            return Err(useless("the server sends us on to an address that is none"));
        }
        let refresh_s = f64::from(self.options.refresh_s) * (1.0 - REFRESH_SPREAD * turn.rng.uniform());
        let refresh_at = turn.now.mono.after(refresh_s);
        let session = Session::new(&exchanged, tested(&exchanged, dates, turn)?, refresh_at)
            .ok_or_else(|| useless("the server gave no cookie that can be used"))?;
        self.query = None;
        self.backoff.ended(true, turn.now.mono, turn.rng);
        self.failure = None;
        self.told_misdated = false;
        self.exchanges = self.exchanges.saturating_add(1);
        self.last = Some(turn.now.mono);
        self.session = Some(session);
        self.lookup = match (address, named) {
            (None, Some(name)) => Some(Lookup::new(name, port, self.family, turn.now.mono)),
            _ => None,
        };
        Ok(address.map_or(Established::Keys, |address| {
            Established::Server(SocketAddr::new(address.to_canonical(), port))
        }))
    }
}

/// What is known of the dates of a certificate, now that keys were exchanged.
fn tested(
    exchanged: &KeyExchanged,
    asked: CertificateDates,
    turn: &Turn<'_>,
) -> Result<Tested, KeyExchangeError> {
    let own = unix_s(turn.now.cooked);
    match (asked, turn.dates) {
        (CertificateDates::At { .. }, _) => Ok(Tested::Known),
        // Meanwhile the time has become known.
        (_, CertificateDates::At { unix_s }) if exchanged.validity.contains(unix_s) => Ok(Tested::Known),
        (_, CertificateDates::At { .. }) => Err(KeyExchangeError {
            fault: KeyExchangeFault::CertificateDate,
            text: "the server's certificate is not valid at the time that is known now".to_owned(),
        }),
        (CertificateDates::Deferred { floor_unix_s }, _)
            if own >= floor_unix_s && exchanged.validity.contains(own) =>
        {
            Ok(Tested::OwnClock)
        }
        _ => Ok(Tested::Deferred),
    }
}
