//! The last packet of a source.

use crate::association::LastSample;
use crate::report::PacketReport;

/// `None` for a reference clock.
pub(super) fn report(last: &LastSample) -> Option<PacketReport> {
    let packet = last.packet?;
    let header = packet.header;
    Some(PacketReport {
        local: last.local,
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
    })
}
