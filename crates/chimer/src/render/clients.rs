//! `chimer clients`: who asked this machine for the time.

use truechimer_control::message::ClientList;

use super::or_dash;
use crate::human;
use crate::table::{Edge, Narrow, Paint, Table, Tone};

/// A table, for a terminal of this width if it is for one.
pub fn clients(list: &ClientList, paint: Paint, width: Option<usize>) -> String {
    if list.clients.is_empty() {
        return "Nobody has asked yet.\n".into();
    }
    let mut table = Table::new(&[
        ("Client", Edge::Left),
        ("Requests", Edge::Right),
        ("Dropped", Edge::Right),
        ("Authentic", Edge::Right),
        ("Interval", Edge::Right),
        ("Limited", Edge::Right),
        ("Last", Edge::Right),
        ("Since", Edge::Right),
        ("Version", Edge::Right),
        ("Port", Edge::Right),
    ]);
    for client in &list.clients {
        let tone = if client.dropped > 0 { Tone::Odd } else { Tone::Plain };
        let cells = vec![
            client.address.to_string(),
            client.requests.to_string(),
            client.dropped.to_string(),
            client.authenticated.to_string(),
            or_dash(client.interval_s, human::span),
            or_dash(client.limited_interval_s, human::span),
            human::age(client.last_age_s),
            human::age(client.first_age_s),
            client.version.to_string(),
            client.port.to_string(),
        ];
        table.row(tone, cells);
    }
    let means = ["Port", "Version", "Limited", "Since"].map(Narrow::Drop);
    let mut text = table.fit(width, &means).render(paint);
    let more = list.known.saturating_sub(list.clients.len() as u64);
    if more > 0 {
        text.push_str(&format!("{} more: see --limit.\n", human::count(more, "client")));
    }
    text
}
