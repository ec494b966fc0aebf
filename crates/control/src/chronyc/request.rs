//! What clients ask.

use super::arguments::{
    Access, Burst, ClientsFrom, Local, LocalSince47, NewSource, SelectOptions, SetInteger, SetNumber,
    SetOffset, Sources, StepLimit,
};
use super::field::{Field, Reader, message};
use super::records::{
    Activity, AuthData, ClientAccesses, ManualList, ManualTimestamp, NtpData, Rtc, SelectData, ServerStats32,
    Smoothing, SourceData, SourceStats, Tracking,
};
use super::{Address, Name, PROTOCOL_VERSION, REPLY_HEADER_LEN, REQUEST_HEADER_LEN, Timestamp};

/// One table of all requests: name, code, what it holds, and what the longest reply to it holds.
macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident = $code:literal: $body:ty => $reply:ty,)*) => {
        /// A request without its header.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Body {
            $($(#[$doc])* $name($body),)*
        }

        impl Body {
            /// The code.
            pub fn code(&self) -> u16 {
                match self {
                    $(Self::$name(_) => $code,)*
                }
            }

            /// The shortest a request of this code may be, bytes: as long as its reply. `None` for codes that nobody knows.
            pub fn request_len(code: u16) -> Option<usize> {
                match code {
                    $($code => Some(padded(<$body as Field>::LEN, <$reply as Field>::LEN)),)*
                    _ => None,
                }
            }

            fn read(code: u16, from: &mut Reader<'_>) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name(Field::read(from)?)),)*
                    _ => None,
                }
            }

            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$name(body) => body.write(out),)*
                }
            }
        }
    };
}

const fn padded(request: usize, reply: usize) -> usize {
    let (request, reply) = (REQUEST_HEADER_LEN + request, REPLY_HEADER_LEN + reply);
    if request > reply { request } else { reply }
}

requests! {
    /// Does nothing.
    Null = 0: () => (),
    /// Polls sources.
    Online = 1: Sources => (),
    /// Stops polling sources.
    Offline = 2: Sources => (),
    /// Measures quickly.
    Burst = 3: Burst => (),
    /// Shortest poll interval, log2 seconds.
    ModifyMinPoll = 4: SetInteger => (),
    /// Longest poll interval, log2 seconds.
    ModifyMaxPoll = 5: SetInteger => (),
    /// Writes what was measured to files.
    Dump = 6: u32 => (),
    /// Longest round trip, seconds.
    ModifyMaxDelay = 7: SetNumber => (),
    /// Largest round trip against the smallest.
    ModifyMaxDelayRatio = 8: SetNumber => (),
    /// Largest skew of an estimate that is used, ppm.
    ModifyMaxUpdateSkew = 9: f64 => (),
    /// A time that somebody typed.
    SetTime = 11: Timestamp => ManualTimestamp,
    /// The local reference.
    Local = 56: Local => (),
    /// Times that somebody types: 0 off, 1 on, 2 forget them.
    Manual = 13: i32 => (),
    /// How many sources there are.
    SourceCount = 14: () => u32,
    /// One source, by its place.
    SourceData = 15: i32 => SourceData,
    /// Reads the keys again.
    Rekey = 16: () => (),
    /// Serves a network, except for parts of it that have rules of their own.
    Allow = 17: Access => (),
    /// Serves a network and all parts of it.
    AllowAll = 18: Access => (),
    /// The opposite.
    Deny = 19: Access => (),
    /// The opposite.
    DenyAll = 20: Access => (),
    /// The same for monitoring.
    CommandAllow = 21: Access => (),
    /// The same for monitoring.
    CommandAllowAll = 22: Access => (),
    /// The same for monitoring.
    CommandDeny = 23: Access => (),
    /// The same for monitoring.
    CommandDenyAll = 24: Access => (),
    /// Whether an address is served.
    CheckAccess = 25: Address => (),
    /// Whether an address may monitor.
    CheckCommandAccess = 26: Address => (),
    /// Removes a source.
    DeleteSource = 29: Address => (),
    /// Writes what is known of the hardware clock to its file.
    WriteRtc = 30: () => (),
    /// Adds to the frequency, ppm.
    ChangeFrequency = 31: f64 => (),
    /// The clock.
    Tracking = 33: () => Tracking,
    /// What is known by a source's samples, by its place.
    SourceStats = 34: u32 => SourceStats,
    /// The hardware clock.
    RtcReport = 35: () => Rtc,
    /// Sets the hardware clock.
    TrimRtc = 36: () => (),
    /// Closes the log files and opens them anew.
    CycleLogs = 37: () => (),
    /// The times that somebody typed.
    ManualList = 41: () => ManualList,
    /// Forgets one of them.
    ManualDelete = 42: i32 => (),
    /// Steps the clock by what is still to be corrected.
    MakeStep = 43: () => (),
    /// How many sources do what.
    Activity = 44: () => Activity,
    /// Stratum that a source is taken to have at least.
    ModifyMinStratum = 45: SetInteger => (),
    /// How many samples the poll interval aims at.
    ModifyPollTarget = 46: SetInteger => (),
    /// Largest increase of the round trip against the deviation.
    ModifyMaxDelayDevRatio = 47: SetNumber => (),
    /// Selects anew.
    Reselect = 48: () => (),
    /// By how much another source must be nearer to be preferred, seconds.
    ReselectDistance = 49: f64 => (),
    /// When the clock may be stepped.
    ModifyMakeStep = 50: StepLimit => (),
    /// The smoothing of served time.
    Smoothing = 51: () => Smoothing,
    /// 0 resets the smoothing, 1 begins it.
    SmoothTime = 52: i32 => (),
    /// Resolves names again.
    Refresh = 53: () => (),
    /// What the server did. Clients since chrony 4.4 leave room for a longer reply.
    ServerStats = 54: () => ServerStats32,
    /// The last packet of a source.
    NtpData = 57: Address => NtpData,
    /// Ends the daemon.
    Shutdown = 62: () => (),
    /// Polls the sources that can be reached now, and only those.
    OnOffline = 63: () => (),
    /// Adds a source.
    AddSource = 64: NewSource => (),
    /// The name of a source.
    SourceName = 65: Address => Name,
    /// Forgets all measurements.
    ResetSources = 66: () => (),
    /// How a source is authenticated.
    AuthData = 67: Address => AuthData,
    /// Who asked the server.
    Clients = 68: ClientsFrom => ClientAccesses,
    /// What became of a source in the selection, by its place.
    SelectData = 69: u32 => SelectData,
    /// Reads the files of sources again.
    ReloadSources = 70: () => (),
    /// Shifts the clock, seconds.
    ChangeOffset = 71: f64 => (),
    /// Other options for the selection.
    ModifySelectOptions = 72: SelectOptions => (),
    /// Another correction for a source.
    ModifyOffset = 73: SetOffset => (),
    /// The local reference.
    LocalSince47 = 74: LocalSince47 => (),
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// How often it was sent before.
    pub attempt: u16,
    /// Any number, by which the client knows the reply.
    pub sequence: u32,
    /// What is asked.
    pub body: Body,
}

