//! `[[source]]`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use toml::de::DeValue;
use truechimer_engine::config::{
    Authentication, Endpoint, Family, Host, NtsOptions, SourceConfig, SourceKind, SourceOptions,
};
use truechimer_time::PollExponent;

use super::set;
use crate::address;
use crate::reader::{Reader, Root, Table};
use crate::rules;
use crate::text::quote;

/// More sources than these help nobody.
pub(crate) const MOST_SOURCES: usize = 64;
const DEFAULT_PORT: u16 = 123;
const DEFAULT_POOL_SIZE: u8 = 4;

/// All sources, without the faulty ones. `has_keys` tells whether there is a key file.
pub(crate) fn read_sources(reader: &mut Reader, root: Root<'_>, has_keys: bool) -> Vec<SourceConfig> {
    let tables = reader.sections(root, "source", MOST_SOURCES);
    let mut sources = Vec::with_capacity(tables.len());
    let mut hosts = BTreeMap::new();
    let mut names = BTreeMap::new();
    for table in tables {
        if let Some(source) = read_source(reader, has_keys, &table, &mut hosts) {
            check_name(reader, &table, &source, &mut names);
            sources.push(source);
        }
    }
    sources
}

type Seen = BTreeMap<(String, u16), Range<usize>>;

fn read_source(
    reader: &mut Reader,
    has_keys: bool,
    table: &Table<'_>,
    seen: &mut Seen,
) -> Option<SourceConfig> {
    let port = reader.integer(table, "port").unwrap_or(DEFAULT_PORT);
    let kind = read_kind(reader, table, port, seen);
    let name = read_name(reader, table);
    let options = read_options(reader, table);
    let kind = kind?;
    check_family(reader, table, &kind, &options);
    check_roles(reader, table, &options);
    check_key(reader, has_keys, table);
    Some(SourceConfig { name, kind, options })
}

fn read_kind(reader: &mut Reader, table: &Table<'_>, port: u16, seen: &mut Seen) -> Option<SourceKind> {
    let size = reader.integer(table, "size");
    let item = match (table.item("server"), table.item("pool")) {
        (Some(server), None) => server,
        (None, Some(pool)) => pool,
        (Some(server), Some(pool)) => {
            let message = "a source is either a server or a pool";
            let diagnostic = reader.at(&rules::ONE_KIND, &pool.span, message).label("the pool");
            let diagnostic = diagnostic.related(server.span, "the server");
            reader.push(diagnostic.help("write a [[source]] of its own for each"));
            return None;
        }
        (None, None) => {
            let diagnostic = reader.at(&rules::ONE_KIND, &table.span, "a source has neither server nor pool");
            reader.push(diagnostic.help("write server = \"NAME\" or pool = \"NAME\" under [[source]]"));
            return None;
        }
    };
    let is_pool = item.key.name == "pool";
    if let (false, Some(size)) = (is_pool, table.item("size")) {
        let diagnostic = reader.at(&rules::CONTRADICTION, &size.span, "a server has no `size`");
        let diagnostic = diagnostic.label("only pools have members").related(item.span.clone(), "a server");
        reader.push(diagnostic.help("drop `size`, or write `pool` instead of `server`"));
    }
    let text = reader.text(&item)?;
    let host = match address::parse_host(text) {
        Ok(host) => host,
        Err(fault) => {
            reader.push_fault(&item, fault);
            return None;
        }
    };
    if let (true, Host::Address(address)) = (is_pool, &host) {
        let message = format!("`{address}` is one address, not a pool");
        let diagnostic = reader.at(&rules::CONTRADICTION, &item.span, message);
        reader.push(diagnostic.help(format!("write server = \"{address}\"")));
        return None;
    }
    let shown = match &host {
        Host::Name(name) => name.clone(),
        Host::Address(address) => address.to_string(),
    };
    if let Some(first) = seen.get(&(shown.clone(), port)) {
        let message = format!("{} is a source twice", quote(&shown));
        let diagnostic = reader.at(&rules::DUPLICATE_SOURCE, &item.span, message).label("again");
        let diagnostic = diagnostic.related(first.clone(), "first here");
        let help = if is_pool { "raise `size` to use more of its members" } else { "drop one of them" };
        reader.push(diagnostic.help(help));
    } else {
        seen.insert((shown, port), item.span.clone());
    }
    let endpoint = Endpoint { host, port };
    Some(if is_pool {
        SourceKind::Pool { endpoint, size: size.unwrap_or(DEFAULT_POOL_SIZE) }
    } else {
        SourceKind::Server(endpoint)
    })
}

