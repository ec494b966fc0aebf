//! `chronyc clients`: the table of clients, a few at a time.

use truechimer_engine::report::ClientReport;
use truechimer_engine::server::Clients;
use truechimer_time::Mono;

use super::Daemon;
use crate::chronyc::arguments::ClientsFrom;
use crate::chronyc::records::{Client, ClientAccesses};
use crate::chronyc::reply::{Answer, Status};
use crate::chronyc::{CLIENTS_MAX, NEVER};

/// An interval that is not known.
const UNKNOWN_INTERVAL: i8 = 127;

/// The clients from a place on, and where to go on.
pub(super) fn look(asked: &ClientsFrom, daemon: &mut dyn Daemon) -> Result<Answer, Status> {
    let mut page = Err(Status::Inactive);
    daemon.with_clients(&mut |clients, now| {
        if clients.places() > 0 {
            page = Ok(take(asked, clients, now));
        }
    });
    page.map(|page| Answer::Clients(Box::new(page)))
}

fn take(asked: &ClientsFrom, clients: &mut Clients<'_>, now: Mono) -> ClientAccesses {
    let places = clients.places();
    let mut page = ClientAccesses { places: u32::try_from(places).unwrap_or(u32::MAX), ..Default::default() };
    let most = usize::try_from(asked.count).map_or(CLIENTS_MAX, |count| count.min(CLIENTS_MAX));
    let mut room = page.clients.iter_mut().take(most);
    let mut at = asked.first_index as usize;
    let mut free = room.next();
    while at < places {
        let Some(slot) = free.take() else { break };
        match clients.at(at, now) {
            Some(client) if client.requests >= u64::from(asked.min_hits) => {
                *slot = record(&client);
                page.count += 1;
                free = room.next();
            }
            _ => free = Some(slot),
        }
        if asked.reset != 0 {
            clients.reset(at, now);
        }
        at += 1;
    }
    page.next_index = u32::try_from(at).unwrap_or(u32::MAX);
    page
}

/// Key exchanges and commands are not counted by client.
fn record(client: &ClientReport) -> Client {
    let number = |wide: u64| u32::try_from(wide).unwrap_or(u32::MAX);
    let interval = |mean_s: Option<f64>| {
        mean_s.map_or(UNKNOWN_INTERVAL, |mean_s| mean_s.max(1e-9).log2().round().clamp(-60.0, 60.0) as i8)
    };
    Client {
        address: client.address.into(),
        ntp_hits: number(client.requests),
        nke_hits: 0,
        command_hits: 0,
        ntp_drops: number(client.dropped),
        nke_drops: 0,
        command_drops: 0,
        ntp_interval: interval(client.interval_s),
        nke_interval: UNKNOWN_INTERVAL,
        command_interval: UNKNOWN_INTERVAL,
        ntp_timeout_interval: interval(client.limited_interval_s),
        last_ntp_ago: client.last_age_s.clamp(0.0, f64::from(NEVER - 1)) as u32,
        last_nke_ago: NEVER,
        last_command_ago: NEVER,
    }
}
