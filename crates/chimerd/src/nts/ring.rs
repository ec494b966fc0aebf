//! The keys that cookies are made with: where they come from, when they change, and where they are kept.
//!
//! | origin | who makes keys | what is on the disk |
//! |---|---|---|
//! | own file | this server, on schedule | the ring, readable by nobody else, replaced atomically |
//! | shared file, `rotate = "never"` | another server | the ring, read again when it changes |
//! | master secret | every server of the fleet, alike | the secret, read again when it changes |
//! | memory | this server, on schedule | nothing: clients exchange keys again after a restart |
//!
//! A file that is damaged counts as absent, with a warning (AT-36), and one that cannot be written is no reason to stop: the
//! ring in memory goes on. Keys are made by the calendar, as that survives restarts; but while the clock is not known to be
//! right, by the time that has passed: a clock that stands in 2099 for a minute must not make all cookies void.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use truechimer_config::nts::{RingOrigin, ServeNts};
use truechimer_nts::KeyRing;
use truechimer_nts::ring::{MAX_FILE_LEN, MIN_MASTER_LEN, MasterSecret, RingFileError};
use truechimer_sys::{files, privileges, random};
use truechimer_time::{Mono, Now};
use zeroize::Zeroizing;

use super::Say;
use super::watch::Watched;
use crate::journal::Priority;

/// Files and the calendar are looked at so often, seconds.
const LOOK_S: f64 = 10.0;
/// Permissions of the file: whoever reads it can read and forge what it protects.
const MODE: u32 = 0o600;
/// Longer files are no secrets.
const SECRET_MAX: usize = 4096;

/// Keeps the ring.
#[derive(Debug)]
pub(crate) struct RingKeeper {
    origin: RingOrigin,
    keep: usize,
    ring: Option<Arc<KeyRing>>,
    master: Option<MasterSecret>,
    /// Until when a derived ring is the right one, seconds since 1970, and since when.
    epoch: std::ops::Range<u64>,
    file: Watched,
    look_at: Mono,
    /// When the current key became so, or was found.
    renewed: Mono,
    /// It did so here by a clock that was not known to be right: its own date counts for nothing until it is.
    misdated: bool,
    /// Whom files shall belong to.
    user: Option<String>,
    /// The last complaint, which is not made twice.
    complaint: String,
}

impl RingKeeper {
    /// Comes by a ring. What is made belongs to `user`, whom the daemon is going to become.
    pub(crate) fn start(config: &ServeNts, user: Option<&str>, now: Now, say: Say<'_>) -> Self {
        let path = match &config.ring {
            RingOrigin::File { path, .. } => path.clone(),
            RingOrigin::Master { path, .. } => Some(path.clone()),
        };
        let mut keeper = Self {
            origin: config.ring.clone(),
            keep: config.keep,
            ring: None,
            master: None,
            epoch: 0..0,
            file: Watched::new(path.into_iter().collect()),
            look_at: now.mono.after(LOOK_S),
            renewed: now.mono,
            misdated: false,
            user: user.map(str::to_owned),
            complaint: String::new(),
        };
        keeper.file.take();
        keeper.load(now, say);
        keeper
    }

    /// Whether it keeps what this configuration wants.
    pub(crate) fn is_for(&self, config: &ServeNts) -> bool {
        self.origin == config.ring && self.keep == config.keep
    }

    /// The ring, unless it is somebody else's and not there yet.
    pub(crate) fn ring(&self) -> Option<&Arc<KeyRing>> {
        self.ring.as_ref()
    }

    /// How many old keys it has.
    pub(crate) fn keep(&self) -> usize {
        self.keep
    }

    pub(crate) fn poll_timeout(&self) -> Mono {
        self.look_at
    }

    /// Looks now and then, and says whether there is another ring. `time_known` is whether the clock is right.
    pub(crate) fn poll_change(&mut self, now: Now, time_known: bool, say: Say<'_>) -> bool {
        if now.mono < self.look_at {
            return false;
        }
        self.look_at = now.mono.after(LOOK_S);
        if time_known && self.misdated {
            self.redate(now, say);
        }
        let before = self.ring.clone();
        if self.file.look() {
            self.file.take();
            self.load(now, say);
        }
        self.renew(now, time_known, say);
        !same(before.as_ref(), self.ring.as_ref())
    }

