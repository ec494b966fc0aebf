//! What replies hold.

use super::field::{Field, Reader, message};
use super::{Address, CLIENTS_MAX, MANUAL_MAX, Timestamp};

message! {
    /// One source as `chronyc sources` shows it.
    pub struct SourceData {
        /// Address, number of one whose address is not known, or a reference clock's identifier as an IPv4 address.
        address: Address,
        /// Poll interval, log2 seconds.
        poll: i16,
        /// Stratum.
        stratum: u16,
        /// 0 selected, 1 cannot be selected, 2 falseticker, 3 jittery, 4 not combined, 5 combined.
        state: u16,
        /// 0 a server, 1 a peer, 2 a reference clock.
        mode: u16,
        /// Zero.
        flags: u16,
        /// Reachability register.
        reachability: u16,
        /// Seconds since the last sample; all ones for never.
        since_sample: u32,
        /// The last sample as measured, seconds; positive when the clock is fast.
        original_measurement: f64,
        /// The same against the clock as corrected since.
        adjusted_measurement: f64,
        /// Its largest error, seconds.
        measurement_error: f64,
    }
}

message! {
    /// The clock.
    pub struct Tracking {
        /// Reference identifier.
        reference_id: u32,
        /// Address of the system peer.
        address: Address,
        /// Stratum.
        stratum: u16,
        /// Leap indicator: 0 none, 1 insert, 2 delete, 3 not synchronised.
        leap: u16,
        /// Last update.
        reference_time: Timestamp,
        /// What is still to be slewed, seconds; positive when the clock is slow.
        correction: f64,
        /// The last update's offset, seconds; positive when the clock was fast.
        last_offset: f64,
        /// Long-term root mean square of the offsets, seconds.
        rms_offset: f64,
        /// By how much the clock would gain uncorrected, ppm; positive: it is fast.
        frequency_ppm: f64,
        /// What the reference says the frequency should be changed by, ppm.
        residual_frequency_ppm: f64,
        /// Error bound of the frequency, ppm.
        skew_ppm: f64,
        /// Root delay, seconds.
        root_delay: f64,
        /// Root dispersion, seconds.
        root_dispersion: f64,
        /// Between the last two updates, seconds.
        update_interval: f64,
    }
}

message! {
    /// What is known by a source's samples.
    pub struct SourceStats {
        /// Reference identifier by which the source is told to clients.
        reference_id: u32,
        /// Address, or number of a source whose address is not known.
        address: Address,
        /// How many samples count.
        samples: u32,
        /// Runs of residuals of the same sign.
        runs: u32,
        /// From the first of the samples to the last, seconds.
        span_s: u32,
        /// Standard deviation of the samples, seconds.
        deviation: f64,
        /// Residual frequency, ppm.
        residual_frequency_ppm: f64,
        /// Error bound of it, ppm.
        skew_ppm: f64,
        /// Estimated offset, seconds; positive when the clock is fast.
        offset: f64,
        /// Error bound of it, seconds.
        offset_error: f64,
    }
}

message! {
    /// The hardware clock.
    pub struct Rtc {
        /// When it was measured last.
        reference_time: Timestamp,
        /// Samples.
        samples: u16,
        /// Runs of residuals of the same sign.
        runs: u16,
        /// From the first sample to the last, seconds.
        span_s: u32,
        /// How fast it is, seconds.
        fast: f64,
        /// What it gains, ppm.
        gain_ppm: f64,
    }
}

message! {
    /// What came of a time that somebody typed.
    pub struct ManualTimestamp {
        /// How fast the clock was, seconds.
        offset: f64,
        /// Change of the frequency, ppm.
        frequency_change_ppm: f64,
        /// The new frequency, ppm.
        frequency_ppm: f64,
    }
}

message! {
    /// A time that somebody typed.
    pub struct ManualSample {
        /// When.
        when: Timestamp,
        /// How fast the clock would have been with what was slewed since, seconds.
        slewed_offset: f64,
        /// How fast the clock was, seconds.
        original_offset: f64,
        /// Residual, seconds.
        residual: f64,
    }
}

