//! The named checks that a reply must pass before it may change anything.
//!
//! They are run in this order, cheapest first and the origin before any cryptography. A reply that fails one
//! changes nothing but that check's counter, which reports show by the check's name.

use std::net::IpAddr;

use truechimer_time::{Cooked, NtpDuration, NtpTimestamp, Raw, StampSource};
use truechimer_wire::{Header, Leap, Mode, Packet, ParseError, ReferenceId};

use crate::association::{Departure, Exchange};
use crate::authentication::{Credentials, KeyTable, Proof};
use crate::config::{Listener, SourceOptions};
use crate::io::{Datagram, Token};
use crate::local_clock::LocalClock;

/// Largest root distance that a server may tell, seconds: RFC 5905 §7.2 MAXDISP.
const MAX_DISPERSION_S: f64 = 16.0;
/// By how much the two clocks' rates may differ while a packet travels (RFC 5905 §7.2 has 15 ppm for PHI; a
/// crystal may be off by 500).
const RATE_SLACK: f64 = 500e-6;
/// By how much the reference timestamp may be after the transmit timestamp: servers read two clocks.
const REFERENCE_SLACK_S: f64 = 1.0;
/// By how much a server's receive stamp may be after its transmit stamp, seconds: a card and a kernel take them.
const STAMP_SLACK_S: f64 = 1e-3;

/// One named check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    /// The datagram comes from the address and port that was asked.
    Address,
    /// It holds at least the 48 bytes of a header.
    Length,
    /// Its extension fields and MAC are well-formed.
    Format,
    /// It is a server's answer: mode 4.
    Mode,
    /// Its version is the one that was asked in.
    Version,
    /// A request is outstanding on the socket that it came in on.
    Token,
    /// The request has not been answered yet.
    Duplicate,
    /// Its origin timestamp is the request's transmit timestamp.
    Origin,
    /// It carries the fields of NTS where its source uses NTS.
    Nts,
    /// Its NTS unique identifier is the request's.
    NtsIdentifier,
    /// It was sealed with the keys that were exchanged with its server.
    NtsAuthenticator,
    /// It is not a crypto-NAK, which anybody can send: a server's word that it could not verify the request.
    CryptoNak,
    /// It carries a MAC where its source has a key.
    Mac,
    /// Its MAC is of its source's own key, and it carries none where there is no key.
    Key,
    /// Its MAC was made with that key.
    Digest,
    /// Its transmit and receive timestamps are not zero.
    Transmit,
    /// Its stratum is between 1 and the largest accepted.
    Stratum,
    /// Its server says that it is synchronised.
    Leap,
    /// Its server's own error, precision included, is below 16 s.
    RootDistance,
    /// Its server's clock was not last set in the future.
    ReferenceTime,
    /// Its server is not synchronised to this machine, nor this machine itself.
    Loop,
    /// It did not leave its server before the request arrived there.
    ServerTime,
    /// The round trip is not negative, and below the largest delay accepted.
    Delay,
    /// The round trip is not too many times the smallest one.
    DelayRatio,
}