    /// Takes what the file holds, or makes a ring where there is none.
    fn load(&mut self, now: Now, say: Say<'_>) {
        match self.origin.clone() {
            RingOrigin::File { path: None, .. } => self.generate(now, say),
            RingOrigin::File { path: Some(path), rotate_s } => match read_ring(&path, self.keep) {
                Ok(ring) => {
                    self.ring = Some(Arc::new(ring));
                    (self.renewed, self.misdated) = (now.mono, false);
                    self.complaint.clear();
                    self.check_privacy(&path, say);
                }
                Err(fault) => self.do_without(&path, &fault, rotate_s.is_some(), now, say),
            },
            RingOrigin::Master { path, rotate_s } => {
                match read_secret(&path, rotate_s, self.keep) {
                    Ok(master) => {
                        self.master = Some(master);
                        self.epoch = 0..0;
                        self.complaint.clear();
                        self.check_privacy(&path, say);
                    }
                    Err(text) => self.complain(Priority::Error, text, say),
                }
                self.derive(now);
            }
        }
    }

    /// The file is of no use: a ring that is there stays. Who makes the keys goes on with new ones.
    fn do_without(&mut self, path: &Path, fault: &Fault, makes_keys: bool, now: Now, say: Say<'_>) {
        let shown = path.display();
        match fault {
            Fault::Absent if makes_keys => {}
            Fault::Absent => {
                let text = format!("the key ring {shown} is not there yet: no cookie can be made or opened");
                self.complain(Priority::Warning, text, say);
            }
            Fault::Damaged(what) => {
                let then = match (&self.ring, makes_keys) {
                    (Some(_), _) => "the keys that were in force stay so",
                    (None, true) => "new keys are made, and clients must exchange keys again",
                    (None, false) => "no cookie can be made or opened",
                };
                self.complain(Priority::Warning, format!("{shown} holds no key ring ({what}): {then}"), say);
            }
            Fault::Unreadable(error) => {
                let text = format!("cannot read the key ring {shown}: {error}");
                self.complain(Priority::Error, text, say);
            }
        }
        if !makes_keys {
            return;
        }
        if self.ring.is_none() {
            self.generate(now, say);
        }
        // Who makes the keys puts them back; but what could not be read may be worth something.
        if let (Some(ring), false) = (self.ring.clone(), matches!(fault, Fault::Unreadable(_))) {
            self.save(&ring, say);
        }
    }

    fn generate(&mut self, now: Now, say: Say<'_>) {
        match fresh_random() {
            Ok(mut random) => {
                self.ring = Some(Arc::new(KeyRing::generate(unix_s(now), self.keep, &mut random)));
                (self.renewed, self.misdated) = (now.mono, true);
            }
            Err(error) => {
                let text = format!("no keys can be made, as the system gives no randomness: {error}");
                self.complain(Priority::Error, text, say);
            }
        }
    }

    fn renew(&mut self, now: Now, time_known: bool, say: Say<'_>) {
        let rotate_s = match self.origin {
            RingOrigin::Master { .. } => return self.derive(now),
            RingOrigin::File { rotate_s: None, .. } => return,
            RingOrigin::File { rotate_s: Some(rotate_s), .. } => rotate_s,
        };
        let Some(ring) = &self.ring else { return };
        let mut next = KeyRing::clone(ring);
        let Ok(mut random) = fresh_random() else { return };
        let due = if time_known {
            next.advance(unix_s(now), rotate_s as u64, &mut random)
        } else {
            let due = now.mono.seconds_since(self.renewed) >= rotate_s;
            if due {
                next.rotate(unix_s(now), &mut random);
            }
            due
        };
        if due {
            (self.renewed, self.misdated) = (now.mono, !time_known);
            self.save(&next, say);
            say(Priority::Info, format!("there is a new key for NTS cookies ({:08x})", next.current_id()));
            self.ring = Some(Arc::new(next));
        }
    }

