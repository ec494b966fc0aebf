//! Lines of key files, written. Keys are always written as hexadecimal digits: no byte then means anything to
//! anybody (NA-22, CVE-2021-22212).

use std::fmt::Write as _;

use truechimer_wire::mac::KeyAlgorithm;
use zeroize::Zeroizing;

/// Whose format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `ID TYPE HEX:DIGITS`.
    Chrony,
    /// `ID TYPE DIGITS`.
    Ntpd,
}

/// A line for a key, with its newline; `None` if the format cannot hold it: ntpd reads 11 to 32 bytes as digits.
pub fn line(id: u32, algorithm: KeyAlgorithm, key: &[u8], format: Format) -> Option<Zeroizing<String>> {
    let fits = match format {
        Format::Chrony => !key.is_empty(),
        Format::Ntpd => (11..=32).contains(&key.len()),
    };
    if !fits {
        return None;
    }
    // With its final capacity, so that no copy of a part is left behind.
    let mut line = Zeroizing::new(String::with_capacity(2 * key.len() + 40));
    let (name, prefix) = match (format, algorithm) {
        // Both of ntpd's descendants know these names.
        (Format::Ntpd, KeyAlgorithm::AesCmac128) => ("AES128CMAC", ""),
        (Format::Ntpd, KeyAlgorithm::AesCmac256) => ("AES-256", ""),
        (Format::Ntpd, _) => (algorithm.name(), ""),
        (Format::Chrony, _) => (algorithm.name(), "HEX:"),
    };
    let _ = write!(line, "{id} {name} {prefix}");
    for byte in key {
        let _ = write!(line, "{byte:02X}");
    }
    line.push('\n');
    Some(line)
}
