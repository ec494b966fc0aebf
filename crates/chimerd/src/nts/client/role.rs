//! Key exchanges in a process of their own: the daemon's hold on it, and what runs inside.
//!
//! ```text
//! to the role    request of nts_ke::message | 'T' system | 'P' name text (a part) | 'E' now believe these
//! from the role  answer of nts_ke::message | 'C' complaint
//! ```

use std::collections::VecDeque;
use std::io;

use truechimer_nts_ke::message::MESSAGE_MAX;
use truechimer_nts_ke::{ExchangeAnswer, ExchangeRequest};
use truechimer_sys::clock::read_mono;
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::role::{Confinement, Duty, Heard, Inside, Program, Role, Waiting};
use truechimer_time::Mono;

use super::{KeClient, MOST_OPEN, Trust, unavailable};
use crate::nts::codec::{Reader, Writer};
use crate::nts::{HANG_S, HEARD_A_TURN};

/// Most bytes of a PEM text in one message.
const PART: usize = 32_768;
/// Longest message to the role.
const TO_ROLE_MAX: usize = PART + 8192;
/// An exchange takes less than this, or the role hangs, seconds.
const PATIENCE_S: f64 = 45.0;
/// Longest complaint that is passed on, bytes.
const COMPLAINT_MAX: usize = 1000;

const TRUST: u8 = b'T';
const PART_OF_TEXT: u8 = b'P';
const END: u8 = b'E';
const COMPLAINT: u8 = b'C';

/// The daemon's end.
pub(crate) struct ClientRole {
    role: Role,
    trust: Trust,
    /// Queries that the role works on, and until when it may.
    asked: Vec<(u64, Mono)>,
    done: VecDeque<ExchangeAnswer>,
    complaints: Vec<String>,
    place: usize,
}

impl ClientRole {
    /// Starts the role.
    pub(crate) fn start(program: Program, trust: Trust) -> io::Result<Self> {
        let role = Role::start(program, MESSAGE_MAX)?;
        let (asked, done, complaints) = (Vec::new(), VecDeque::new(), Vec::new());
        let mut this = Self { role, trust, asked, done, complaints, place: usize::MAX };
        this.send_trust();
        Ok(this)
    }

    pub(crate) fn set_trust(&mut self, trust: Trust) {
        self.trust = trust;
        self.send_trust();
    }

    pub(crate) fn begin(&mut self, request: &ExchangeRequest, now: Mono) {
        if self.role.try_restart(now) {
            self.send_trust();
        }
        if !self.role.is_running() || self.asked.len() >= MOST_OPEN {
            self.done.push_back(unavailable(request.query, None));
            return;
        }
        self.asked.push((request.query, now.after(PATIENCE_S)));
        self.role.send(&request.write(), None);
        self.watch();
    }

    /// Names the socket to wait for.
    pub(crate) fn register(&mut self, poll: &mut PollSet) {
        self.place = self.role.fd().map_or(usize::MAX, |(fd, interest)| poll.push(fd, interest));
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.role.deadline()
    }

    /// Hears what the role has to say.
    pub(crate) fn handle_ready(&mut self, poll: &PollSet, now: Mono) {
        let place = std::mem::replace(&mut self.place, usize::MAX);
        if !poll.readable(place) && !poll.writable(place) && !self.role.is_due(now) {
            return;
        }
        for _ in 0..HEARD_A_TURN {
            match self.role.hear(now) {
                Heard::Nothing => return,
                Heard::Gone => self.fail_all(),
                Heard::Message(message) => {
                    if self.take(&message).is_none() {
                        self.role.give_up(now);
                        self.fail_all();
                    }
                }
            }
        }
    }

    pub(crate) fn poll_answer(&mut self) -> Option<ExchangeAnswer> {
        self.done.pop_front()
    }