    /// The time is known: the current key gets the date that it would have got if it had been so before. Else, after a restart,
    /// it would seem to be years old, and all cookies would be void.
    fn redate(&mut self, now: Now, say: Say<'_>) {
        let Some(ring) = &self.ring else { return };
        let mut dated = KeyRing::clone(ring);
        let age_s = now.mono.seconds_since(self.renewed) as u64;
        dated.redate(unix_s(now).saturating_sub(age_s));
        self.misdated = false;
        self.save(&dated, say);
        self.ring = Some(Arc::new(dated));
    }

    /// Derives the ring of this time, if it is not the one that is in force.
    fn derive(&mut self, now: Now) {
        let (Some(master), now_s) = (&self.master, unix_s(now)) else { return };
        if !self.epoch.contains(&now_s) {
            self.ring = Some(Arc::new(master.ring(now_s)));
            self.epoch = now_s..master.next_epoch_s(now_s);
            self.renewed = now.mono;
        }
    }

    fn save(&mut self, ring: &KeyRing, say: Say<'_>) {
        let Some(path) = self.path().map(Path::to_owned) else { return };
        let saved = files::write_atomic(&path, ring.write().as_bytes(), MODE)
            .and_then(|()| self.user.as_deref().map_or(Ok(()), |user| privileges::give_to(user, &path)));
        self.file.take();
        match saved {
            Ok(()) => self.complaint.clear(),
            Err(error) => {
                let text = format!(
                    "cannot write the key ring {}: {error}; after a restart clients must exchange keys again",
                    path.display()
                );
                self.complain(Priority::Warning, text, say);
            }
        }
    }

    /// Its file.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.origin {
            RingOrigin::File { path, .. } => path.as_deref(),
            RingOrigin::Master { path, .. } => Some(path),
        }
    }

    fn check_privacy(&mut self, path: &Path, say: Say<'_>) {
        if std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
            let text = format!(
                "{} can be read or written by others, who could then read and forge cookies: chmod 600",
                path.display()
            );
            self.complain(Priority::Warning, text, say);
        }
    }

    fn complain(&mut self, priority: Priority, text: String, say: Say<'_>) {
        if text != self.complaint {
            say(priority, text.clone());
            self.complaint = text;
        }
    }
}

/// Why a file gives no ring.
enum Fault {
    Absent,
    Damaged(&'static str),
    Unreadable(io::Error),
}

fn read_ring(path: &Path, keep: usize) -> Result<KeyRing, Fault> {
    let bytes = match files::read_bounded(path, MAX_FILE_LEN) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Fault::Absent),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(Fault::Damaged("too long")),
        Err(error) => return Err(Fault::Unreadable(error)),
    };
    KeyRing::parse(&bytes, keep).map_err(|error| {
        Fault::Damaged(match error {
            RingFileError::Format => "something else",
            RingFileError::Version => "of another version",
            RingFileError::Long => "too long",
            RingFileError::Line(_) => "a line of it is damaged",
            RingFileError::Missing => "cut off",
        })
    })
}

fn read_secret(path: &Path, rotate_s: f64, keep: usize) -> Result<MasterSecret, String> {
    let bytes = files::read_bounded(path, SECRET_MAX)
        .map(Zeroizing::new)
        .map_err(|error| format!("cannot read the master secret {}: {error}", path.display()))?;
    MasterSecret::new(&bytes, rotate_s as u64, keep).map_err(|_| {
        format!(
            "the master secret {} has fewer than {MIN_MASTER_LEN} bytes: openssl rand -base64 48 makes a good one",
            path.display()
        )
    })
}

fn fresh_random() -> io::Result<ChaCha20Rng> {
    let mut seed = Zeroizing::new([0; 32]);
    random::fill(seed.as_mut())?;
    Ok(ChaCha20Rng::from_seed(*seed))
}

/// Seconds since 1970; a clock before that stands there.
fn unix_s(now: Now) -> u64 {
    u64::try_from(now.cooked.unix_nanos() / 1_000_000_000).unwrap_or(0)
}

fn same(one: Option<&Arc<KeyRing>>, other: Option<&Arc<KeyRing>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
