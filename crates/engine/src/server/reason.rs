//! Reasons not to answer a request, and how often each occurred.

use std::collections::BTreeMap;

use truechimer_wire::ParseError;

use super::SigningError;

/// Why a request was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropReason {
    /// Shorter than a header.
    Length,
    /// Not version 1 to 4.
    Version,
    /// Not a request.
    Mode,
    /// From port 0, no address, or many.
    SourceAddress,
    /// Says it comes from this host, but was not sent to a loopback address (CVE-2014-9298).
    LoopbackSpoof,
    /// Sent to a group: every server in it would answer.
    NotUnicast,
    /// The access list says no.
    Denied,
    /// The clock was stepped a moment ago.
    ClockStepped,
    /// The engine has not looked at the clock for too long, or the clock has jumped since: only on a thread of its own
    /// (see [`super::worker`]).
    ClockUnwatched,
    /// An extension field with an impossible length.
    FieldLength,
    /// More extension fields than any use of them needs.
    TooManyFields,
    /// Neither an extension field nor a MAC behind the rest.
    Trailing,
    /// Has a MAC of a key that we do not have.
    UnknownKey,
    /// Has a MAC that was not made with the key that it names.
    Digest,
    /// Wants a signature in a form that Samba cannot make.
    MsSntpExtended,
    /// Wants a signature, and too many others do too.
    SigningBusy,
    /// Wants a signature, and the program that makes them is not there.
    SigningUnavailable,
    /// Wants a signature, which was refused.
    SigningRefused,
    /// Wants a signature, which was not made in time.
    SigningTimeout,
    /// Asks for NTS and breaks its rules.
    NtsFormat,
    /// Was to be refused with an NTS NAK, and there were too many of these.
    NtsNakRate,
    /// Its client asks too often.
    RateLimited,
}

impl DropReason {
    /// All of them, in the order of the enum.
    const ALL: [Self; 22] = [
        Self::Length,
        Self::Version,
        Self::Mode,
        Self::SourceAddress,
        Self::LoopbackSpoof,
        Self::NotUnicast,
        Self::Denied,
        Self::ClockStepped,
        Self::ClockUnwatched,
        Self::FieldLength,
        Self::TooManyFields,
        Self::Trailing,
        Self::UnknownKey,
        Self::Digest,
        Self::MsSntpExtended,
        Self::SigningBusy,
        Self::SigningUnavailable,
        Self::SigningRefused,
        Self::SigningTimeout,
        Self::NtsFormat,
        Self::NtsNakRate,
        Self::RateLimited,
    ];

    /// The name of the counter.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Version => "version",
            Self::Mode => "mode",
            Self::SourceAddress => "source_address",
            Self::LoopbackSpoof => "loopback_spoof",
            Self::NotUnicast => "not_unicast",
            Self::Denied => "denied",
            Self::ClockStepped => "clock_stepped",
            Self::ClockUnwatched => "clock_unwatched",
            Self::FieldLength => "field_length",
            Self::TooManyFields => "too_many_fields",
            Self::Trailing => "trailing",
            Self::UnknownKey => "unknown_key",
            Self::Digest => "digest",
            Self::MsSntpExtended => "ms_sntp_extended",
            Self::SigningBusy => "signing_busy",
            Self::SigningUnavailable => "signing_unavailable",
            Self::SigningRefused => "signing_refused",
            Self::SigningTimeout => "signing_timeout",
            Self::NtsFormat => "nts_format",
            Self::NtsNakRate => "nts_nak_rate",
            Self::RateLimited => "rate_limited",
        }
    }
}

impl From<SigningError> for DropReason {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Busy => Self::SigningBusy,
            SigningError::Unavailable => Self::SigningUnavailable,
            SigningError::Refused => Self::SigningRefused,
            SigningError::TimedOut => Self::SigningTimeout,
            SigningError::Stepped => Self::ClockStepped,
        }
    }
}

impl From<ParseError> for DropReason {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Short => Self::Length,
            ParseError::Version => Self::Version,
            ParseError::Mode => Self::Mode,
            ParseError::FieldLength => Self::FieldLength,
            ParseError::TooManyFields => Self::TooManyFields,
            ParseError::Trailing => Self::Trailing,
        }
    }
}

/// A counter for each reason.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DropCounters([u64; DropReason::ALL.len()]);

impl DropCounters {
    /// One more.
    pub(super) fn count(&mut self, reason: DropReason) {
        if let Some(counter) = self.0.get_mut(reason as usize) {
            *counter = counter.saturating_add(1);
        }
    }

    /// Adds those of another.
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Those that ever counted, by name.
    pub(super) fn report(&self) -> BTreeMap<String, u64> {
        let counted = DropReason::ALL.iter().zip(&self.0).filter(|&(_, &count)| count > 0);
        counted.map(|(reason, &count)| (reason.name().to_owned(), count)).collect()
    }
}

#[cfg(test)]
mod tests;
