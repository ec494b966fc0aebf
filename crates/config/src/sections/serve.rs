//! `[serve]`.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeValue;
use truechimer_engine::config::{AccessRule, Listener, RateLimit, ServeConfig};

use super::set;
use crate::address;
use crate::reader::{Item, Reader, Table};
use crate::rules;
use crate::text::quote;

pub(super) const NTP_PORT: u16 = 123;
const MOST_LISTENERS: usize = 64;
/// As many networks a list.
const MOST_NETWORKS: usize = 4096;

/// The section; its faults leave it without the faulty entries.
pub(crate) fn read_serve(reader: &mut Reader, table: &Table<'_>) -> ServeConfig {
    let mut access = Access::default();
    for (name, allow) in [("allow", true), ("deny", false)] {
        let Some(item) = table.item(name) else { continue };
        for (index, entry) in reader.list(&item, MOST_NETWORKS).unwrap_or_default().iter().enumerate() {
            reader.place(format!("{}.{name}[{index}]", table.path), entry.span.clone());
            read_network(reader, entry, allow, &mut access);
        }
    }
    let defaults = ServeConfig::default();
    let clients = reader.integer(table, "clients").unwrap_or(defaults.clients);
    let rate_limit = read_rate_limit(reader, table, clients);
    let listen = read_listeners(reader, table, NTP_PORT);
    ServeConfig { listen, access: access.rules, clients, rate_limit, ..defaults }
}

fn read_rate_limit(reader: &mut Reader, serve: &Table<'_>, clients: usize) -> Option<RateLimit> {
    let table = reader.table(serve, "rate_limit")?;
    if clients == 0 {
        let message = "nobody's rate can be limited if nobody is remembered";
        reader.fault(&rules::CONTRADICTION, serve, "clients", message, "drop `clients = 0`, or `rate_limit`");
    }
    let mut limit = RateLimit::default();
    set(&mut limit.interval_ns, reader.duration(&table, "interval").map(|seconds| (seconds * 1e9) as u64));
    set(&mut limit.burst, reader.integer(&table, "burst"));
    set(&mut limit.leak, reader.integer(&table, "leak"));
    limit.kiss = reader.integer(&table, "kod");
    Some(limit)
}

#[derive(Default)]
struct Access {
    rules: Vec<AccessRule>,
    seen: BTreeMap<(std::net::IpAddr, u8), (bool, Range<usize>)>,
}

fn read_network(reader: &mut Reader, entry: &Item<'_>, allow: bool, access: &mut Access) {
    let DeValue::String(text) = entry.value else {
        reader.wrong_type(entry, None);
        return;
    };
    let rule = match address::parse_network(text, allow) {
        Ok(rule) => rule,
        Err(fault) => return reader.push_fault(entry, fault),
    };
    let network = (rule.network, rule.prefix_len);
    let Some((before, place)) = access.seen.get(&network) else {
        access.seen.insert(network, (allow, entry.span.clone()));
        access.rules.push(rule);
        return;
    };
    let (message, help) = if *before == allow {
        (format!("{} is listed twice", quote(text)), "drop one of them")
    } else {
        let message = format!("{} is allowed and denied", quote(text));
        (message, "drop one of them: the longest prefix decides, and these are equally long")
    };
    let diagnostic = reader.at(&rules::DUPLICATE_ENTRY, &entry.span, message).label("again");
    let diagnostic = diagnostic.related(place.clone(), "first here").help(help);
    reader.push(diagnostic);
}

/// The list `listen` of a table, which must have one entry at least unless key exchange has listeners of its own.
pub(super) fn read_listeners(reader: &mut Reader, table: &Table<'_>, port: u16) -> Vec<Listener> {
    let Some(item) = table.item("listen") else {
        let message = format!("{} has no `listen`", table.heading());
        let diagnostic = reader.at(&rules::MISSING_KEY, &table.span, message);
        let help =
            format!("write where to listen: listen = [\"0.0.0.0:{port}\", \"[::]:{port}\"] is everywhere");
        reader.push(diagnostic.help(help));
        return Vec::new();
    };
    let Some(entries) = reader.list(&item, MOST_LISTENERS) else { return Vec::new() };
    if entries.is_empty() && !exchanges_keys_only(table) {
        let diagnostic = reader.at(&rules::MISSING_KEY, &item.span, "`listen` is empty");
        let help = format!("name an address, or drop {} so that no port is opened", table.heading());
        reader.push(diagnostic.help(help));
    }
    let mut listeners: Vec<(Listener, Range<usize>)> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let Some(listener) = read_listener(reader, table, entry, index, port) else { continue };
        if let Some((_, place)) = listeners.iter().find(|(other, _)| *other == listener) {
            let message = format!("`{}` is listed twice", listener.address);
            let diagnostic = reader.at(&rules::DUPLICATE_ENTRY, &entry.span, message).label("again");
            let diagnostic = diagnostic.related(place.clone(), "first here").help("drop one of them");
            reader.push(diagnostic);
        } else {
            listeners.push((listener, entry.span.clone()));
        }
    }
    listeners.into_iter().map(|(listener, _)| listener).collect()
}

/// A machine that exchanges keys for other servers need not serve time itself.
fn exchanges_keys_only(serve: &Table<'_>) -> bool {
    let Some(nts) = serve.item("nts") else { return false };
    matches!(nts.value, DeValue::Table(nts) if nts.get("listen").is_some())
}

fn read_listener(
    reader: &mut Reader,
    table: &Table<'_>,
    entry: &Item<'_>,
    index: usize,
    port: u16,
) -> Option<Listener> {
    match entry.value {
        DeValue::String(text) => read_address(reader, entry, text, None, port),
        DeValue::Table(inner) => {
            let path = format!("{}.listen[{index}]", table.path);
            let table = reader.open("serve", entry.key.name, path, entry.span.clone(), inner);
            let interface = table.item("interface").map(|item| read_interface(reader, &item));
            let Some(item) = table.item("address") else {
                let diagnostic = reader.at(&rules::MISSING_KEY, &entry.span, "a listener has no `address`");
                let help = format!("write {{ address = \"0.0.0.0:{port}\", interface = \"eth0\" }}");
                reader.push(diagnostic.help(help));
                return None;
            };
            let text = reader.text(&item)?;
            let interface = match interface {
                Some(legal) => Some(legal?),
                None => None,
            };
            read_address(reader, &item, text, interface, port)
        }
        _ => {
            reader.wrong_type(entry, None);
            None
        }
    }
}

fn read_address(
    reader: &mut Reader,
    item: &Item<'_>,
    text: &str,
    interface: Option<String>,
    port: u16,
) -> Option<Listener> {
    match address::parse_listener(text, port) {
        Ok(address) => Some(Listener { address, interface }),
        Err(fault) => {
            reader.push_fault(item, fault);
            None
        }
    }
}

/// A name that the kernel could have given to an interface (`dev_valid_name`).
pub(super) fn read_interface(reader: &mut Reader, item: &Item<'_>) -> Option<String> {
    let text = reader.text(item)?;
    let legal = (1..=15).contains(&text.len())
        && text != "."
        && text != ".."
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b':');
    if legal {
        return Some(text.to_owned());
    }
    let message = format!("{} is not the name of an interface", quote(text));
    let diagnostic = reader.at(&rules::BAD_LISTENER, &item.span, message);
    reader.push(diagnostic.help("`ip link` lists them; a name has 1 to 15 characters"));
    None
}
