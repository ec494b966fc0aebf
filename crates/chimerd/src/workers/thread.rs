//! What a worker does.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use truechimer_engine::server::worker::Publication;
use truechimer_engine::server::{Responder, Serving};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::udp::Batch;
use truechimer_time::{Cooked, Now};

use super::{Desk, Hall, hush, lock};
use crate::clocks::Clocks;
use crate::listeners::{Host, Share, answer};

/// A batch's headers and a request with NTS are what is on the stack; this is ten times of it.
pub(super) const STACK_LEN: usize = 256 * 1024;
/// Sleep when the system has run out of something.
const REST: Duration = Duration::from_millis(50);

/// A thread's belongings.
pub(super) struct Task {
    pub(super) hall: Arc<Hall>,
    pub(super) desk: Arc<Desk>,
    pub(super) bell: UnixDatagram,
    pub(super) clocks: Clocks,
}

/// A responder, and what was published.
struct Informed<'a> {
    responder: &'a mut Responder,
    word: &'a Publication,
}

impl Host for Informed<'_> {
    fn serve(&mut self, now: Now) -> Option<Serving<'_>> {
        Some(self.word.serve(self.responder, now))
    }

    fn stamp(&mut self, reply: &mut [u8], transmit: Cooked) {
        self.responder.stamp(reply, transmit);
    }
}

impl Task {
    /// Until it is told to stop.
    pub(super) fn run(mut self) {
        let mut poll = PollSet::new();
        let mut batch = Batch::new();
        let mut share = Share::new();
        loop {
            poll.clear();
            let bell = poll.push(self.bell.as_raw_fd(), Interest::Read);
            for (_, socket) in &share {
                poll.push(socket.fd(), Interest::Read);
            }
            if poll.wait(None).is_err() {
                std::thread::sleep(REST);
                continue;
            }
            for (index, (id, socket)) in share.iter().enumerate() {
                if !poll.readable(bell + 1 + index) {
                    continue;
                }
                if batch.receive(socket).is_err() {
                    std::thread::sleep(REST);
                    continue;
                }
                // The clock is not stepped from here on until all have left.
                let word = self.hall.word.read().unwrap_or_else(PoisonError::into_inner);
                let mut responder = lock(&self.desk.responder);
                let mut host = Informed { responder: &mut responder, word: &word };
                answer(
                    (*id, socket),
                    &mut batch,
                    &mut host,
                    &mut self.clocks,
                    |job| self.hall.sign(job),
                    |bytes, remote, local| self.hall.ask(*id, bytes, remote, local),
                );
            }
            if poll.readable(bell) && self.take_orders(&mut share) {
                return;
            }
        }
    }

    /// Whether it shall stop.
    fn take_orders(&mut self, share: &mut Share) -> bool {
        hush(&self.bell);
        let orders = std::mem::take(&mut *lock(&self.desk.orders));
        if let Some(responder) = orders.responder {
            lock(&self.desk.responder).give_way_to(responder);
        }
        if let Some(other) = orders.share {
            *share = other;
        }
        orders.stop
    }
}
