//! The door for `ntpq`: control messages that come from this machine itself, to the server's ports or, where the server has
//! none on the loopback addresses, to ports of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use truechimer_config::Config;
use truechimer_control::ntpq::{Nonces, QUESTION_MAX};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::random;
use truechimer_wire::CONTROL_MODE;

use crate::chronyc::bind_loopback;
use crate::control::SocketError;
use crate::listeners::Listeners;

/// The port that `ntpq` asks.
const PORT: u16 = 123;
/// Questions taken in one turn; more are dropped.
const MOST_QUESTIONS: usize = 16;

/// Where a question came in.
#[derive(Clone, Copy, Debug)]
enum Door {
    /// The server's socket of this number.
    Listener(u64),
    /// One that was opened for questions.
    Own(usize),
}

/// A question.
#[derive(Debug)]
pub(crate) struct Question {
    door: Door,
    bytes: Vec<u8>,
    remote: SocketAddr,
    local: Option<IpAddr>,
}

impl Question {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn remote(&self) -> IpAddr {
        self.remote.ip()
    }
}

/// Questions that wait until the server has answered those who want the time.
#[derive(Debug, Default)]
pub(crate) struct Questions(Vec<Question>);

impl Questions {
    /// Adds those that came to others, as far as there is room.
    pub(crate) fn append(&mut self, mut others: Self) {
        others.0.truncate(MOST_QUESTIONS.saturating_sub(self.0.len()));
        self.0.append(&mut others.0);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps what the server would not answer, if it is a question from this machine.
    pub(crate) fn keep(
        &mut self,
        listener: u64,
        bytes: Option<&[u8]>,
        remote: SocketAddr,
        local: Option<IpAddr>,
    ) {
        let Some(bytes) = bytes.filter(|bytes| bytes.len() <= QUESTION_MAX) else { return };
        let of_control = bytes.first().is_some_and(|first| first & 7 == CONTROL_MODE);
        let is_ours = |address: IpAddr| address.to_canonical().is_loopback();
        // A packet from the network can claim to come from here, but it was not sent to here.
        if of_control && is_ours(remote.ip()) && local.is_some_and(is_ours) && self.0.len() < MOST_QUESTIONS {
            self.0.push(Question { door: Door::Listener(listener), bytes: bytes.to_vec(), remote, local });
        }
    }
}

/// The open door.
#[derive(Debug)]
pub(crate) struct NtpqServer {
    pub(crate) questions: Questions,
    /// Whether it is told who asked the server.
    pub(crate) lists_clients: bool,
    pub(crate) nonces: Nonces,
    own: Vec<UdpSocket>,
    places: Vec<usize>,
}

impl NtpqServer {
    /// Opens it if the configuration says so.
    pub(crate) fn open(config: &Config) -> Result<Option<Self>, SocketError> {
        if !config.control.ntpq {
            return Ok(None);
        }
        let listening = config.engine.serve.as_ref().map(|serve| serve.listen.as_slice()).unwrap_or_default();
        let mut own = Vec::new();
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let covers = |bound: SocketAddr| {
                let all = bound.ip().is_unspecified() && bound.is_ipv4() == address.is_ipv4();
                bound.port() == PORT && (all || bound.ip() == address)
            };
            if !listening.iter().any(|listener| covers(listener.address)) {
                own.extend(bind_loopback(SocketAddr::new(address, PORT), "ntpq")?);
            }
        }
        let mut secret = [0; 16];
        random::fill(&mut secret)
            .map_err(|error| SocketError { path: PathBuf::from("a source of randomness"), error })?;
        Ok(Some(Self {
            questions: Questions::default(),
            lists_clients: config.control.mrulist,
            nonces: Nonces::new(secret),
            own,
            places: Vec::new(),
        }))
    }

    /// Names the sockets to wait for.
    pub(crate) fn register(&mut self, poll: &mut PollSet) {
        self.places = self.own.iter().map(|socket| poll.push(socket.as_raw_fd(), Interest::Read)).collect();
    }

    /// Everything that is asked.
    pub(crate) fn take_questions(&mut self, poll: &PollSet) -> Vec<Question> {
        let mut all = std::mem::take(&mut self.questions.0);
        let mut buffer = [0; QUESTION_MAX + 1];
        for (own, (socket, place)) in self.own.iter().zip(std::mem::take(&mut self.places)).enumerate() {
            if !poll.readable(place) {
                continue;
            }
            for _ in 0..MOST_QUESTIONS {
                let Ok((len, remote)) = socket.recv_from(&mut buffer) else { break };
                let bytes = buffer.get(..len).unwrap_or_default().to_vec();
                all.push(Question { door: Door::Own(own), bytes, remote, local: None });
            }
        }
        all
    }

    /// Sends a part of an answer. One that cannot be sent is lost on the way.
    pub(crate) fn send(&self, question: &Question, part: &[u8], listeners: &Listeners) {
        match question.door {
            Door::Listener(id) => listeners.send(id, part, question.remote, question.local),
            Door::Own(own) => {
                if let Some(socket) = self.own.get(own) {
                    let _ = socket.send_to(part, question.remote);
                }
            }
        }
    }
}
