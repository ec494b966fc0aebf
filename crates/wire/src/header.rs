//! The NTP header, RFC 5905 §7.3 (NTPv4), unchanged in layout since RFC 1059 (NTPv1).

use truechimer_time::{Leap, NtpShort, NtpTimestamp};

use crate::refid::{KissCode, ReferenceId};

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 48;

/// The association mode, RFC 5905 §7.3 figure 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mode {
    /// 0: reserved; NTPv1 clients send it (RFC 1059 has no mode field).
    Reserved = 0,
    /// 1: symmetric active.
    SymmetricActive = 1,
    /// 2: symmetric passive.
    SymmetricPassive = 2,
    /// 3: client.
    Client = 3,
    /// 4: server.
    Server = 4,
    /// 5: broadcast.
    Broadcast = 5,
    /// 6: control message (RFC 9327).
    Control = 6,
    /// 7: private use.
    Private = 7,
}

/// Every field of the header. All values of every field are legal on the wire except version 0 and versions
/// above 7, which do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Leap indicator.
    pub leap: Leap,
    /// Version number, 0 to 7.
    pub version: u8,
    /// Association mode.
    pub mode: Mode,
    /// Stratum: 0 unspecified or kiss, 1 primary, 2–15 secondary, 16 unsynchronised.
    pub stratum: u8,
    /// Poll interval, log2 seconds.
    pub poll: i8,
    /// Precision of the sender's clock, log2 seconds.
    pub precision: i8,
    /// Round trip to the primary source.
    pub root_delay: NtpShort,
    /// Dispersion to the primary source.
    pub root_dispersion: NtpShort,
    /// Reference identifier or kiss code.
    pub reference_id: ReferenceId,
    /// When the sender's clock was last set.
    pub reference_timestamp: NtpTimestamp,
    /// Transmit timestamp of the request that this answers.
    pub origin_timestamp: NtpTimestamp,
    /// When that request arrived.
    pub receive_timestamp: NtpTimestamp,
    /// When this packet left.
    pub transmit_timestamp: NtpTimestamp,
}

impl Mode {
    /// From the three bits of a packet; higher bits are ignored.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 7 {
            0 => Self::Reserved,
            1 => Self::SymmetricActive,
            2 => Self::SymmetricPassive,
            3 => Self::Client,
            4 => Self::Server,
            5 => Self::Broadcast,
            6 => Self::Control,
            _ => Self::Private,
        }
    }
}

impl Header {
    /// A client's request that tells nothing about the client (draft-ietf-ntp-data-minimization): all fields are
    /// zero but version, mode and the transmit timestamp, which is random and only there to be echoed. Zero is
    /// also a legal poll and precision.
    pub const fn request(version: u8, transmit_timestamp: NtpTimestamp) -> Self {
        Self {
            leap: Leap::None,
            version,
            mode: Mode::Client,
            stratum: 0,
            poll: 0,
            precision: 0,
            root_delay: NtpShort::from_bits(0),
            root_dispersion: NtpShort::from_bits(0),
            reference_id: ReferenceId::NONE,
            reference_timestamp: NtpTimestamp::ZERO,
            origin_timestamp: NtpTimestamp::ZERO,
            receive_timestamp: NtpTimestamp::ZERO,
            transmit_timestamp,
        }
    }

    /// The kiss code, if this is a server's packet of stratum 0 (RFC 5905 §7.4).
    pub fn kiss_code(&self) -> Option<KissCode> {
        (self.mode == Mode::Server && self.stratum == 0).then(|| self.reference_id.into())
    }

    /// Reads the header; `None` if fewer than 48 bytes are given. Bytes beyond are not looked at.
    #[allow(clippy::indexing_slicing)] // constant places below 48 in an array of 48
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let b: &[u8; HEADER_LEN] = bytes.first_chunk()?;
        let word = |at: usize| u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        let stamp = |at: usize| NtpTimestamp::from_bits(u64::from(word(at)) << 32 | u64::from(word(at + 4)));
        Some(Self {
            leap: Leap::from_bits(b[0] >> 6),
            version: (b[0] >> 3) & 7,
            mode: Mode::from_bits(b[0]),
            stratum: b[1],
            poll: b[2] as i8,
            precision: b[3] as i8,
            root_delay: NtpShort::from_bits(word(4)),
            root_dispersion: NtpShort::from_bits(word(8)),
            reference_id: ReferenceId([b[12], b[13], b[14], b[15]]),
            reference_timestamp: stamp(16),
            origin_timestamp: stamp(24),
            receive_timestamp: stamp(32),
            transmit_timestamp: stamp(40),
        })
    }

    /// The header as bytes. A version above 7 is cut to its three low bits.
    pub fn write(&self) -> [u8; HEADER_LEN] {
        let mut b = [0; HEADER_LEN];
        b[0] = (self.leap as u8) << 6 | (self.version & 7) << 3 | self.mode as u8;
        b[1] = self.stratum;
        b[2] = self.poll as u8;
        b[3] = self.precision as u8;
        b[4..8].copy_from_slice(&self.root_delay.bits().to_be_bytes());
        b[8..12].copy_from_slice(&self.root_dispersion.bits().to_be_bytes());
        b[12..16].copy_from_slice(&self.reference_id.0);
        b[16..24].copy_from_slice(&self.reference_timestamp.bits().to_be_bytes());
        b[24..32].copy_from_slice(&self.origin_timestamp.bits().to_be_bytes());
        b[32..40].copy_from_slice(&self.receive_timestamp.bits().to_be_bytes());
        b[40..48].copy_from_slice(&self.transmit_timestamp.bits().to_be_bytes());
        b
    }
}

#[cfg(test)]
mod tests;