fn read_name(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    let item = table.item("name")?;
    let text = reader.text(&item)?;
    if (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(text.to_owned());
    }
    let message = format!("{} must be {}", item.name(), item.key.kind.describe());
    let diagnostic = reader.at(&rules::BAD_WORD, &item.span, message);
    reader.push(diagnostic);
    None
}

fn check_name(
    reader: &mut Reader,
    table: &Table<'_>,
    source: &SourceConfig,
    names: &mut BTreeMap<String, Range<usize>>,
) {
    let (Some(name), Some(item)) = (&source.name, table.item("name")) else { return };
    if let Some(first) = names.get(name) {
        let message = format!("two sources are named {}", quote(name));
        let diagnostic = reader.at(&rules::DUPLICATE_SOURCE, &item.span, message).label("again");
        let diagnostic = diagnostic.related(first.clone(), "first here");
        reader.push(diagnostic.help("commands find a source by its name: give each its own"));
    } else {
        names.insert(name.clone(), item.span);
    }
}

/// The options of a source, as far as the section knows them.
pub fn read_options(reader: &mut Reader, table: &Table<'_>) -> SourceOptions {
    let mut options = SourceOptions::default();
    let (min_poll, max_poll) = read_poll(reader, table);
    options.min_poll = min_poll;
    options.max_poll = max_poll;
    set(&mut options.iburst, reader.boolean(table, "iburst"));
    set(&mut options.burst, reader.boolean(table, "burst"));
    set(&mut options.prefer, reader.boolean(table, "prefer"));
    set(&mut options.trust, reader.boolean(table, "trust"));
    set(&mut options.require, reader.boolean(table, "require"));
    set(&mut options.noselect, reader.boolean(table, "noselect"));
    set(&mut options.offline, reader.boolean(table, "offline"));
    set(&mut options.version, reader.integer(table, "version"));
    set(&mut options.max_delay_s, reader.duration(table, "max_delay"));
    set(&mut options.offset_s, reader.duration(table, "offset"));
    set(&mut options.max_stratum, reader.integer(table, "max_stratum"));
    set(&mut options.min_stratum, reader.integer(table, "min_stratum"));
    set(&mut options.copy, reader.boolean(table, "copy"));
    options.min_delay_s = reader.duration(table, "min_delay");
    options.max_unreach = reader.integer(table, "max_unreach");
    options.max_delay_ratio = reader.number(table, "max_delay_ratio");
    options.family = reader.word(table, "family").map(|word| match word {
        "ipv4" => Family::V4,
        _ => Family::V6,
    });
    options.bind = read_bind(reader, table);
    set(&mut options.authentication, reader.integer(table, "key").map(Authentication::Key));
    set(&mut options.authentication, read_nts(reader, table, options.version).map(Authentication::Nts));
    options
}

/// `nts = true`, or a table of what differs from the usual.
fn read_nts(reader: &mut Reader, table: &Table<'_>, version: u8) -> Option<NtsOptions> {
    let item = table.item("nts")?;
    let mut options = NtsOptions::default();
    match item.value {
        DeValue::Boolean(false) => return None,
        DeValue::Boolean(true) => {}
        _ => {
            let nts = reader.subtable(table, &item)?;
            set(&mut options.ke_port, reader.integer(&nts, "port"));
            // Whole seconds, within its range.
            set(&mut options.refresh_s, reader.duration(&nts, "refresh").map(|seconds| seconds as u32));
        }
    }
    if let Some(key) = table.item("key") {
        let message = "a source is authenticated by `nts` or by a `key`";
        let diagnostic = reader.at(&rules::CONTRADICTION, &item.span, message);
        let diagnostic = diagnostic.related(key.span, "the key");
        reader.push(diagnostic.help("drop one of them; `nts` is the better one where the server has it"));
    }
    if let (3, Some(item)) = (version, table.item("version")) {
        let diagnostic = reader.at(&rules::CONTRADICTION, &item.span, "NTS needs NTP version 4");
        reader.push(diagnostic.help("drop `version`"));
    }
    Some(options)
}

