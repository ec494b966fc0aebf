//! One batch of requests, answered: by the daemon's loop, or by a worker.

use std::net::{IpAddr, SocketAddr};

use truechimer_engine::server::{Serving, SigningError};
use truechimer_engine::{Engine, Verdict};
use truechimer_sys::udp::{Batch, ServerSocket};
use truechimer_time::{Cooked, Now};
use truechimer_wire::HEADER_LEN;

use crate::clocks::Clocks;
use crate::signing::Job;

/// Who knows what to tell.
pub(crate) trait Host {
    /// The server as it is now; `None` if there is none.
    fn serve(&mut self, now: Now) -> Option<Serving<'_>>;
    /// Completes a reply that leaves now.
    fn stamp(&mut self, reply: &mut [u8], transmit: Cooked);
}

impl Host for Engine {
    fn serve(&mut self, now: Now) -> Option<Serving<'_>> {
        Engine::serve(self, now)
    }

    fn stamp(&mut self, reply: &mut [u8], transmit: Cooked) {
        self.stamp_reply(reply, transmit);
    }
}

/// Answers the requests that were taken in at the socket of this number. Those that need a signature go to `sign`; those that
/// get no answer are shown to `drop`, as they may be no requests for time.
pub(crate) fn answer(
    (id, socket): (u64, &ServerSocket),
    batch: &mut Batch,
    host: &mut impl Host,
    clocks: &mut Clocks,
    mut sign: impl FnMut(Option<Job>) -> Result<(), SigningError>,
    mut drop: impl FnMut(Option<&[u8]>, SocketAddr, Option<IpAddr>),
) {
    // Once for all of them, and after all of them.
    let now = clocks.now();
    let Some(mut serving) = host.serve(now) else { return };
    for request in batch.requests() {
        let received = request.received;
        let stamp = clocks.received(received.kernel_stamp, now);
        let verdict =
            serving.handle_request(request.buffer, received.len, received.remote, received.local, stamp);
        match verdict {
            Verdict::Reply(len) => request.reply(len),
            Verdict::Drop(_) => drop(request.buffer.get(..received.len), received.remote, received.local),
            Verdict::Sign => {
                if let Err(error) = sign(job(id, request.buffer, received.remote, received.local, now)) {
                    serving.handle_signed(Err(error));
                }
            }
        }
    }
    batch.send(socket, |replies| {
        let now = clocks.now();
        for reply in replies {
            host.stamp(reply, now.cooked);
        }
    });
}

/// What [`Verdict::Sign`] left in the buffer.
pub(super) fn job(
    listener: u64,
    buffer: &[u8],
    remote: SocketAddr,
    local: Option<IpAddr>,
    now: Now,
) -> Option<Job> {
    let (packet, rest) = buffer.split_first_chunk::<HEADER_LEN>()?;
    let key_id = *rest.first_chunk()?;
    Some(Job { packet: *packet, key_id, remote, local, listener, since: now.mono })
}

/// The sockets of one worker: see [`Listeners::share`](super::Listeners::share).
pub(crate) type Share = Vec<(u64, std::sync::Arc<ServerSocket>)>;
