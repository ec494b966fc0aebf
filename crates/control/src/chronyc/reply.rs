//! What the daemon answers.

use super::field::{Field, Reader, message};
use super::records::{
    Activity, AuthData, ClientAccesses, ManualList, ManualTimestamp, NtpData, NtpDataSince47, Rtc,
    SelectData, ServerStats32, ServerStats64, Smoothing, SourceData, SourceStats, Tracking,
};
use super::{Name, PROTOCOL_VERSION};

macro_rules! replies {
    ($($(#[$doc:meta])* $name:ident = $code:literal: $body:ty,)*) => {
        /// A reply without its header.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Answer {
            $($(#[$doc])* $name($body),)*
        }

        impl Answer {
            /// The code.
            pub fn code(&self) -> u16 {
                match self {
                    $(Self::$name(_) => $code,)*
                }
            }

            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$name(body) => body.write(out),)*
                }
            }

            fn read(code: u16, from: &mut Reader<'_>) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name(Field::read(from)?)),)*
                    _ => None,
                }
            }
        }
    };
}

replies! {
    /// Nothing but the status.
    Null = 1: (),
    /// How many sources there are.
    SourceCount = 2: u32,
    /// One source.
    SourceData = 3: SourceData,
    /// The clock.
    Tracking = 5: Tracking,
    /// What is known by a source's samples.
    SourceStats = 6: SourceStats,
    /// The hardware clock.
    Rtc = 7: Rtc,
    /// How many sources do what.
    Activity = 12: Activity,
    /// The smoothing of served time.
    Smoothing = 13: Smoothing,
    /// The last packet of a source.
    NtpData = 16: NtpData,
    /// What came of a time that somebody typed.
    ManualTimestamp = 17: ManualTimestamp,
    /// The times that somebody typed.
    ManualList = 18: Box<ManualList>,
    /// The name of a source.
    SourceName = 19: Name,
    /// How a source is authenticated.
    AuthData = 20: AuthData,
    /// A part of the table of clients.
    Clients = 21: Box<ClientAccesses>,
    /// What became of a source in the selection.
    SelectData = 23: SelectData,
    /// What the server did.
    ServerStats32 = 24: ServerStats32,
    /// What the server did.
    ServerStats64 = 25: ServerStats64,
    /// The last packet of a source.
    NtpDataSince47 = 26: NtpDataSince47,
}

impl<T: Field> Field for Box<T> {
    const LEN: usize = T::LEN;
    fn write(&self, out: &mut Vec<u8>) {
        T::write(self, out);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        T::read(from).map(Self::new)
    }
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Well.
    Success,
    /// Badly.
    Failed,
    /// Not for this client.
    Unauthorised,
    /// Nobody knows it.
    Invalid,
    /// There is no such source.
    NoSuchSource,
    /// A time that cannot be.
    InvalidTimestamp,
    /// What it needs is not enabled, or does not exist here.
    NotEnabled,
    /// A network that cannot be.
    BadSubnet,
    /// The address is served.
    AccessAllowed,
    /// It is not.
    AccessDenied,
    /// There is that source already.
    SourceAlreadyKnown,
    /// There are too many sources.
    TooManySources,
    /// The hardware clock is not looked at.
    NoRtc,
    /// Its file is unusable.
    BadRtcFile,
    /// Clients are not recorded.
    Inactive,
    /// There is no such sample.
    BadSample,
    /// An address of a family that cannot be.
    InvalidAddressFamily,
    /// Another version of the protocol.
    BadVersion,
    /// Too short.
    BadLength,
    /// A name that cannot be.
    InvalidName,
    /// One that this program does not know.
    Other(u16),
}

impl Status {
    const ALL: [(u16, Self); 20] = [
        (0, Self::Success),
        (1, Self::Failed),
        (2, Self::Unauthorised),
        (3, Self::Invalid),
        (4, Self::NoSuchSource),
        (5, Self::InvalidTimestamp),
        (6, Self::NotEnabled),
        (7, Self::BadSubnet),
        (8, Self::AccessAllowed),
        (9, Self::AccessDenied),
        (11, Self::SourceAlreadyKnown),
        (12, Self::TooManySources),
        (13, Self::NoRtc),
        (14, Self::BadRtcFile),
        (15, Self::Inactive),
        (16, Self::BadSample),
        (17, Self::InvalidAddressFamily),
        (18, Self::BadVersion),
        (19, Self::BadLength),
        (21, Self::InvalidName),
    ];

    /// The number.
    pub fn code(self) -> u16 {
        match self {
            Self::Other(code) => code,
            known => Self::ALL.iter().find(|(_, status)| *status == known).map_or(1, |(code, _)| *code),
        }
    }

    fn from_code(code: u16) -> Self {
        Self::ALL.iter().find(|(known, _)| *known == code).map_or(Self::Other(code), |(_, status)| *status)
    }
}

/// A reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The request's code.
    pub command: u16,
    /// The request's number.
    pub sequence: u32,
    /// How it went.
    pub status: Status,
    /// What was asked for.
    pub answer: Answer,
}

/// The type of packet that answers.
const REPLY: u8 = 2;

impl Reply {
    /// One that says only how it went.
    pub fn status(command: u16, sequence: u32, status: Status) -> Self {
        Self { command, sequence, status, answer: Answer::Null(()) }
    }

    /// Reads one; `None` if it is none or too short.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let header = Header::read(&mut reader)?;
        if header.version != PROTOCOL_VERSION || header.kind != REPLY {
            return None;
        }
        let answer = Answer::read(header.reply, &mut reader)?;
        let status = Status::from_code(header.status);
        Some(Self { command: header.command, sequence: header.sequence, status, answer })
    }

    /// Writes one.
    pub fn write(&self) -> Vec<u8> {
        let header = Header {
            version: PROTOCOL_VERSION,
            kind: REPLY,
            reserved: [0; 2],
            command: self.command,
            reply: self.answer.code(),
            status: self.status.code(),
            padding: [0; 3],
            sequence: self.sequence,
            more_padding: [0; 2],
        };
        let mut out = Vec::new();
        header.write(&mut out);
        self.answer.write(&mut out);
        out
    }
}

message! {
    /// In front of every reply.
    pub struct Header {
        /// Protocol version.
        version: u8,
        /// 2.
        kind: u8,
        /// Zero.
        reserved: [u8; 2],
        /// The request's code.
        command: u16,
        /// What the reply holds.
        reply: u16,
        /// How it went.
        status: u16,
        /// Zero.
        padding: [u16; 3],
        /// The request's number.
        sequence: u32,
        /// Zero.
        more_padding: [u32; 2],
    }
}
