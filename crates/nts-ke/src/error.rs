//! Why a key exchange failed, in terms of what somebody can do about it.

use std::fmt;

use crate::validity::Date;

/// Why a client has no keys. The text says what to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeError {
    /// The name of the server is neither a DNS name nor an address.
    ServerName,
    /// The connection did not come about or did not last: told by the adapter that owns the socket.
    Network(NetworkFault),
    /// What the peer sent is not TLS.
    NotTls,
    /// The peer does not speak TLS 1.3.
    TlsVersion,
    /// TLS works, but the peer does not speak the key exchange (ALPN `ntske/1`, RFC 8915 §4).
    NoApplicationProtocol,
    /// The peer ended the connection with this TLS alert (RFC 8446 §6).
    Alert(u8),
    /// The peer broke the rules of TLS, or a byte was changed on the way.
    Tls,
    /// The server's certificate was not accepted.
    Certificate(CertificateFault),
    /// The peer sent more than any key exchange needs.
    TooMuch,
    /// The peer closed the connection before its answer was complete.
    Closed,
    /// The answer breaks the rules of RFC 8915 §4.
    Answer,
    /// The server answered with this error record (RFC 8915 §4.1.3).
    Refused(u16),
    /// The server answered with this warning record, none of which is defined (RFC 8915 §4.1.4).
    Warned(u16),
    /// The server has no protocol that we asked for: it does not do NTPv4.
    NoProtocol,
    /// The server has none of the AEAD algorithms that we offered.
    NoAlgorithm,
    /// The server gave no cookie.
    NoCookies,
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkFault {
    /// The name has no address.
    NotFound,
    /// Nothing listens on the port.
    Refused,
    /// There is no way to the address.
    Unreachable,
    /// The connection was reset.
    Reset,
    /// It took too long.
    TimedOut,
    /// We could not try: no descriptor, no memory, or the process that does it is gone.
    Unavailable,
}

/// What is wrong with a certificate chain. Dates are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// It is for others.
    WrongName {
        /// Up to three of the DNS names that it is for, separated by commas. They come from the server's certificate, whose
        /// chain has been verified.
        presented: String,
    },
    /// Its time, or that of an intermediate one, is over.
    Expired {
        /// Its last second.
        not_after_s: i64,
    },
    /// Its time, or that of an intermediate one, has not come.
    NotYetValid {
        /// Its first second.
        not_before_s: i64,
    },
    /// There is no instant at which all certificates of the chain are valid.
    NeverValid,
    /// The chain does not lead to a certificate that is trusted.
    UnknownIssuer,
    /// It is an authority's certificate, which cannot be a server's as well.
    Authority,
    /// It is not for servers (extended key usage).
    Purpose,
    /// An authority above it may not vouch for that name or at that depth.
    Constraint,
    /// A certificate was not signed with the key of the one that its issuer's name leads to.
    Signature,
    /// The server does not hold its key.
    Key,
    /// An algorithm or key is unknown, or too weak to be accepted.
    Algorithm,
    /// The chain is too long, or takes too much work to verify.
    TooComplex,
    /// It cannot be read.
    Malformed,
}

/// Why a server ended a connection without keys given out. For counters and rate-limited log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerFault {
    /// What the peer sent is not TLS.
    NotTls,
    /// The peer does not speak TLS 1.3.
    TlsVersion,
    /// The peer did not ask for the key exchange (ALPN `ntske/1`).
    NoApplicationProtocol,
    /// The peer ended the connection with an alert, which often says that it does not trust our certificate.
    Alert(u8),
    /// The peer broke the rules of TLS, or we have nothing in common with it.
    Tls,
    /// The peer sent more than a request needs.
    TooMuch,
    /// The peer closed the connection before its request was complete.
    Closed,
    /// The request broke the rules of RFC 8915 §4; an error record was the answer.
    Request,
    /// The client wants another protocol than NTPv4 or algorithms that we do not have or want; the answer says so.
    NothingInCommon,
    /// We failed; an error record was the answer.
    Internal,
}

