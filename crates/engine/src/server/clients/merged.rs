//! The tables of several responders as one.

use truechimer_time::Mono;

use super::ClientTable;
use crate::report::ClientReport;

/// All clients that some responders know. Places are numbered through all tables; who is in several of them is found at the
/// first, with the sums of all.
#[derive(Debug, Default)]
pub struct Clients<'a>(Vec<&'a mut ClientTable>);

impl<'a> FromIterator<&'a mut ClientTable> for Clients<'a> {
    fn from_iter<T: IntoIterator<Item = &'a mut ClientTable>>(tables: T) -> Self {
        Self(tables.into_iter().collect())
    }
}

impl Clients<'_> {
    /// How many places there are; 0 if nobody is entered.
    pub fn places(&self) -> usize {
        self.0.iter().map(|table| table.places()).sum()
    }

    /// The client at a place, if there is one that was not at an earlier place.
    pub fn at(&self, place: usize, now: Mono) -> Option<ClientReport> {
        let (at, place) = self.find(place)?;
        let (network, mut client) = self.0.get(at)?.at(place, now)?;
        for (other, table) in self.0.iter().enumerate() {
            let Some(same) = table.of(network).filter(|_| other != at) else { continue };
            if other < at {
                return None;
            }
            if let Some((_, more)) = table.at(same, now) {
                client.add(&more);
            }
        }
        Some(client)
    }

    /// Sets the counters of a client back, wherever it is.
    pub fn reset(&mut self, place: usize, now: Mono) {
        let Some((at, place)) = self.find(place) else { return };
        let Some((network, _)) = self.0.get(at).and_then(|table| table.at(place, now)) else { return };
        for table in &mut self.0 {
            if let Some(place) = table.of(network) {
                table.reset(place);
            }
        }
    }

    /// Everybody, in no particular order.
    pub fn all(&self, now: Mono) -> Vec<ClientReport> {
        (0..self.places()).filter_map(|place| self.at(place, now)).collect()
    }

    fn find(&self, place: usize) -> Option<(usize, usize)> {
        let mut left = place;
        for (at, table) in self.0.iter().enumerate() {
            match left.checked_sub(table.places()) {
                Some(rest) => left = rest,
                None => return Some((at, left)),
            }
        }
        None
    }
}