/// The first fields of what may be a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Protocol version.
    pub version: u8,
    /// Code of the request.
    pub command: u16,
    /// To be given back.
    pub sequence: u32,
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No request, or one too short to be answered at all.
    Nothing,
    /// Of another version of the protocol, whose clients would understand to be told so.
    Version(Envelope),
    /// Nobody knows the code.
    Command(Envelope),
    /// Shorter than its reply would be.
    Length(Envelope),
    /// A field holds what it cannot.
    Value(Envelope),
}

/// The type of packet that asks.
const REQUEST: u8 = 1;
/// Clients of this version understand that they are of another one.
const OLDEST_TOLD: u8 = 5;

impl Request {
    /// Reads one. Bytes beyond the end are padding.
    ///
    /// # Errors
    /// Which fault it is says what to answer.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() < REPLY_HEADER_LEN {
            return Err(Fault::Nothing);
        }
        let mut reader = Reader(bytes);
        let header = Header::read(&mut reader).ok_or(Fault::Nothing)?;
        if header.kind != REQUEST || header.reserved != [0; 2] || header.version < OLDEST_TOLD {
            return Err(Fault::Nothing);
        }
        let Header { version, command, sequence, .. } = header;
        let envelope = Envelope { version, command, sequence };
        if version != PROTOCOL_VERSION {
            return Err(Fault::Version(envelope));
        }
        let least = Body::request_len(command).ok_or(Fault::Command(envelope))?;
        if bytes.len() < least {
            return Err(Fault::Length(envelope));
        }
        let body = Body::read(command, &mut reader).ok_or(Fault::Value(envelope))?;
        Ok(Self { attempt: header.attempt, sequence, body })
    }

    /// Writes one as long as its longest reply.
    pub fn write(&self) -> Vec<u8> {
        let command = self.body.code();
        let header = Header {
            version: PROTOCOL_VERSION,
            kind: REQUEST,
            reserved: [0; 2],
            command,
            attempt: self.attempt,
            sequence: self.sequence,
            padding: [0; 2],
        };
        let mut out = Vec::new();
        header.write(&mut out);
        self.body.write(&mut out);
        out.resize(out.len().max(Body::request_len(command).unwrap_or(0)), 0);
        out
    }
}

message! {
    /// In front of every request.
    pub struct Header {
        /// Protocol version.
        version: u8,
        /// 1.
        kind: u8,
        /// Zero.
        reserved: [u8; 2],
        /// What is asked.
        command: u16,
        /// How often it was sent before.
        attempt: u16,
        /// Any number.
        sequence: u32,
        /// Zero.
        padding: [u32; 2],
    }
}
