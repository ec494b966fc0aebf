//! `[nts]` and `[serve.nts]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use toml::de::DeValue;
use truechimer_engine::config::{CertificateTime, Host, Listener, NtsConfig};

use super::serve::{NTP_PORT, read_listeners};
use super::{path, paths, set};
use crate::address;
use crate::nts::{
    CertificateTrust, KEEP, KEY_EXCHANGE_PORT, KEY_RING_FILE, KeyExchangeLimits, KeyExchangeServer, ROTATE_S,
    RingOrigin, ServeNts,
};
use crate::reader::{Reader, Table};
use crate::rules;

/// More files of authorities than these nobody has.
pub(crate) const MOST_FILES: usize = 16;

/// Keys that are about key exchange on this machine, and mean nothing without a certificate.
const FOR_KEY_EXCHANGE: &[&str] = &[
    "listen",
    "private_key",
    "ntp_server",
    "ntp_port",
    "max_connections",
    "max_per_address",
    "max_rate",
    "timeout",
];

/// `[nts]`.
pub(crate) fn read_nts(reader: &mut Reader, table: &Table<'_>) -> (CertificateTrust, NtsConfig) {
    let certificate_time = match reader.word(table, "certificate_time") {
        Some("strict") => CertificateTime::Strict,
        _ => CertificateTime::Ladder,
    };
    let certificate_quorum = reader.integer(table, "certificate_quorum");
    (read_trust(reader, table), NtsConfig { certificate_time, certificate_quorum })
}

fn read_trust(reader: &mut Reader, table: &Table<'_>) -> CertificateTrust {
    let mut trust = CertificateTrust::default();
    set(&mut trust.system, reader.boolean(table, "system_certificates"));
    trust.files = paths(reader, table, "trusted_certificates", MOST_FILES);
    if let (false, Some(item)) = (trust.system, table.item("system_certificates"))
        && trust.files.is_empty()
        && !table.has("trusted_certificates")
    {
        let message = "no authority is left whose certificates are believed";
        let diagnostic = reader.at(&rules::CONTRADICTION, &item.span, message);
        reader.push(diagnostic.help("name some: trusted_certificates = [\"/etc/ssl/our-ca.pem\"]"));
    }
    trust
}

/// `[serve.nts]`, a table of `[serve]`. `listen` is where time is served; `state_dir` is where state is kept.
pub(crate) fn read_serve_nts(
    reader: &mut Reader,
    serve: &Table<'_>,
    listen: &[Listener],
    state_dir: Option<PathBuf>,
) -> Option<ServeNts> {
    let item = serve.item("nts")?;
    if item.value.is_bool() {
        let help = "write [serve.nts] and, below it, certificate = \"…\" and private_key = \"…\"";
        reader.wrong_type(&item, Some(help.into()));
        return None;
    }
    let table = reader.subtable(serve, &item)?;
    let certificate = path(reader, &table, "certificate").flatten();
    let key_exchange = match certificate {
        Some(certificate) => read_key_exchange(reader, &table, certificate, listen),
        None => {
            check_without_certificate(reader, &table);
            None
        }
    };
    let keep = reader.integer(&table, "keep").unwrap_or(KEEP);
    Some(ServeNts { key_exchange, ring: read_ring(reader, &table, state_dir), keep })
}

fn read_key_exchange(
    reader: &mut Reader,
    table: &Table<'_>,
    certificate: PathBuf,
    listen: &[Listener],
) -> Option<KeyExchangeServer> {
    let private_key = path(reader, table, "private_key").flatten();
    if !table.has("private_key") {
        let message = "[serve.nts] has a `certificate` and no `private_key`";
        let help = "write private_key = \"/etc/letsencrypt/live/NAME/privkey.pem\", or where it is";
        reader.fault(&rules::MISSING_KEY, table, "private_key", message, help);
    }
    let ntp_server = read_ntp_server(reader, table);
    let ntp_port = reader.integer(table, "ntp_port");
    let served_at = if ntp_server.is_some() { None } else { only_port(listen) };
    let listen = match table.has("listen") {
        true => read_listeners(reader, table, KEY_EXCHANGE_PORT),
        false => listen.iter().map(beside).collect(),
    };
    let mut limits = KeyExchangeLimits::default();
    set(&mut limits.max_connections, reader.integer(table, "max_connections"));
    set(&mut limits.max_per_address, reader.integer(table, "max_per_address"));
    set(&mut limits.max_rate, reader.number(table, "max_rate"));
    set(&mut limits.timeout_s, reader.duration(table, "timeout"));
    Some(KeyExchangeServer {
        listen,
        certificate,
        private_key: private_key?,
        ntp_server,
        ntp_port: ntp_port.or(served_at),
        limits,
    })
}

