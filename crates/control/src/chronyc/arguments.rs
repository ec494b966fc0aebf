//! What requests hold.

use super::field::{Field, Reader, message};
use super::{Address, Name};

message! {
    /// Sources by their addresses: those whose address is `address` in the bits of `mask`, or all.
    pub struct Sources {
        /// Which bits count.
        mask: Address,
        /// What they have to be.
        address: Address,
    }
}

message! {
    /// A burst of measurements.
    pub struct Burst {
        /// Whom to ask; as in [`Sources`].
        mask: Address,
        /// As in [`Sources`].
        address: Address,
        /// So many good measurements are wanted.
        good: i32,
        /// So many are made at most.
        total: i32,
    }
}

message! {
    /// Another whole number for one source.
    pub struct SetInteger {
        /// The source.
        address: Address,
        /// The number.
        value: i32,
    }
}

message! {
    /// Another number for one source.
    pub struct SetNumber {
        /// The source.
        address: Address,
        /// The number.
        value: f64,
    }
}

message! {
    /// When the clock may be stepped.
    pub struct StepLimit {
        /// In how many updates from now on; negative for all.
        limit: i32,
        /// Corrections above this, seconds.
        threshold: f64,
    }
}

message! {
    /// The local reference, as chrony 4.2 to 4.6 ask for it.
    pub struct Local {
        /// 1 switches it on, 0 off.
        on: i32,
        /// Stratum told to clients.
        stratum: i32,
        /// Used when the root distance is above this, seconds.
        distance: f64,
        /// 1: elects one leader among its like.
        orphan: i32,
    }
}

message! {
    /// The local reference, as chrony 4.7 and later ask for it.
    pub struct LocalSince47 {
        /// As in chrony 4.2.
        local: Local,
        /// Only when the root distance was below this once, seconds.
        activate: f64,
        /// Only so long after the last update, seconds.
        wait_synced: f64,
        /// Only so long after the start without an update, seconds.
        wait_unsynced: f64,
    }
}

message! {
    /// A network and whether it is served.
    pub struct Access {
        /// Its address; unspecified for everybody.
        address: Address,
        /// How many leading bits count.
        prefix_len: i32,
    }
}

message! {
    /// A new source.
    pub struct NewSource {
        /// 1 a server, 2 a peer, 3 a pool.
        kind: u32,
        /// Name or address.
        name: Name,
        /// UDP port.
        port: u32,
        /// Shortest interval, log2 seconds.
        min_poll: i32,
        /// Longest interval, log2 seconds.
        max_poll: i32,
        /// A packet is sent ahead at intervals of at least this, log2 seconds.
        presend_min_poll: i32,
        /// Stratum that it is taken to have at least.
        min_stratum: u32,
        /// How many samples the poll interval aims at.
        poll_target: u32,
        /// Protocol version.
        version: u32,
        /// How many members of a pool to use.
        max_sources: u32,
        /// Fewest samples to keep.
        min_samples: i32,
        /// Most samples to keep.
        max_samples: i32,
        /// Identifier of the symmetric key, or zero.
        key_id: u32,
        /// TCP port for key exchange.
        nts_port: u32,
        /// Longest round trip, seconds.
        max_delay: f64,
        /// Largest round trip against the smallest.
        max_delay_ratio: f64,
        /// Largest increase of the round trip against the deviation.
        max_delay_dev_ratio: f64,
        /// Smallest round trip that is possible, seconds.
        min_delay: f64,
        /// Asymmetry of the jitter.
        asymmetry: f64,
        /// Added to its offsets, seconds; positive when the source is behind.
        offset: f64,
        /// [`flags`](super::flags).
        flags: u32,
        /// How many samples a filter makes one of.
        filter_length: i32,
        /// Which certificates are trusted.
        cert_set: u32,
        /// Quantile of round trips that are used.
        max_delay_quantile: f64,
        /// How many polls without an answer are borne; since chrony 4.7.
        max_unreach: i32,
    }
}

message! {
    /// Clients from one place of the table on.
    pub struct ClientsFrom {
        /// The place.
        first_index: u32,
        /// So many at most.
        count: u32,
        /// Only those with so many requests.
        min_hits: u32,
        /// 1 sets their counters back.
        reset: u32,
    }
}

message! {
    /// Other options for the selection of one source.
    pub struct SelectOptions {
        /// The source.
        address: Address,
        /// Or the reference clock of this identifier.
        reference_id: u32,
        /// Which are meant, by the numbers of [`select`](super::select).
        mask: u32,
        /// What they shall be, by those of [`flags`](super::flags).
        options: u32,
    }
}

message! {
    /// Another correction for one source.
    pub struct SetOffset {
        /// The source.
        address: Address,
        /// Or the reference clock of this identifier.
        reference_id: u32,
        /// Seconds.
        offset: f64,
    }
}