message! {
    /// All of them.
    pub struct ManualList {
        /// How many of the places are taken.
        count: u32,
        /// The places.
        samples: [ManualSample; MANUAL_MAX],
    }
}

message! {
    /// How many sources do what.
    pub struct Activity {
        /// Polled.
        online: u32,
        /// Not polled.
        offline: u32,
        /// In a burst, and polled after it.
        burst_online: u32,
        /// In a burst, and not polled after it.
        burst_offline: u32,
        /// Without a known address.
        unresolved: u32,
    }
}

message! {
    /// The smoothing of served time.
    pub struct Smoothing {
        /// 1 active, 2 only for leap seconds.
        flags: u32,
        /// Seconds.
        offset: f64,
        /// Parts per million.
        frequency_ppm: f64,
        /// Parts per million a second.
        wander_ppm: f64,
        /// Seconds.
        last_update_ago: f64,
        /// Seconds.
        remaining: f64,
    }
}

message! {
    /// What the server did, as chrony 4.2 and 4.3 say it: in counters of 32 bits that stay at their largest.
    pub struct ServerStats32 {
        /// Requests for time.
        ntp_hits: u32,
        /// Connections for key exchange.
        nke_hits: u32,
        /// Requests of this protocol.
        command_hits: u32,
        /// Requests for time that were dropped.
        ntp_drops: u32,
        /// Connections for key exchange that were refused.
        nke_drops: u32,
        /// Requests of this protocol that were dropped.
        command_drops: u32,
        /// Clients that the table has lost.
        log_drops: u32,
        /// Authenticated requests for time.
        ntp_auth_hits: u32,
        /// Interleaved requests for time.
        ntp_interleaved_hits: u32,
        /// Stamps kept for interleaved replies.
        ntp_timestamps: u32,
        /// From the first of them to the last, seconds.
        ntp_span_s: u32,
    }
}

message! {
    /// The same in wider counters, and by whom packets were stamped: chrony 4.4 and later.
    pub struct ServerStats64 {
        /// Requests for time.
        ntp_hits: u64,
        /// Connections for key exchange.
        nke_hits: u64,
        /// Requests of this protocol.
        command_hits: u64,
        /// Requests for time that were dropped.
        ntp_drops: u64,
        /// Connections for key exchange that were refused.
        nke_drops: u64,
        /// Requests of this protocol that were dropped.
        command_drops: u64,
        /// Clients that the table has lost.
        log_drops: u64,
        /// Authenticated requests for time.
        ntp_auth_hits: u64,
        /// Interleaved requests for time.
        ntp_interleaved_hits: u64,
        /// Stamps kept for interleaved replies.
        ntp_timestamps: u64,
        /// From the first of them to the last, seconds.
        ntp_span_s: u64,
        /// Received and sent packets stamped by the daemon, by the kernel, by the network card. All ones: unknown.
        stamps: [u64; 6],
        /// All ones.
        reserved: [u64; 4],
    }
}

message! {
    /// The last packet of a source.
    pub struct NtpPacket {
        /// Its address.
        remote_address: Address,
        /// Ours.
        local_address: Address,
        /// Its port.
        remote_port: u16,
        /// Leap indicator.
        leap: u8,
        /// Version.
        version: u8,
        /// Mode.
        mode: u8,
        /// Stratum.
        stratum: u8,
        /// Poll interval, log2 seconds.
        poll: i8,
        /// Precision, log2 seconds.
        precision: i8,
        /// Root delay, seconds.
        root_delay: f64,
        /// Root dispersion, seconds.
        root_dispersion: f64,
        /// Reference identifier.
        reference_id: u32,
        /// Reference time.
        reference_time: Timestamp,
        /// Offset, seconds; positive when the clock is slow.
        offset: f64,
        /// Round trip, seconds.
        peer_delay: f64,
        /// Dispersion of the measurement, seconds.
        peer_dispersion: f64,
        /// What the server took to answer, seconds.
        response_time: f64,
        /// Estimated asymmetry of the jitter.
        jitter_asymmetry: f64,
        /// Tests 1 to 10, the first in the highest of ten bits; 0x4000 interleaved, 0x8000 authenticated.
        flags: u16,
        /// Who stamped the request: `D`, `K` or `H`; 0 for unknown.
        transmit_stamp: u8,
        /// Who stamped the reply.
        receive_stamp: u8,
        /// Requests sent.
        sent: u32,
        /// Packets received.
        received: u32,
        /// Packets that passed tests 1 to 5.
        valid: u32,
        /// Packets that gave a sample.
        good: u32,
    }
}

