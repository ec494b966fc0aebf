//! How much one caller may use up: connections at a time and connections a second, by address. A caller with IPv6 has
//! many addresses, so there it is the network of 56 bits that counts, which is what a site gets (RFC 6177 §2).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use truechimer_time::Mono;

/// Callers that are remembered at most.
const MOST_CALLERS: usize = 4096;
/// What may come at once is what may come on average in this time, seconds.
const BURST_S: f64 = 5.0;

/// Who is counted as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(IpAddr);

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !(u128::MAX >> 56))),
            v4 => v4,
        })
    }
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The caller has as many as one may have.
    TooMany,
    /// They come too fast.
    TooFast,
}

#[derive(Clone, Copy, Debug)]
struct Caller {
    open: usize,
    /// Connections that it may make now.
    allowance: f64,
    refilled: Mono,
}

/// All callers of the last while.
#[derive(Debug)]
pub(super) struct Callers {
    known: HashMap<Network, Caller>,
    max_open: usize,
    rate: f64,
}

impl Callers {
    pub(super) fn new(max_open: usize, rate: f64) -> Self {
        Self { known: HashMap::new(), max_open, rate }
    }

    /// With other limits; who is connected is still counted.
    pub(super) fn set_limits(&mut self, max_open: usize, rate: f64) {
        (self.max_open, self.rate) = (max_open, rate);
    }

    /// Counts a new connection, or says why there shall be none.
    pub(super) fn admit(&mut self, network: Network, now: Mono) -> Result<(), Refusal> {
        if !self.known.contains_key(&network) && self.known.len() >= MOST_CALLERS {
            self.forget_quiet(now);
        }
        let full = self.full();
        let new = Caller { open: 0, allowance: full, refilled: now };
        let caller = self.known.entry(network).or_insert(new);
        caller.allowance = (caller.allowance + now.seconds_since(caller.refilled) * self.rate).min(full);
        caller.refilled = now;
        if caller.open >= self.max_open {
            return Err(Refusal::TooMany);
        }
        if caller.allowance < 1.0 {
            return Err(Refusal::TooFast);
        }
        caller.allowance -= 1.0;
        caller.open += 1;
        Ok(())
    }

    /// A connection that was counted is over.
    pub(super) fn leave(&mut self, network: Network) {
        if let Some(caller) = self.known.get_mut(&network) {
            caller.open = caller.open.saturating_sub(1);
        }
    }

    fn full(&self) -> f64 {
        (self.rate * BURST_S).max(1.0)
    }

    /// Makes room: for whom nothing need be remembered any more or, if there is nobody, for those without a connection who
    /// are nearest to that. Who is connected is never forgotten; there are fewer of them than of the others.
    fn forget_quiet(&mut self, now: Mono) {
        let (rate, full) = (self.rate, self.full());
        let allowance = |caller: &Caller| caller.allowance + now.seconds_since(caller.refilled) * rate;
        self.known.retain(|_, caller| caller.open > 0 || allowance(caller) < full);
        if self.known.len() < MOST_CALLERS {
            return;
        }
        let quiet = self.known.values().filter(|caller| caller.open == 0).map(allowance);
        let most = quiet.fold(0.0, f64::max);
        self.known.retain(|_, caller| caller.open > 0 || allowance(caller) < most);
    }
}

#[cfg(test)]
mod tests;