impl fmt::Display for KeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerName => write!(f, "not a DNS name or address that a certificate could be for"),
            Self::Network(fault) => write!(f, "{fault}"),
            Self::NotTls => {
                write!(
                    f,
                    "what answers does not speak TLS: not an NTS server, or something on the way interferes"
                )
            }
            Self::TlsVersion => {
                write!(
                    f,
                    "what answers does not speak TLS 1.3: not an NTS server, or something on the way interferes"
                )
            }
            Self::NoApplicationProtocol => write!(
                f,
                "what answers does not speak NTS key exchange (no ALPN ntske/1): not an NTS server, or the connection is intercepted"
            ),
            Self::Alert(alert) => write!(f, "the server ended the connection with TLS alert {alert}"),
            Self::Tls => write!(f, "the server broke the rules of TLS, or the connection was tampered with"),
            Self::Certificate(fault) => write!(f, "the server's certificate {fault}"),
            Self::TooMuch => write!(f, "the server sent more than a key exchange needs"),
            Self::Closed => write!(f, "the server closed the connection before it had answered"),
            Self::Answer => write!(f, "the server's answer breaks the rules of RFC 8915"),
            Self::Refused(0) => {
                write!(f, "the server did not understand a critical record of ours (error 0)")
            }
            Self::Refused(1) => write!(f, "the server took our request for a bad one (error 1)"),
            Self::Refused(2) => write!(f, "the server has an internal error (error 2): try again later"),
            Self::Refused(code) => write!(f, "the server refused with error {code}"),
            Self::Warned(code) => write!(f, "the server answered with warning {code}, which is not known"),
            Self::NoProtocol => write!(f, "the server does not offer NTPv4 with NTS"),
            Self::NoAlgorithm => write!(f, "the server has none of the AEAD algorithms that we offer"),
            Self::NoCookies => write!(f, "the server gave no cookies"),
        }
    }
}

impl fmt::Display for NetworkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "the name has no address",
            Self::Refused => "nothing listens on the port for key exchange: is it an NTS server?",
            Self::Unreachable => "there is no way to the address",
            Self::Reset => "the connection was reset: a firewall may forbid key exchange (TCP port 4460), or the server is overloaded",
            Self::TimedOut => "no answer in time: a firewall may drop key exchange (TCP port 4460)",
            Self::Unavailable => "key exchange could not be tried for lack of resources",
        })
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongName { presented } if presented.is_empty() => {
                write!(f, "has no DNS name, or none that we asked for (common names do not count)")
            }
            Self::WrongName { presented } => {
                write!(f, "is for {presented} and not for the name that we asked for")
            }
            Self::Expired { not_after_s } => {
                write!(f, "expired on {}, or our clock is ahead", Date(*not_after_s))
            }
            Self::NotYetValid { not_before_s } => {
                write!(f, "is not valid before {}, or our clock is behind", Date(*not_before_s))
            }
            Self::NeverValid => write!(f, "and those of its issuers are never valid at the same time"),
            Self::UnknownIssuer => write!(
                f,
                "comes from an authority that is not trusted, or an intermediate certificate is missing on the server"
            ),
            Self::Authority => {
                write!(f, "is an authority's own (CA:TRUE), which cannot be a server's as well")
            }
            Self::Purpose => write!(f, "is not for servers (extended key usage)"),
            Self::Constraint => write!(f, "is outside of what an authority above it may vouch for"),
            Self::Signature => write!(
                f,
                "was signed with another key than that of the authority of this name: was the authority made anew?"
            ),
            Self::Key => write!(f, "is not the server's own: it does not hold its key"),
            Self::Algorithm => write!(f, "uses an algorithm or key that is unknown or too weak"),
            Self::TooComplex => write!(f, "has a chain that is too long or takes too much work to verify"),
            Self::Malformed => write!(f, "cannot be read"),
        }
    }
}

impl fmt::Display for ServerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls => write!(f, "the client does not speak TLS"),
            Self::TlsVersion => write!(f, "the client does not speak TLS 1.3"),
            Self::NoApplicationProtocol => {
                write!(f, "the client did not ask for NTS key exchange (ALPN ntske/1)")
            }
            Self::Alert(alert) => write!(f, "the client ended the connection with TLS alert {alert}"),
            Self::Tls => write!(f, "the client broke the rules of TLS or has nothing in common with us"),
            Self::TooMuch => write!(f, "the client sent more than a request needs"),
            Self::Closed => write!(f, "the client closed the connection before its request was complete"),
            Self::Request => write!(f, "the request broke the rules of RFC 8915"),
            Self::NothingInCommon => {
                write!(f, "the client asks for a protocol or algorithms that we do not offer")
            }
            Self::Internal => write!(f, "an internal error"),
        }
    }
}

impl std::error::Error for KeError {}
impl std::error::Error for ServerFault {}
