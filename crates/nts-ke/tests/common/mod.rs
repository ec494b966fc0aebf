//! A server, an authority that vouches for it, and a ring.
#![allow(dead_code)] // not every test uses everything

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use truechimer_nts::KeyRing;
use truechimer_nts::negotiate::ClientOffer;
use truechimer_nts_ke::authority::{Authority, Certified};
use truechimer_nts_ke::testing::{Manners, Peer, RAW_CLIENT_NOW_S, Server, talk};
use truechimer_nts_ke::{ClientSession, ClientTls, DatePolicy, KeError, KeyExchanged, ServerTls, Validity};

pub(crate) const DAY_S: i64 = 86_400;

/// The true time.
pub(crate) const NOW_S: i64 = RAW_CLIENT_NOW_S;

pub(crate) const NAME: &str = "ntp.example";

/// Valid now, and for some days more or less.
pub(crate) fn days(before: i64, after: i64) -> Validity {
    Validity { not_before_s: NOW_S - before * DAY_S, not_after_s: NOW_S + after * DAY_S }
}

pub(crate) fn date(unix_s: i64) -> DatePolicy {
    DatePolicy::At(unix_s)
}

pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) files: Certified,
    pub(crate) identity: ServerTls,
    pub(crate) clients: ClientTls,
    pub(crate) ring: KeyRing,
}

impl World {
    pub(crate) fn new() -> Self {
        let authority = Authority::new("root", days(1000, 1000)).unwrap();
        let files = authority.certify(&[NAME], days(30, 60)).unwrap();
        Self::with(authority, files)
    }

    pub(crate) fn with(authority: Authority, files: Certified) -> Self {
        let identity = identity(&files);
        let clients = authority.clients().unwrap();
        let ring = KeyRing::generate(NOW_S as u64, 2, &mut random());
        Self { authority, files, identity, clients, ring }
    }

    pub(crate) fn server(&self) -> Server<'_, ChaCha20Rng> {
        Server::new(&self.identity, &self.ring, random()).unwrap()
    }

    pub(crate) fn client(&self) -> ClientSession {
        self.client_for(NAME, date(NOW_S))
    }

    pub(crate) fn client_for(&self, name: &str, date: DatePolicy) -> ClientSession {
        ClientSession::new(&self.clients, name, date, ClientOffer::default()).unwrap()
    }

    /// One exchange, without surprises on the way.
    pub(crate) fn exchange(&self, name: &str, date: DatePolicy) -> Result<KeyExchanged, KeError> {
        exchange(self.client_for(name, date), &mut self.server())
    }
}

/// What comes of it when the client meets this server.
pub(crate) fn exchange(mut client: ClientSession, server: &mut impl Peer) -> Result<KeyExchanged, KeError> {
    talk(&mut client, server, || usize::MAX);
    if client.outcome().is_none() {
        client.handle_eof();
    }
    client.into_outcome()
}

pub(crate) fn identity(files: &Certified) -> ServerTls {
    ServerTls::from_pem(files.chain.as_bytes(), files.key.as_bytes()).unwrap()
}

pub(crate) fn random() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([7; 32])
}

/// A peer that speaks the protocol's name and says this.
pub(crate) fn saying(says: &[u8]) -> Manners {
    Manners { protocols: vec![b"ntske/1".to_vec()], says: says.to_vec(), ..Manners::default() }
}

/// A record of the key exchange.
pub(crate) fn record(kind: u16, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap();
    [&kind.to_be_bytes()[..], &len.to_be_bytes(), body].concat()
}

/// A request as every client sends it, with these records before its end.
pub(crate) fn request(more: &[Vec<u8>]) -> Vec<u8> {
    let mut message = [record(0x8001, &[0, 0]), record(0x8004, &[0, 15])].concat();
    more.iter().for_each(|record| message.extend_from_slice(record));
    message.extend_from_slice(&record(0x8000, &[]));
    message
}

/// All records of a message.
pub(crate) fn records(mut message: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut records = Vec::new();
    while let Some((&[a, b, c, d], rest)) = message.split_first_chunk() {
        let (body, rest) = rest.split_at(usize::from(u16::from_be_bytes([c, d])));
        records.push((u16::from_be_bytes([a, b]), body.to_vec()));
        message = rest;
    }
    assert!(message.is_empty(), "a record is cut");
    records
}