impl Check {
    /// All checks in the order in which they are made.
    pub const ALL: [Self; 24] = [
        Self::Address,
        Self::Length,
        Self::Format,
        Self::Mode,
        Self::Version,
        Self::Token,
        Self::Duplicate,
        Self::Origin,
        Self::Nts,
        Self::NtsIdentifier,
        Self::NtsAuthenticator,
        Self::CryptoNak,
        Self::Mac,
        Self::Key,
        Self::Digest,
        Self::Transmit,
        Self::Stratum,
        Self::Leap,
        Self::RootDistance,
        Self::ReferenceTime,
        Self::Loop,
        Self::ServerTime,
        Self::Delay,
        Self::DelayRatio,
    ];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Length => "length",
            Self::Format => "format",
            Self::Mode => "mode",
            Self::Version => "version",
            Self::Token => "token",
            Self::Duplicate => "duplicate",
            Self::Origin => "origin",
            Self::Nts => "nts",
            Self::NtsIdentifier => "nts_identifier",
            Self::NtsAuthenticator => "nts_authenticator",
            Self::CryptoNak => "crypto_nak",
            Self::Mac => "mac",
            Self::Key => "key",
            Self::Digest => "digest",
            Self::Transmit => "transmit",
            Self::Stratum => "stratum",
            Self::Leap => "leap",
            Self::RootDistance => "root_distance",
            Self::ReferenceTime => "reference_time",
            Self::Loop => "loop",
            Self::ServerTime => "server_time",
            Self::Delay => "delay",
            Self::DelayRatio => "delay_ratio",
        }
    }

    /// The clause that it implements.
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Address | Self::Token => "RFC 9109 §3.1",
            Self::Length => "RFC 5905 §7.3",
            Self::Format => "RFC 7822 §7.5",
            Self::Mode => "RFC 5905 §9.1 figure 20",
            Self::Version => "RFC 5905 §9.1",
            Self::Duplicate | Self::Origin => "RFC 5905 §8 (TEST1–TEST3)",
            Self::Nts | Self::NtsIdentifier | Self::NtsAuthenticator => "RFC 8915 §5.7",
            Self::CryptoNak | Self::Mac | Self::Digest => "RFC 5905 §9.2 (TEST5)",
            Self::Key => "RFC 5905 §9.2 (TEST5), CVE-2015-7974",
            Self::Transmit => "RFC 5905 §8 (TEST3)",
            Self::Stratum | Self::Leap => "RFC 5905 §9.2 (TEST6)",
            Self::RootDistance | Self::ReferenceTime => "RFC 5905 §9.2 (TEST7)",
            Self::Loop => "RFC 5905 §11.2.1 (TEST12)",
            Self::ServerTime | Self::Delay => "RFC 5905 §8",
            Self::DelayRatio => "option max_delay_ratio",
        }
    }

    /// What is wrong with a server whose replies fail it, for people.
    pub const fn complaint(self) -> &'static str {
        match self {
            Self::Address => "replies come from another address",
            Self::Length | Self::Format => "replies are malformed",
            Self::Mode | Self::Version => "replies are of another mode or version",
            Self::Token | Self::Duplicate | Self::Origin => "replies match no request",
            Self::Nts => "replies are not protected by NTS: it has none, or somebody on the way removes it",
            Self::NtsIdentifier | Self::NtsAuthenticator => {
                "replies are protected by NTS wrongly: they are forged"
            }
            Self::CryptoNak => "it says that it cannot verify our key",
            Self::Mac => "replies are not authenticated",
            Self::Key => "replies are authenticated with another key",
            Self::Digest => "replies are authenticated wrongly: its key is another one than ours",
            Self::Transmit => "replies carry no time",
            Self::Stratum => "its stratum is not accepted",
            Self::Leap => "it is not synchronised",
            Self::RootDistance => "its own error is above 16 s",
            Self::ReferenceTime => "its clock was set in the future",
            Self::Loop => "it is synchronised to this machine",
            Self::ServerTime => "it answers before it is asked",
            Self::Delay => "the round trip is too long or negative",
            Self::DelayRatio => "the round trip is too long against the shortest",
        }
    }
}

/// What the checks look at besides the datagram.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) token: Token,
    pub(crate) exchange: Option<&'a Exchange>,
    /// The request that was answered last.
    pub(crate) answered: Option<Token>,
    pub(crate) options: &'a SourceOptions,
    pub(crate) keys: &'a KeyTable,
    /// The smallest round trip so far, seconds.
    pub(crate) base_delay_s: Option<f64>,
    pub(crate) clock: &'a LocalClock,
    pub(crate) era_floor: Cooked,
    pub(crate) listeners: &'a [Listener],
}

