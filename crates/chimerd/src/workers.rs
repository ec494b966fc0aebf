//! Threads that answer requests, each with sockets and a responder of its own (`serve.workers`).
//!
//! The loop publishes at least once a second what they are to tell, and steps the clock while none of them is in the middle of a
//! batch. They wait for nothing else: configuration, keys and sockets come by orders that a byte on a socket announces,
//! and replies that Samba signs go the other way. Each counts for itself.
//!
//! Signals need no care: the kernel hands those of the process to its first thread, which is the loop's.

mod thread;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};
use std::thread::JoinHandle;

use truechimer_engine::Engine;
use truechimer_engine::server::worker::Publication;
use truechimer_engine::server::{Counters, Responder, SigningError};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_time::{Mono, Now};

use crate::clocks::Clocks;
use crate::daemon::ClockMaker;
use crate::listeners::{Listeners, Share};
use crate::ntpq::Questions;
use crate::signing::Job;

/// What is to be told is published this often, seconds: well within `MAX_AGE_S`.
const PUBLISH_S: f64 = 1.0;
/// Replies that wait for the loop to have them signed, of all workers.
const MAX_JOBS: usize = 64;

/// What all workers have in common.
pub(crate) struct Hall {
    /// Held for reading while a batch is answered, and for writing while the clock is stepped.
    word: RwLock<Publication>,
    jobs: Mutex<VecDeque<Job>>,
    questions: Mutex<Questions>,
    /// Tells the loop that there are jobs or questions.
    bell: UnixDatagram,
}

/// What one worker and the loop have in common.
struct Desk {
    orders: Mutex<Orders>,
    /// Held by the worker while it answers a batch.
    responder: Mutex<Responder>,
}

/// What has changed since the worker looked last.
#[derive(Default)]
struct Orders {
    responder: Option<Responder>,
    share: Option<Share>,
    stop: bool,
}

struct Worker {
    desk: Arc<Desk>,
    /// Tells it that there are orders.
    bell: UnixDatagram,
    thread: Option<JoinHandle<()>>,
}

/// All threads. They end when this is dropped.
pub(crate) struct Workers {
    hall: Arc<Hall>,
    all: Vec<Worker>,
    bell: UnixDatagram,
    place: usize,
    publish_at: Mono,
    /// The version of the responders.
    version: u64,
}

impl Workers {
    /// So many threads that share the listeners out. `None` while the engine serves nobody.
    ///
    /// # Errors
    /// The system gives no threads or no descriptors.
    pub(crate) fn start(
        count: usize,
        listeners: &Listeners,
        engine: &mut Engine,
        make_clock: ClockMaker,
        now: Now,
    ) -> io::Result<Option<Self>> {
        let Some(publication) = engine.publish(now) else { return Ok(None) };
        let (bell, theirs) = pair()?;
        let hall = Arc::new(Hall {
            word: RwLock::new(publication),
            jobs: Mutex::default(),
            questions: Mutex::default(),
            bell: theirs,
        });
        let mut workers = Self {
            hall,
            all: Vec::new(),
            bell,
            place: usize::MAX,
            publish_at: now.mono.after(PUBLISH_S),
            version: engine.responder_version(),
        };
        for index in 0..count {
            let Some(responder) = engine.new_responder() else { return Ok(None) };
            let orders = Orders { share: Some(listeners.share(index)), ..Orders::default() };
            let desk = Arc::new(Desk { orders: Mutex::new(orders), responder: Mutex::new(responder) });
            let (bell, theirs) = pair()?;
            let task = thread::Task {
                hall: Arc::clone(&workers.hall),
                desk: Arc::clone(&desk),
                bell: theirs,
                clocks: Clocks::new(make_clock()),
            };
            let thread = std::thread::Builder::new().name(format!("serve-{index}"));
            let thread = thread.stack_size(thread::STACK_LEN).spawn(move || task.run())?;
            let worker = Worker { desk, bell, thread: Some(thread) };
            worker.ring();
            workers.all.push(worker);
        }
        Ok(Some(workers))
    }

    /// Names what the loop waits for.
    pub(crate) fn register(&mut self, poll: &mut PollSet) {
        self.place = poll.push(self.bell.as_raw_fd(), Interest::Read);
    }

    /// When the next publication is due.
    pub(crate) fn poll_timeout(&self) -> Mono {
        self.publish_at
    }

