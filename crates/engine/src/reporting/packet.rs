//! The last packets of a source.

use std::net::IpAddr;

use super::{leap_name, stamp_name};
use crate::association::{LastPacket, LastSample, Refused};
use crate::report::{PacketReport, RefusedReport};

/// `None` for a reference clock.
pub(super) fn report(last: &LastSample) -> Option<PacketReport> {
    Some(told(&last.packet?, last.local))
}

/// The last answer that failed a check.
pub(super) fn refused(refused: &Refused) -> RefusedReport {
    let header = &refused.packet.header;
    RefusedReport {
        number: refused.number,
        check: refused.check.name().to_owned(),
        leap: leap_name(header.leap).to_owned(),
        stratum: header.stratum,
        offset_s: refused.measured.map(|[offset_s, _]| offset_s),
        delay_s: refused.measured.map(|[_, delay_s]| delay_s),
        stamps: refused.seen.stamps.map(|stamp| stamp_name(stamp).to_owned()),
        packet: told(&refused.packet, refused.seen.local),
    }
}

fn told(packet: &LastPacket, local: Option<IpAddr>) -> PacketReport {
    let header = &packet.header;
    PacketReport {
        local,
        version: header.version,
        poll: header.poll,
        precision: header.precision,
        root_delay_s: header.root_delay.seconds(),
        root_dispersion_s: header.root_dispersion.seconds(),
        reference_id: u32::from_be_bytes(header.reference_id.0),
        reference_time_unix_s: packet.reference_time.unix_seconds(),
        server_stamps: Some([header.receive_timestamp.bits(), header.transmit_timestamp.bits()]),
        stamp_error_s: packet.stamp_error_s,
        response_s: packet.response_s,
    }
}