/// A reply that passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(crate) header: Header,
    pub(crate) sent: Raw,
    pub(crate) received: Raw,
    pub(crate) forward_s: f64,
    pub(crate) backward_s: f64,
    pub(crate) precision_s: f64,
    /// What the server took to answer, by its own clock, seconds.
    pub(crate) response_s: f64,
    /// Who stamped the request's departure and the reply's arrival.
    pub(crate) stamps: [StampSource; 2],
    pub(crate) local: Option<IpAddr>,
}

/// A packet that answers an outstanding request or claims to, for the log of those that failed a check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) header: Header,
    pub(crate) token: Token,
    pub(crate) local: Option<IpAddr>,
    pub(crate) stamps: [StampSource; 2],
    /// What it measured, if it got so far.
    pub(crate) reply: Option<Reply>,
}

/// What to make of a datagram.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// A measurement.
    Sample(Reply),
    /// A kiss of death or another remark (RFC 5905 §7.4); the origin matched.
    Kiss(ReferenceId),
    /// An NTS NAK with the request's unique identifier: the server, or anybody who saw the request, says that the server
    /// cannot open it.
    Nak,
}

/// Runs the checks. `seen` is what came in the way of an answer, whatever becomes of it.
pub(crate) fn judge(
    datagram: &Datagram<'_>,
    context: &Context<'_>,
    credentials: &mut Credentials,
    seen: &mut Option<Seen>,
) -> Result<Judgement, Check> {
    let ensure = |passed: bool, check: Check| if passed { Ok(()) } else { Err(check) };

    if let Some(exchange) = context.exchange {
        ensure(same_endpoint(datagram, exchange), Check::Address)?;
    }
    let packet = Packet::parse(datagram.bytes).map_err(|error| match error {
        ParseError::Short => Check::Length,
        ParseError::Version => Check::Version,
        ParseError::Mode => Check::Mode,
        ParseError::FieldLength | ParseError::TooManyFields | ParseError::Trailing => Check::Format,
    })?;
    let header = packet.header();
    ensure(header.mode == Mode::Server, Check::Mode)?;
    ensure(header.version == context.options.version, Check::Version)?;
    ensure(context.answered != Some(context.token), Check::Duplicate)?;
    let (exchange, departure) = context
        .exchange
        .filter(|exchange| exchange.token == context.token)
        .and_then(|exchange| exchange.departure.as_ref().map(|departure| (exchange, departure)))
        .ok_or(Check::Token)?;
    let seen = seen.insert(Seen {
        header,
        token: context.token,
        local: datagram.local,
        stamps: [departure.source, datagram.received.source],
        reply: None,
    });
    // The request's transmit timestamp is random and never zero, so a zero origin fails here too (CVE-2015-8138).
    ensure(header.origin_timestamp == exchange.transmit, Check::Origin)?;
    // Before anything that the packet says is believed, a kiss code included (NA-13).
    if credentials.verify(&packet, datagram.remote.ip(), context.keys)? == Proof::Nak {
        return Ok(Judgement::Nak);
    }
    if header.stratum == 0 {
        return Ok(Judgement::Kiss(header.reference_id));
    }
    let stamped = !header.transmit_timestamp.is_zero() && !header.receive_timestamp.is_zero();
    ensure(stamped, Check::Transmit)?;
    ensure((1..=context.options.max_stratum.min(15)).contains(&header.stratum), Check::Stratum)?;
    ensure(header.leap != Leap::Unsynchronised, Check::Leap)?;
    let distance_s = header.root_delay.seconds() / 2.0 + header.root_dispersion.seconds();
    let server_precision_s = f64::from(header.precision.clamp(-32, 8)).exp2();
    ensure(distance_s + server_precision_s < MAX_DISPERSION_S, Check::RootDistance)?;
    ensure(reference_is_past(&header), Check::ReferenceTime)?;

    let reply = measure(&header, datagram, departure, server_precision_s, context);
    seen.reply = Some(reply);
    ensure(!is_loop(&header, datagram.local) && !is_ours(datagram, context.listeners), Check::Loop)?;
    let processing_s = reply.response_s;
    ensure(processing_s >= -(server_precision_s + STAMP_SLACK_S), Check::ServerTime)?;
    let delay_s = reply.forward_s + reply.backward_s;
    let away_s = delay_s + processing_s;
    ensure(delay_s >= -(reply.precision_s + RATE_SLACK * away_s.abs()), Check::Delay)?;
    ensure(delay_s < context.options.max_delay_s, Check::Delay)?;
    if let (Some(ratio), Some(base_s)) = (context.options.max_delay_ratio, context.base_delay_s) {
        ensure(delay_s <= base_s * ratio, Check::DelayRatio)?;
    }
    Ok(Judgement::Sample(reply))
}

