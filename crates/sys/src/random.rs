//! Unpredictable bytes: transmit timestamps, keys, tie-breaks.

use std::io;

use crate::ffi::check_len;

/// Fills the buffer from the kernel's generator. It blocks only while a machine that has just started has no
/// entropy yet.
///
/// # Errors
/// Where the kernel has no generator at all (`ENOSYS`): no guess is put in its place.
pub fn fill(buffer: &mut [u8]) -> io::Result<()> {
    let mut rest = buffer;
    while !rest.is_empty() {
        // SAFETY: the pointer and the length describe `rest`, which is writable.
        match check_len(unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) }) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => rest = rest.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_draws_differ_and_every_byte_is_written() {
        let (mut first, mut second) = ([0u8; 300], [0u8; 300]);
        super::fill(&mut first).unwrap();
        super::fill(&mut second).unwrap();
        assert_ne!(first, second);
        assert!(first.iter().filter(|byte| **byte == 0).count() < 30);
        super::fill(&mut []).unwrap();
    }
}
