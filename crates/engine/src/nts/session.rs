//! The keys and cookies of one key exchange, and what they do for packets (RFC 8915 §5).

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use truechimer_nts::aead::{Aead, Algorithm};
use truechimer_nts::packet::{self, ReplyError, UNIQUE_IDENTIFIER_LEN};
use truechimer_nts::{CookieJar, Keys};
use truechimer_time::Mono;
use truechimer_wire::{FieldType, Header, Packet};

use crate::check::Check;
use crate::io::{KeyExchanged, Validity};
use crate::rng::Rng;

/// Requests in a row that a server may refuse before new keys are wanted.
const REFUSALS: u32 = 2;

/// How much is known of the dates of the certificate behind the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tested {
    /// It was valid when the keys were exchanged, by a time that was known.
    Known,
    /// It was valid when the keys were exchanged, by the machine's own clock, which nobody had confirmed.
    OwnClock,
    /// It was not valid by the machine's own clock, so that one of both is wrong.
    Deferred,
}

impl Tested {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Known => "verified",
            Self::OwnClock => "own_clock",
            Self::Deferred => "deferred",
        }
    }
}

/// What a reply proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It was made by the server for this request.
    Authentic,
    /// Somebody who saw the request, and perhaps the server, says that the server cannot open it.
    Nak,
}

/// The request under way.
#[derive(Debug)]
struct Outstanding {
    unique_id: [u8; UNIQUE_IDENTIFIER_LEN],
    /// It has got its authentic reply: a copy of that is worth nothing.
    answered: bool,
    /// It was refused by somebody who had seen it.
    refused: bool,
}

/// Keys and cookies.
pub(super) struct Session {
    c2s: Aead,
    s2c: Aead,
    /// Keys to try when the first are never accepted.
    alternative: Option<Keys>,
    jar: CookieJar,
    outstanding: Option<Outstanding>,
    /// The address of ours on which replies came.
    local: Option<IpAddr>,
    validity: Validity,
    certificate_key: [u8; 32],
    tested: Tested,
    refresh_at: Mono,
    /// There was an authentic reply.
    proven: bool,
    /// Requests in a row that were refused and got no authentic reply.
    refusals: u32,
    /// Requests in a row that got no authentic reply.
    unanswered: u32,
    /// New keys are wanted, to have their certificate judged strictly.
    unconfirmed: bool,
}

impl Session {
    /// `None` if there is no cookie that can be used.
    pub(super) fn new(exchanged: &KeyExchanged, tested: Tested, refresh_at: Mono) -> Option<Self> {
        let mut jar = CookieJar::new();
        for cookie in &exchanged.cookies {
            jar.push(cookie);
        }
        (!jar.is_empty()).then(|| Self {
            c2s: Aead::new(exchanged.keys.c2s()),
            s2c: Aead::new(exchanged.keys.s2c()),
            alternative: exchanged.alternative.clone(),
            jar,
            outstanding: None,
            local: None,
            validity: exchanged.validity,
            certificate_key: exchanged.certificate_key,
            tested,
            refresh_at,
            proven: false,
            refusals: 0,
            unanswered: 0,
            unconfirmed: false,
        })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.c2s.algorithm()
    }

    pub(super) fn has_cookies(&self) -> bool {
        !self.jar.is_empty()
    }

    pub(super) fn cookies(&self) -> usize {
        self.jar.len()
    }

    pub(super) fn validity(&self) -> Validity {
        self.validity
    }

    pub(super) fn certificate_key(&self) -> [u8; 32] {
        self.certificate_key
    }

    pub(super) fn tested(&self) -> Tested {
        self.tested
    }

    /// When new keys are wanted; `None` for at once.
    pub(super) fn replaced_at(&self) -> Option<Mono> {
        // The reply to the last cookie may bring new ones.
        let in_flight = self.outstanding.as_ref().is_some_and(|outstanding| !outstanding.answered);
        let at_once = (self.jar.is_empty() && !in_flight) || self.refusals >= REFUSALS || self.unconfirmed;
        (!at_once).then_some(self.refresh_at)
    }

    /// The time is known. Keys whose certificate was not valid then are worth nothing, unless it was valid at a time that
    /// was known when they were exchanged: these stay good. `false` if these are worth nothing.
    pub(super) fn handle_time_known(&mut self, unix_s: i64) -> bool {
        match self.tested {
            Tested::Known => true,
            _ if !self.validity.contains(unix_s) => false,
            Tested::OwnClock => {
                self.tested = Tested::Known;
                true
            }
            Tested::Deferred => {
                self.unconfirmed = true;
                true
            }
        }
    }