/// The two legs, with the server's stamps lifted out of their era by a time that is certainly past: the local
/// clock may be decades off.
fn measure(
    header: &Header,
    datagram: &Datagram<'_>,
    departure: &Departure,
    server_precision_s: f64,
    context: &Context<'_>,
) -> Reply {
    let received = context.clock.raw(datagram.received.at);
    let t2 = Cooked::unfold(header.receive_timestamp, context.era_floor);
    // The transmit timestamp may already be in the next era.
    let t3 = t2 + span(header.receive_timestamp, header.transmit_timestamp);
    let leg = |to: i128, from: i128| NtpDuration::from_bits(to.saturating_sub(from)).seconds();
    let offset_s = context.options.offset_s;
    let stamp_error_s = departure.error_s.max(0.0) + datagram.received.error.max(0.0);
    Reply {
        header: *header,
        sent: departure.raw,
        received,
        forward_s: leg(t2.bits(), departure.raw.bits()) + offset_s,
        backward_s: leg(received.bits(), t3.bits()) - offset_s,
        precision_s: server_precision_s + context.clock.precision_s() + stamp_error_s,
        response_s: span(header.receive_timestamp, header.transmit_timestamp).seconds(),
        stamps: [departure.source, datagram.received.source],
        local: datagram.local,
    }
}

fn same_endpoint(datagram: &Datagram<'_>, exchange: &Exchange) -> bool {
    let (from, to) = (datagram.remote, exchange.remote);
    from.port() == to.port() && from.ip().to_canonical() == to.ip().to_canonical()
}

/// From one timestamp to another that is near it; their difference has no era.
fn span(from: NtpTimestamp, to: NtpTimestamp) -> NtpDuration {
    NtpDuration::from_bits(i128::from(to.bits().wrapping_sub(from.bits()) as i64))
}

/// A server that was never set has a reference timestamp of zero; it says so by its leap indicator as well.
fn reference_is_past(header: &Header) -> bool {
    let since = span(header.reference_timestamp, header.transmit_timestamp).seconds();
    header.reference_timestamp.is_zero() || since >= -REFERENCE_SLACK_S
}

/// At stratum 2 and above the reference identifier names the server's own source: it must not be us.
fn is_loop(header: &Header, local: Option<IpAddr>) -> bool {
    header.stratum >= 2 && local.is_some_and(|local| ReferenceId::from_address(local) == header.reference_id)
}

/// Whether it came from where we answer ourselves: a clock that is measured by itself is always right. A network can name our own
/// address among its time servers.
fn is_ours(datagram: &Datagram<'_>, listeners: &[Listener]) -> bool {
    let (from, port) = (datagram.remote.ip().to_canonical(), datagram.remote.port());
    let here = from.is_loopback() || datagram.local.is_some_and(|local| local.to_canonical() == from);
    here && listeners.iter().any(|listener| {
        let address = listener.address.ip().to_canonical();
        listener.address.port() == port && (address.is_unspecified() || address == from)
    })
}