fn read_poll(reader: &mut Reader, table: &Table<'_>) -> (PollExponent, PollExponent) {
    let defaults = (PollExponent::DEFAULT_MIN, PollExponent::DEFAULT_MAX);
    let Some(item) = table.item("poll") else { return defaults };
    if let DeValue::Integer(digits) = item.value {
        let digits = digits.as_str();
        let help = if digits.len() <= 3 {
            format!("write poll = {{ min = {digits}, max = {digits} }} for this interval only")
        } else {
            "write poll = { min = 6, max = 10 }".to_owned()
        };
        reader.wrong_type(&item, Some(help));
        return defaults;
    }
    let Some(poll) = reader.subtable(table, &item) else { return defaults };
    let exponent = |value: Option<i8>| value.and_then(PollExponent::new);
    let min = exponent(reader.integer(&poll, "min"));
    let max = exponent(reader.integer(&poll, "max"));
    match (min, max) {
        (Some(min), Some(max)) if min > max => {
            let message = format!("`poll.min` {} is above `poll.max` {}", min.exponent(), max.exponent());
            let diagnostic = reader.at(&rules::POLL_ORDER, &item.span, message);
            let (low, high) = (max.exponent(), min.exponent());
            reader.push(diagnostic.help(format!("write poll = {{ min = {low}, max = {high} }}")));
            defaults
        }
        (Some(min), Some(max)) => (min, max),
        (Some(min), None) => (min, min.max(defaults.1)),
        (None, Some(max)) => (max.min(defaults.0), max),
        (None, None) => defaults,
    }
}

fn read_bind(reader: &mut Reader, table: &Table<'_>) -> Option<IpAddr> {
    let item = table.item("bind")?;
    match address::parse_local(reader.text(&item)?) {
        Ok(address) => Some(address),
        Err(fault) => {
            reader.push_fault(&item, fault);
            None
        }
    }
}

fn family_of(address: IpAddr) -> Family {
    if address.is_ipv4() { Family::V4 } else { Family::V6 }
}

fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// Address, `bind` and `family` must be of one family.
fn check_family(reader: &mut Reader, table: &Table<'_>, kind: &SourceKind, options: &SourceOptions) {
    let host = match kind {
        SourceKind::Server(Endpoint { host: Host::Address(address), .. }) => Some(family_of(*address)),
        _ => None,
    };
    let claims = [
        (table.item("server"), host),
        (table.item("family"), options.family),
        (table.item("bind"), options.bind.map(family_of)),
    ];
    let mut stated: Option<(Range<usize>, Family)> = None;
    for (item, family) in claims {
        let (Some(item), Some(family)) = (item, family) else { continue };
        match &stated {
            Some((place, other)) if *other != family => {
                let message = format!("{} is {}, which the source is not", item.name(), family_name(family));
                let diagnostic = reader.at(&rules::CONTRADICTION, &item.span, message);
                let diagnostic = diagnostic.label(family_name(family));
                let diagnostic = diagnostic.related(place.clone(), family_name(*other));
                reader.push(diagnostic.help(format!(
                    "drop {} or make it {}",
                    item.name(),
                    family_name(*other)
                )));
                return;
            }
            Some(_) => {}
            None => stated = Some((item.span, family)),
        }
    }
}

/// A key must come from somewhere.
fn check_key(reader: &mut Reader, has_keys: bool, table: &Table<'_>) {
    if let (Some(item), false) = (table.item("key"), has_keys) {
        let diagnostic =
            reader.at(&rules::MISSING_KEY, &item.span, "the source has a key, and there is no key file");
        reader.push(diagnostic.help("write [keys] and, below it, file = \"/etc/truechimer/keys\""));
    }
}

/// What is never selected cannot be preferred, trusted or required.
fn check_roles(reader: &mut Reader, table: &Table<'_>, options: &SourceOptions) {
    if !options.noselect {
        return;
    }
    let Some(noselect) = table.item("noselect") else { return };
    let marks = [("prefer", options.prefer), ("trust", options.trust), ("require", options.require)];
    for (name, _) in marks.into_iter().filter(|(_, marked)| *marked) {
        let Some(item) = table.item(name) else { continue };
        let message = format!("`{name}` contradicts `noselect`");
        let diagnostic = reader.at(&rules::CONTRADICTION, &item.span, message);
        let diagnostic = diagnostic.related(noselect.span.clone(), "the source is never used");
        reader.push(diagnostic.help(format!("drop `{name}` or `noselect`")));
    }
}