/// The port at which time is served, if it is the same everywhere and not NTP's own, which clients need not be told.
fn only_port(listen: &[Listener]) -> Option<u16> {
    let port = listen.first()?.address.port();
    let alone = listen.iter().all(|listener| listener.address.port() == port);
    (alone && port != NTP_PORT).then_some(port)
}

/// The listener for key exchange at the same address.
fn beside(listener: &Listener) -> Listener {
    let address = SocketAddr::new(listener.address.ip(), KEY_EXCHANGE_PORT);
    Listener { address, interface: listener.interface.clone() }
}

fn read_ntp_server(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    let item = table.item("ntp_server")?;
    match address::parse_host(reader.text(&item)?) {
        Ok(Host::Name(name)) => Some(name),
        Ok(Host::Address(address)) => Some(address.to_string()),
        Err(fault) => {
            reader.push_fault(&item, fault);
            None
        }
    }
}

/// A server without a certificate opens cookies that another machine made, and so must have its keys.
fn check_without_certificate(reader: &mut Reader, table: &Table<'_>) {
    if table.has("certificate") && !matches!(table.item("certificate"), Some(item) if item.value.is_bool()) {
        // Its fault has been found.
        return;
    }
    let shared = table.has("key_ring") || table.has("master_secret");
    if let Some(name) = FOR_KEY_EXCHANGE.iter().find(|name| says(table, name)) {
        let message = format!("[serve.nts] has `{name}` and no `certificate`");
        let help = "write certificate = \"/etc/letsencrypt/live/NAME/fullchain.pem\", or where it is";
        reader.fault(&rules::MISSING_KEY, table, name, message, help);
    } else if !shared {
        let message = "[serve.nts] has neither a `certificate` nor keys that it shares with other servers";
        let help = "write certificate = \"…\" and private_key = \"…\"; or, if another server exchanges the keys, \
                    key_ring = \"…\" or master_secret = \"…\"";
        reader.fault(&rules::MISSING_KEY, table, "certificate", message, help);
    }
}

/// Whether the key is there and not `false`, which is as if it were not.
fn says(table: &Table<'_>, name: &str) -> bool {
    table.item(name).is_some_and(|item| !matches!(item.value, DeValue::Boolean(false)))
}

fn read_ring(reader: &mut Reader, table: &Table<'_>, state_dir: Option<PathBuf>) -> RingOrigin {
    let rotate = table.item("rotate").and_then(|item| reader.duration_or_word(&item));
    let key_ring = path(reader, table, "key_ring");
    let master = path(reader, table, "master_secret").flatten();
    if let (Some(ring), Some(secret)) = (table.item("key_ring"), table.item("master_secret")) {
        let message = "`key_ring` and `master_secret` are two ways to come to the same keys";
        let diagnostic = reader.at(&rules::CONTRADICTION, &secret.span, message).label("derived keys");
        let diagnostic = diagnostic.related(ring.span, "keys in a file");
        reader.push(diagnostic.help("drop one of them"));
    }
    if let Some(item) = table.item("rotate").filter(|_| rotate == Some(None)) {
        let complaint = if master.is_some() {
            Some(("derived keys must change with the time", "write how often, as rotate = \"1d\""))
        } else if !matches!(key_ring, Some(Some(_))) {
            let help = "name the file that another server writes: key_ring = \"/srv/nts/key-ring\"";
            Some(("keys that are never made here must come from elsewhere", help))
        } else {
            None
        };
        if let Some((message, help)) = complaint {
            let diagnostic = reader.at(&rules::CONTRADICTION, &item.span, message);
            reader.push(diagnostic.help(help));
        }
    }
    match master {
        Some(path) => RingOrigin::Master { path, rotate_s: rotate.flatten().unwrap_or(ROTATE_S) },
        None => RingOrigin::File {
            path: key_ring.unwrap_or_else(|| state_dir.map(|folder| folder.join(KEY_RING_FILE))),
            rotate_s: rotate.unwrap_or(Some(ROTATE_S)),
        },
    }
}