    /// Writes a request and gives its length. The cookie is gone then, whatever becomes of the request.
    pub(super) fn write_request(
        &mut self,
        header: &Header,
        rng: &mut Rng,
        buffer: &mut [u8],
    ) -> Option<usize> {
        let cookie = self.jar.pop()?;
        let mut unique_id = [0; UNIQUE_IDENTIFIER_LEN];
        rng.fill(&mut unique_id);
        // Some networks drop long NTP packets: what gets no reply is asked for in a short one every other time.
        let placeholders = match self.unanswered % 2 {
            0 => packet::placeholders(self.jar.len(), cookie.as_bytes().len(), self.algorithm()),
            _ => 0,
        };
        self.outstanding = Some(Outstanding { unique_id, answered: false, refused: false });
        packet::write_request(buffer, header, &unique_id, &cookie, placeholders, &self.c2s, rng.stream()).ok()
    }

    /// Whether a reply is the server's own, and to this request. Its cookies go into the jar, even if nothing else in it is of
    /// use: they were sent for this request and no other.
    pub(super) fn verify(&mut self, packet: &Packet<'_>) -> Result<Proof, Check> {
        let outstanding = self.outstanding.as_mut().ok_or(Check::Duplicate)?;
        if packet::is_nak(packet, &outstanding.unique_id) {
            let again = std::mem::replace(&mut outstanding.refused, true) || outstanding.answered;
            return if again { Err(Check::Duplicate) } else { Ok(Proof::Nak) };
        }
        if outstanding.answered {
            return Err(Check::Duplicate);
        }
        let mut scratch = [0; packet::MAX_PLAINTEXT_LEN];
        let opened = packet::open_reply(packet, &outstanding.unique_id, &self.s2c, &mut scratch);
        let opened = opened.map_err(|error| match error {
            ReplyError::UniqueIdentifier => Check::NtsIdentifier,
            ReplyError::NoAuthenticator => Check::Nts,
            ReplyError::Malformed | ReplyError::Forged => Check::NtsAuthenticator,
        });
        let opened = opened.map_err(|check| if has_nts_fields(packet) { check } else { Check::Nts })?;
        for cookie in opened.cookies() {
            self.jar.push(cookie);
        }
        outstanding.answered = true;
        self.proven = true;
        self.alternative = None;
        self.refusals = 0;
        self.unanswered = 0;
        Ok(Proof::Authentic)
    }

    pub(super) fn has_moved(&mut self, local: Option<IpAddr>) -> bool {
        let Some(local) = local else { return false };
        *self.local.get_or_insert(local) != local
    }

    pub(super) fn abandon(&mut self) {
        self.outstanding = None;
    }

    /// See [`NtsClient::handle_unanswered`](super::NtsClient::handle_unanswered).
    pub(super) fn handle_unanswered(&mut self) -> bool {
        let Some(outstanding) = self.outstanding.take() else { return false };
        if outstanding.answered {
            return false;
        }
        self.unanswered = self.unanswered.saturating_add(1);
        if !outstanding.refused {
            return false;
        }
        if let Some(keys) = self.alternative.take().filter(|_| !self.proven) {
            self.c2s = Aead::new(keys.c2s());
            self.s2c = Aead::new(keys.s2c());
            return true;
        }
        self.refusals = self.refusals.saturating_add(1);
        self.refusals < REFUSALS
    }
}

/// Whether anything in it says that NTS is meant.
fn has_nts_fields(packet: &Packet<'_>) -> bool {
    let of_nts = [FieldType::UNIQUE_IDENTIFIER, FieldType::NTS_AUTHENTICATOR];
    packet.fields().any(|field| of_nts.contains(&field.field_type))
}

/// Shows what a forged packet must not change, and no secret.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cookies = DefaultHasher::new();
        self.jar.iter().for_each(|cookie| cookie.as_bytes().hash(&mut cookies));
        f.debug_struct("Session")
            .field("algorithm", &self.algorithm())
            .field("alternative", &self.alternative.is_some())
            .field("cookies", &(self.jar.len(), cookies.finish()))
            .field("outstanding", &self.outstanding)
            .field("local", &self.local)
            .field("validity", &self.validity)
            .field("tested", &self.tested)
            .field("refresh_at", &self.refresh_at)
            .field("state", &(self.proven, self.refusals, self.unanswered, self.unconfirmed))
            .finish()
    }
}
