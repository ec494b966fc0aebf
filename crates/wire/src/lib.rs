//! Bytes to meaning and back.
//!
//! Each format has a *checked view* over borrowed bytes that never panics, and a plain value (*repr*) in which
//! only legal states exist. There is no policy here: whether a packet is believed is decided in `engine`.
//!
//! ```
//! use truechimer_wire::{Header, Mode, Packet};
//! use truechimer_time::NtpTimestamp;
//!
//! let request = Header::request(4, NtpTimestamp::from_bits(0x0123_4567_89ab_cdef));
//! let bytes = request.write();
//! let packet = Packet::parse(&bytes)?;
//! assert_eq!(packet.header(), request);
//! assert_eq!(packet.fields().count(), 0);
//! assert!(packet.mac().is_none());
//! # Ok::<(), truechimer_wire::ParseError>(())
//! ```
//!
//! | module | what it is | source |
//! |---|---|---|
//! | `control` | the header of control messages, mode 6 | RFC 9327 §2 |
//! | `header` | the 48 bytes that every packet begins with | RFC 5905 §7.3 |
//! | `refid` | reference identifiers and kiss codes | RFC 5905 §7.3, §7.4 |
//! | `extension` | extension fields | RFC 7822, RFC 9748 |
//! | [`mac`] | symmetric keys and the digests made with them | RFC 5905 §7.3, RFC 8573 |
//! | `packet` | a whole packet, checked | RFC 5905 §7.3, §7.5 |
//! | [`signd`] | MS-SNTP, and how Samba is asked to sign | [MS-SNTP] §2.2 |
//! | `write` | a whole packet, written | |

#![forbid(unsafe_code)]

mod control;
mod extension;
mod header;
pub mod mac;
mod packet;
mod refid;
pub mod signd;
mod write;

pub use control::{CONTROL_DATA_MAX, CONTROL_HEADER_LEN, CONTROL_MODE, ControlHeader};
pub use extension::{Field, FieldType, Fields, MAX_FIELDS, MIN_FIELD_LEN, MIN_LAST_FIELD_LEN};
pub use header::{HEADER_LEN, Header, Mode};
pub use packet::{KEY_ID_LEN, Mac, Packet, ParseError};
pub use refid::{KissCode, ReferenceId};
pub use truechimer_time::Leap;
pub use write::{NoRoom, PacketWriter};
