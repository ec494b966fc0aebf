//! The operating system: the only crate of the project with unsafe code, behind a safe face.
//!
//! | module | what it is for |
//! |---|---|
//! | [`clock`] | reading the clocks, steering the kernel's, or a virtual one in user space |
//! | [`udp`] | datagram sockets whose packets carry kernel timestamps |
//! | [`poll`] | waiting for descriptors and deadlines with `poll(2)` |
//! | [`signal`] | signals as flags that the event loop takes |
//! | [`tcp`] | stream sockets, for key exchange |
//! | [`network`] | whether the machine is still on the same network |
//! | [`role`] | helper processes without privileges |
//! | [`resolver`] | names to addresses: in a process of its own, or inside the loop |
//! | [`unix`] | the control sockets |
//! | [`files`] | small files, read with a limit and replaced atomically |
//! | [`privileges`] | giving up what is not needed any more |
//! | [`process`] | leaving the terminal, and who else runs |
//! | [`random`] | unpredictable bytes |
//!
//! # The inline path
//!
//! Time daemons are tested in simulated networks by interposing libc (`LD_PRELOAD`). A daemon with its resolver
//! inline, without control sockets and without a user to switch to calls only these functions of libc from
//! this crate, all dynamically linked: `socket`, `fcntl`, `bind`, `connect`, `poll`, `recvmsg`, `sendmsg`,
//! `setsockopt`, `clock_gettime`, `clock_settime`, `clock_adjtime`, `open`, `read`, `close`, `getaddrinfo`,
//! `getrandom`, and `sigaction` with `alarm` for signals. Such a simulator knows two clocks
//! (`CLOCK_REALTIME`, `CLOCK_MONOTONIC`), time stands still between two calls of `poll`, a socket may be
//! read only when `poll` said so, and once each time, and an unknown option may be taken or refused. So every
//! option beyond the plain socket is best effort, and nothing here loops until a clock moves.
//!
//! # Errors
//!
//! Everything that can fail returns [`std::io::Result`]. Running out of descriptors or memory is an error like
//! any other: the caller degrades and tries again later. Nothing here panics.

#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

#[cfg(not(target_os = "linux"))]
compile_error!("the operating system layer is written for Linux");

mod address;
pub mod clock;
mod ffi;
pub mod files;
pub mod network;
pub mod poll;
pub mod privileges;
pub mod process;
pub mod random;
pub mod resolver;
pub mod role;
pub mod signal;
pub mod tcp;
#[cfg(test)]
mod testing;
pub mod udp;
pub mod unix;
