//! What `[control]` opens must not be open already.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use truechimer_engine::config::Listener;

use super::serve::NTP_PORT;
use crate::Config;
use crate::reader::Reader;
use crate::rules;

/// Looks whether the doors for `chronyc` and `ntpq` are in each other's way, or in that of the server.
pub(crate) fn check_doors(reader: &mut Reader, config: &Config) {
    let Some(port) = config.control.chronyc_port else { return };
    let listening = config.engine.serve.as_ref().map(|serve| serve.listen.as_slice()).unwrap_or_default();
    let taken = if listening.iter().any(|listener| is_taken(listener, port)) {
        "time is served there already"
    } else if config.control.ntpq && port == NTP_PORT {
        "`ntpq` asks there"
    } else {
        return;
    };
    let place = reader.places.of("control.chronyc_port");
    let message = format!("`chronyc_port` cannot be {port}: {taken}");
    let diagnostic = reader.at(&rules::CONTRADICTION, &place, message);
    reader.push(diagnostic.help("323 is the port that `chronyc` asks"));
}

/// Whether the listener has this port of a loopback address. One of an interface stands beside others.
fn is_taken(listener: &Listener, port: u16) -> bool {
    let here = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let address = listener.address.ip();
    listener.address.port() == port
        && listener.interface.is_none()
        && (address.is_unspecified() || here.contains(&address))
}