message! {
    /// The same, in a reply.
    pub struct NtpData {
        /// The packet.
        packet: NtpPacket,
        /// All ones.
        reserved: [u32; 3],
    }
}

message! {
    /// The same as chrony 4.7 and later say it.
    pub struct NtpDataSince47 {
        /// The packet.
        packet: NtpPacket,
        /// Packets stamped by the kernel, sent and received, and by the network card.
        stamped: [u32; 4],
        /// All ones.
        reserved: [u32; 4],
    }
}

message! {
    /// How a source is authenticated.
    pub struct AuthData {
        /// 0 not at all, 1 with a symmetric key, 2 by NTS.
        mode: u16,
        /// Algorithm of the key: MD5 is 1, SHA-1 2, SHA-256 3, SHA-384 4, SHA-512 5, AES-128-CMAC 13, AES-256-CMAC 14; with NTS
        /// the number of the AEAD algorithm.
        key_type: u16,
        /// Identifier of the key; with NTS how many keys there were.
        key_id: u32,
        /// Length of the key, bits.
        key_length: u16,
        /// Key exchanges since the last that gave keys.
        exchanges: u16,
        /// Seconds since that one; all ones for never.
        last_exchange_ago: u32,
        /// Cookies left.
        cookies: u16,
        /// Length of a cookie, bytes.
        cookie_length: u16,
        /// NAKs since then.
        naks: u16,
        /// Zero.
        padding: u16,
    }
}

message! {
    /// What a client of the server did.
    pub struct Client {
        /// Address.
        address: Address,
        /// Requests for time.
        ntp_hits: u32,
        /// Connections for key exchange.
        nke_hits: u32,
        /// Requests of this protocol.
        command_hits: u32,
        /// Of the first that were dropped.
        ntp_drops: u32,
        /// Of the second that were dropped.
        nke_drops: u32,
        /// Of the third that were dropped.
        command_drops: u32,
        /// Mean interval of the first, log2 seconds; 127 for unknown.
        ntp_interval: i8,
        /// Of the second.
        nke_interval: i8,
        /// Of the third.
        command_interval: i8,
        /// Of the first while replies were limited.
        ntp_timeout_interval: i8,
        /// Seconds since the last of the first; all ones for never.
        last_ntp_ago: u32,
        /// Of the second.
        last_nke_ago: u32,
        /// Of the third.
        last_command_ago: u32,
    }
}

message! {
    /// A part of the table of clients.
    pub struct ClientAccesses {
        /// How many places the table has.
        places: u32,
        /// Where to go on.
        next_index: u32,
        /// How many clients follow.
        count: u32,
        /// Clients.
        clients: [Client; CLIENTS_MAX],
    }
}

message! {
    /// What became of a source in the selection.
    pub struct SelectData {
        /// Identifier of a reference clock; for others that of their address.
        reference_id: u32,
        /// Address, or number of a source whose address is not known.
        address: Address,
        /// The state as a character, as `chronyc selectdata -v` explains them.
        state: u8,
        /// 1 if authenticated.
        authenticated: u8,
        /// Leap indicator.
        leap: u8,
        /// Zero.
        padding: u8,
        /// Configured [`select`](super::select) options.
        configured_options: u16,
        /// Those that are in effect.
        effective_options: u16,
        /// Seconds since the last sample; all ones for never.
        last_sample_ago: u32,
        /// How good it is against the selected.
        score: f64,
        /// What its true offset is at least, seconds.
        low: f64,
        /// What it is at most, seconds.
        high: f64,
    }
}