    pub(crate) fn take_complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// A message that makes no sense, or an answer to no question, is `None`.
    fn take(&mut self, message: &[u8]) -> Option<()> {
        if let Some((COMPLAINT, mut reader)) = Reader::new(message) {
            let text = reader.text()?;
            if self.complaints.len() < MOST_OPEN {
                self.complaints.push(text.to_owned());
            }
            return reader.end();
        }
        let answer = ExchangeAnswer::parse(message)?;
        let index = self.asked.iter().position(|(query, _)| *query == answer.query)?;
        self.asked.swap_remove(index);
        self.role.prove();
        self.done.push_back(answer);
        self.watch();
        Some(())
    }

    fn watch(&mut self) {
        self.role.expect_by(self.asked.iter().map(|(_, until)| *until).min());
    }

    fn fail_all(&mut self) {
        self.done.extend(self.asked.drain(..).map(|(query, _)| unavailable(query, None)));
    }

    fn send_trust(&mut self) {
        self.role.send(&Writer::new(TRUST).u8(self.trust.system.into()).done(), None);
        for (name, text) in &self.trust.texts {
            for part in text.chunks(PART) {
                let message = Writer::new(PART_OF_TEXT).bytes(name.as_bytes()).bytes(part).done();
                self.role.send(&message, None);
            }
        }
        self.role.send(&Writer::new(END).done(), None);
    }
}

/// What `--role=ke-client` runs, until the daemon closes its end.
///
/// # Errors
/// The privileges cannot be given up, or the other end is not our daemon.
pub(crate) fn role_main(sandbox: bool) -> io::Result<()> {
    let duty = sandbox.then_some(Duty::Call);
    let descriptors = Some(MOST_OPEN as u64 + 32);
    let confinement = Confinement { nice: 0, alone: true, descriptors, duty };
    let inside = Inside::enter(&confinement, Waiting::Polls, TO_ROLE_MAX)?;
    let mut client = KeClient::new(Trust::default());
    let mut coming = Trust::default();
    let mut outgoing: VecDeque<Vec<u8>> = VecDeque::new();
    let mut poll = PollSet::new();
    loop {
        poll.clear();
        let interest = if outgoing.is_empty() { Interest::Read } else { Interest::ReadWrite };
        let daemon = poll.push(inside.fd(), interest);
        client.register(&mut poll);
        let sleep = client.poll_timeout().map(|at| {
            let now = read_mono().unwrap_or_default();
            std::time::Duration::from_nanos(at.nanos().saturating_sub(now.nanos()))
        });
        inside.rest();
        poll.wait(sleep)?;
        inside.work_for(HANG_S);
        let now = read_mono()?;
        if poll.readable(daemon) {
            match inside.receive() {
                Ok(None) => {}
                Ok(Some((message, _))) => receive(&message, &mut client, &mut coming, now)?,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        client.handle_ready(&poll, now);
        outgoing.extend(client.take_complaints().iter().map(|text| complaint(text)));
        while let Some(answer) = client.poll_answer() {
            outgoing.push_back(answer.write());
        }
        if client.is_idle() {
            // A hundred authorities take some memory, and are wanted again in hours.
            client.forget_certificates();
        }
        while let Some(first) = outgoing.front()
            && inside.send(first)?
        {
            outgoing.pop_front();
        }
    }
}

fn receive(message: &[u8], client: &mut KeClient, coming: &mut Trust, now: Mono) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let (kind, mut reader) = Reader::new(message).ok_or_else(invalid)?;
    match kind {
        TRUST => *coming = Trust { system: reader.bool().ok_or_else(invalid)?, texts: Vec::new() },
        PART_OF_TEXT => {
            let (name, part) = reader.text().zip(reader.bytes()).ok_or_else(invalid)?;
            match coming.texts.last_mut() {
                Some((last, text)) if last == name => text.extend_from_slice(part),
                _ => coming.texts.push((name.to_owned(), part.to_vec())),
            }
        }
        END => client.set_trust(std::mem::take(coming)),
        _ => client.begin(ExchangeRequest::parse(message).ok_or_else(invalid)?, now),
    }
    Ok(())
}

fn complaint(text: &str) -> Vec<u8> {
    let end = (0..=COMPLAINT_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Writer::new(COMPLAINT).bytes(text.get(..end).unwrap_or(text).as_bytes()).done()
}

#[cfg(test)]
mod tests;
