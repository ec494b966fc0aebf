//! Which keys are exported from the TLS session, RFC 8915 §5.1.

use zeroize::Zeroizing;

use super::NTPV4;
use crate::aead::{Algorithm, KeyLengthError, MAX_KEY_LEN};
use crate::keys::Keys;

/// The exporter's label.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-network-time-security";

/// Whom a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    /// Requests.
    ClientToServer = 0,
    /// Replies.
    ServerToClient = 1,
}

/// How the keys of an agreement come out of the TLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exporter {
    /// What the keys are for.
    algorithm: Algorithm,
    /// What the context says that they are for.
    named: Algorithm,
}

impl Exporter {
    /// As the RFC has it.
    pub const fn compliant(algorithm: Algorithm) -> Self {
        Self { algorithm, named: algorithm }
    }

    /// As chrony 4.4 to 4.6 do it: AES-128-GCM-SIV goes under the number of AES-SIV-CMAC-256.
    pub const fn chrony(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Aes128GcmSiv => Self { algorithm, named: Algorithm::AesSivCmac256 },
            _ => Self::compliant(algorithm),
        }
    }

    /// What the keys are for.
    pub const fn algorithm(self) -> Algorithm {
        self.algorithm
    }

    /// Whether this is what the RFC says.
    pub fn is_compliant(self) -> bool {
        self.algorithm == self.named
    }

    /// The exporter's context for one of the two keys: protocol, algorithm, direction.
    pub const fn context(self, direction: Direction) -> [u8; 5] {
        let [protocol_high, protocol_low] = NTPV4.to_be_bytes();
        let [algorithm_high, algorithm_low] = self.named.id().to_be_bytes();
        [protocol_high, protocol_low, algorithm_high, algorithm_low, direction as u8]
    }

    /// Exports both keys: `export` gets the label, the context and the place for the bytes, as the TLS library wants them.
    ///
    /// # Errors
    /// Those of `export`.
    pub fn keys<E>(self, mut export: impl FnMut(&[u8], &[u8], &mut [u8]) -> Result<(), E>) -> Result<Keys, E>
    where
        E: From<KeyLengthError>,
    {
        let mut c2s = Zeroizing::new([0; MAX_KEY_LEN]);
        let mut s2c = Zeroizing::new([0; MAX_KEY_LEN]);
        let len = self.algorithm.key_len();
        let mut one = |direction, place: &mut [u8; MAX_KEY_LEN]| {
            let place = place.get_mut(..len).unwrap_or_default();
            export(EXPORTER_LABEL, &self.context(direction), place)
        };
        one(Direction::ClientToServer, &mut c2s)?;
        one(Direction::ServerToClient, &mut s2c)?;
        let (c2s, s2c) = (c2s.get(..len).unwrap_or_default(), s2c.get(..len).unwrap_or_default());
        Ok(Keys::new(self.algorithm, c2s, s2c)?)
    }
}