    /// The replies that are to be signed, and what `ntpq` asked.
    pub(crate) fn take_jobs(&mut self, poll: &PollSet) -> (VecDeque<Job>, Questions) {
        if !poll.readable(std::mem::replace(&mut self.place, usize::MAX)) {
            return Default::default();
        }
        hush(&self.bell);
        (std::mem::take(&mut *lock(&self.hall.jobs)), std::mem::take(&mut *lock(&self.hall.questions)))
    }

    /// Something has changed that clients should be told soon.
    pub(crate) fn hurry(&mut self) {
        self.publish_at = Mono::from_nanos(0);
    }

    /// Publishes if it is time to, and hands out new responders if those in use are out of date.
    ///
    /// # Errors
    /// A worker has ended.
    pub(crate) fn keep(&mut self, engine: &mut Engine, now: Now) -> io::Result<()> {
        if self.version != engine.responder_version() {
            for worker in &self.all {
                if let Some(responder) = engine.new_responder() {
                    worker.order(|orders| orders.responder = Some(responder));
                }
            }
            self.version = engine.responder_version();
            self.hurry();
        }
        if now.mono < self.publish_at {
            return Ok(());
        }
        self.publish_at = now.mono.after(PUBLISH_S);
        if self.all.iter().any(|worker| worker.thread.as_ref().is_none_or(JoinHandle::is_finished)) {
            return Err(io::Error::other("a thread that answers requests has ended"));
        }
        if let Some(publication) = engine.publish(now) {
            *self.hall.pause() = publication;
        }
        Ok(())
    }

    /// The sockets are others.
    pub(crate) fn share_out(&self, listeners: &Listeners) {
        for (index, worker) in self.all.iter().enumerate() {
            worker.order(|orders| orders.share = Some(listeners.share(index)));
        }
    }

    pub(crate) fn hall(&self) -> Arc<Hall> {
        Arc::clone(&self.hall)
    }

    /// Their responders, between two batches. They wait while this is held.
    pub(crate) fn responders(&self) -> Vec<MutexGuard<'_, Responder>> {
        self.all.iter().map(|worker| lock(&worker.desk.responder)).collect()
    }

    /// Adds what they counted.
    pub(crate) fn count(&self, sum: &mut Counters) {
        for worker in &self.all {
            sum.add(&lock(&worker.desk.responder).counters());
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &self.all {
            worker.order(|orders| orders.stop = true);
        }
        for thread in self.all.iter_mut().filter_map(|worker| worker.thread.take()) {
            let _ = thread.join();
        }
    }
}

impl Worker {
    fn order(&self, give: impl FnOnce(&mut Orders)) {
        give(&mut lock(&self.desk.orders));
        self.ring();
    }

    fn ring(&self) {
        ring(&self.bell);
    }
}

impl Hall {
    /// Waits until no batch is being answered, and keeps the next ones waiting. What it holds when it is dropped is what is
    /// told from then on.
    pub(crate) fn pause(&self) -> RwLockWriteGuard<'_, Publication> {
        self.word.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands what may be a question of `ntpq` to the loop.
    fn ask(&self, listener: u64, bytes: Option<&[u8]>, remote: SocketAddr, local: Option<IpAddr>) {
        // Nobody beyond this machine can make the workers wait for each other here.
        if remote.ip().to_canonical().is_loopback() {
            let mut questions = lock(&self.questions);
            questions.keep(listener, bytes, remote, local);
            if questions.len() > 0 {
                ring(&self.bell);
            }
        }
    }

    /// Hands a reply that needs a signature to the loop.
    fn sign(&self, job: Option<Job>) -> Result<(), SigningError> {
        let job = job.ok_or(SigningError::Unavailable)?;
        let mut jobs = lock(&self.jobs);
        if jobs.len() >= MAX_JOBS {
            return Err(SigningError::Busy);
        }
        jobs.push_back(job);
        drop(jobs);
        ring(&self.bell);
        Ok(())
    }
}

/// A bell and its button. Neither end waits for the other.
fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
    let (one, other) = UnixDatagram::pair()?;
    one.set_nonblocking(true)?;
    other.set_nonblocking(true)?;
    Ok((one, other))
}

/// One that cannot be rung any more is ringing.
fn ring(bell: &UnixDatagram) {
    let _ = bell.send(&[1]);
}

fn hush(bell: &UnixDatagram) {
    while bell.recv(&mut [0]).is_ok() {}
}

/// Whoever panicked while he held it left what he found.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
