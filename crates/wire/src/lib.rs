//! Bytes to meaning and back.
//!
//! Each format has a *checked view* over borrowed bytes that never panics, and a plain value (*repr*) in which
//! only legal states exist. There is no policy here: whether a packet is believed is decided in `engine`.

#![forbid(unsafe_code)]

mod header;

pub use header::{HEADER_LEN, Header, Mode, ReferenceId};
pub use truechimer_time::Leap;
