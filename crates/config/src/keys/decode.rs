//! A line of a key file to a key.

use std::net::IpAddr;

use truechimer_engine::config::AccessRule;
use truechimer_wire::mac::{KeyAlgorithm, KeyError, SymmetricKey};
use zeroize::Zeroizing;

use super::line::{Line, Word};
use super::{Dialect, Fault};
use crate::address;
use crate::rules::{self, Rule};

/// ntpd takes a bare key of at most so many characters as it is, and a longer one as hexadecimal digits.
const LONGEST_PLAIN: usize = 20;
/// Most bytes of ntpd's keys.
const LONGEST_NTPD: usize = 32;

const TYPES: &str = "MD5, SHA1, SHA256, SHA384, SHA512, AES128 and AES256";

/// What a line says.
pub(super) struct Decoded {
    pub(super) id: u32,
    /// `None` if its algorithm is known and not supported.
    pub(super) key: Option<SymmetricKey>,
    pub(super) bits: usize,
    pub(super) peers: Option<Vec<AccessRule>>,
    pub(super) remarks: Vec<(&'static Rule, String, &'static str)>,
}

/// What a type's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Known(KeyAlgorithm),
    /// Of chrony or ntpd, and not here.
    Unsupported,
}

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Hex,
    Ascii,
}

/// Reads a line; `None` for a comment.
pub(super) fn key(line: &Line<'_>, dialect: Dialect) -> Result<Option<Decoded>, Fault> {
    let (id, name, key, peers) = match line.words.as_slice() {
        [] => return Ok(None),
        [id, key] if type_of(key.bytes).is_none() => (id, None, key, None),
        [id, name, key] => (id, Some(name), key, None),
        [id, name, key, peers] => (id, Some(name), key, Some(peers)),
        [id] | [id, _] => {
            read_id(id)?;
            let help = "write an identifier, a type and a key, as `chimer keygen` does";
            return Err(Fault::new(&rules::KEY_LINE, line.end(), "the line ends before the key", help));
        }
        [.., extra] => {
            let message = "the line goes on after key and addresses";
            let help = "a key has no spaces in it: write others as HEX: and two digits a byte";
            return Err(Fault::new(&rules::KEY_LINE, extra.place, message, help));
        }
    };
    let id = read_id(id)?;
    let (kind, chosen) = match name {
        None => (Type::Known(KeyAlgorithm::Md5), None),
        Some(name) => (read_type(name)?, Some(name.bytes)),
    };
    let mut decoded = Decoded { id, key: None, bits: 0, peers: None, remarks: Vec::new() };
    decoded.peers = peers.map(read_peers).transpose()?;
    let bytes = read_key(key, dialect, &mut decoded)?;
    let Type::Known(algorithm) = kind else {
        let message = format!("key {id} is of a type that is not supported here, and is left out");
        decoded.remarks.push((&rules::UNSUPPORTED_KEY, message, "AES128 is the best that both sides know"));
        return Ok(Some(decoded));
    };
    decoded.bits = 8 * bytes.len();
    let loose = dialect == Dialect::Ntpd || chosen.is_some_and(is_ntpds);
    let bytes = if loose { fit(bytes, algorithm, &mut decoded) } else { bytes };
    let key = SymmetricKey::new(algorithm, &bytes).map_err(|error| wrong_length(key, algorithm, error))?;
    decoded.key = Some(key);
    Ok(Some(decoded))
}

fn read_id(word: &Word<'_>) -> Result<u32, Fault> {
    let digits = word.bytes.iter().all(u8::is_ascii_digit);
    let id = str::from_utf8(word.bytes).ok().filter(|_| digits).and_then(|text| text.parse().ok());
    id.filter(|id| *id != 0).ok_or_else(|| {
        let message = "a line must begin with the identifier of a key";
        let help = "an identifier is an integer from 1 to 4294967295; comments begin with #";
        Fault::new(&rules::KEY_ID, word.place, message, help)
    })
}

fn read_type(word: &Word<'_>) -> Result<Type, Fault> {
    // The word is not shown: on a line with a mistake it may be part of a key.
    type_of(word.bytes).ok_or_else(|| {
        let message = "the second of three words must be the type of the key";
        Fault::new(&rules::KEY_TYPE, word.place, message, format!("types are {TYPES}"))
    })
}

/// By the names in chrony's files and those that OpenSSL and ntpd understand.
fn type_of(name: &[u8]) -> Option<Type> {
    let name = str::from_utf8(name).ok()?.to_ascii_uppercase();
    let algorithm = match name.as_str() {
        "MD5" | "M" => KeyAlgorithm::Md5,
        "SHA1" | "SHA-1" | "SHA" => KeyAlgorithm::Sha1,
        "SHA256" | "SHA-256" | "SHA2-256" => KeyAlgorithm::Sha256,
        "SHA384" | "SHA-384" | "SHA2-384" => KeyAlgorithm::Sha384,
        "SHA512" | "SHA-512" | "SHA2-512" => KeyAlgorithm::Sha512,
        "AES128" | "AES-128" | "AES" | "AES128CMAC" | "AES-128-CMAC" => KeyAlgorithm::AesCmac128,
        "AES256" | "AES-256" | "AES256CMAC" | "AES-256-CMAC" => KeyAlgorithm::AesCmac256,
        "SHA224" | "SHA-224" | "SHA2-224" | "SHA512-224" | "SHA512-256" | "SHA3-224" | "SHA3-256"
        | "SHA3-384" | "SHA3-512" | "RIPEMD160" | "RIPEMD" | "RMD160" | "TIGER" | "WHIRLPOOL" | "SM3"
        | "MD4" | "MDC2" | "BLAKE2B512" | "BLAKE2S256" | "AES192" | "AES-192" | "S" | "N" | "A" | "DES"
        | "DSS" | "DSS1" => {
            return Some(Type::Unsupported);
        }
        _ => return None,
    };
    Some(Type::Known(algorithm))
}

/// Whether only chrony has a type of this name, in this spelling.
pub(super) fn is_chronys(name: &[u8]) -> bool {
    matches!(name, b"AES128" | b"AES256" | b"TIGER")
}

/// Whether only ntpd has a type of this name: chrony wants the exact spelling of its own.
pub(super) fn is_ntpds(name: &[u8]) -> bool {
    const SHARED: &[&[u8]] = &[b"MD5", b"SHA1", b"SHA256", b"SHA384", b"SHA512", b"WHIRLPOOL"];
    let shared = SHARED.contains(&name) || name.starts_with(b"SHA3-");
    type_of(name).is_some() && !shared && !is_chronys(name)
}

/// The way in which chrony's files say how a key is written, and the rest.
pub(super) fn prefixed(word: &[u8]) -> Option<(Prefix, &[u8])> {
    let hex = word.strip_prefix(b"HEX:").map(|rest| (Prefix::Hex, rest));
    hex.or_else(|| word.strip_prefix(b"ASCII:").map(|rest| (Prefix::Ascii, rest)))
}

/// The key's bytes.
fn read_key(word: &Word<'_>, dialect: Dialect, decoded: &mut Decoded) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let wrong = |message: &str, help: &str| Fault::new(&rules::KEY_VALUE, word.place, message, help);
    if word.bytes.iter().any(u8::is_ascii_control) {
        let help = "write such a key as HEX: and two digits a byte";
        return Err(wrong("the key has a control character in it", help));
    }
    let digits = "write two digits from 0 to 9 and A to F a byte";
    let bytes = match prefixed(word.bytes) {
        Some((Prefix::Ascii, rest)) => plain(rest),
        Some((Prefix::Hex, rest)) => {
            hex(rest).ok_or_else(|| wrong("the key is not an even number of hexadecimal digits", digits))?
        }
        None if dialect == Dialect::Chrony => plain(word.bytes),
        // CVE-2021-22212: keys were made with `#`, at which ntpd ends them.
        None if word.bytes.contains(&b'#') => {
            let help =
                "write ASCII: before the key if # belongs to it, or a space before # if a comment begins";
            return Err(wrong("ntpd ends a key at #, and chrony does not", help));
        }
        None if word.bytes.len() <= LONGEST_PLAIN => plain(word.bytes),
        None => match (hex(word.bytes).filter(|key| key.len() <= LONGEST_NTPD), dialect) {
            (Some(key), Dialect::Ntpd) => key,
            (None, Dialect::Ntpd) => {
                let message = "the key is longer than 20 characters, and not the hexadecimal digits of at most 32 bytes";
                return Err(wrong(message, digits));
            }
            (Some(key), _) => {
                let id = decoded.id;
                let message =
                    format!("key {id} is read as hexadecimal digits, as ntpd does; chrony would not");
                let help = "write HEX: before the digits, or ASCII: if they are the key themselves";
                decoded.remarks.push((&rules::AMBIGUOUS_KEY, message, help));
                key
            }
            (None, _) => plain(word.bytes),
        },
    };
    if bytes.is_empty() {
        return Err(wrong("the key is empty", "write the key behind the colon"));
    }
    Ok(bytes)
}

fn plain(text: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.to_vec())
}

fn hex(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    // With its final capacity, so that no copy of a part is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.chunks(2) {
        let &[high, low] = pair else { return None };
        bytes.push(digit(high)? << 4 | digit(low)?);
    }
    Some(bytes)
}

/// ntpd fills a key for AES up with zeros or cuts it.
fn fit(bytes: Zeroizing<Vec<u8>>, algorithm: KeyAlgorithm, decoded: &mut Decoded) -> Zeroizing<Vec<u8>> {
    let Some(wanted) = algorithm.key_len().filter(|wanted| *wanted != bytes.len()) else { return bytes };
    let how = if bytes.len() < wanted { "filled up with zeros" } else { "cut" };
    let message = format!("key {} is {how} to {wanted} bytes, as ntpd does", decoded.id);
    let help = "make a key of the right length with `chimer keygen`";
    decoded.remarks.push((&rules::FITTED_KEY, message, help));
    decoded.bits = decoded.bits.min(8 * wanted);
    let mut fitted = Zeroizing::new(vec![0; wanted]);
    for (to, from) in fitted.iter_mut().zip(bytes.iter()) {
        *to = *from;
    }
    fitted
}

fn wrong_length(word: &Word<'_>, algorithm: KeyAlgorithm, error: KeyError) -> Fault {
    let message = match algorithm.key_len() {
        Some(len) => format!("a key of type {} must have {len} bytes", algorithm.name()),
        None => error.to_string(),
    };
    let help = match algorithm.key_len() {
        Some(len) => format!("write HEX: and {} digits", 2 * len),
        None => "use a shorter key".to_owned(),
    };
    Fault::new(&rules::KEY_VALUE, word.place, message, help)
}

/// ntpd's list of addresses that may use the key.
fn read_peers(word: &Word<'_>) -> Result<Vec<AccessRule>, Fault> {
    let rule = |text: &str| {
        let (address, len) = match text.split_once('/') {
            None => (text, None),
            Some((address, len)) => (address, Some(len.parse::<u8>().ok()?)),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix_len = len.unwrap_or(most);
        let network = address::mask(address, prefix_len);
        (prefix_len <= most).then_some(AccessRule { network, prefix_len, allow: true })
    };
    let rules = str::from_utf8(word.bytes).ok().and_then(|text| text.split(',').map(rule).collect());
    rules.ok_or_else(|| {
        let message = "what stands behind the key is no list of addresses";
        let help = "write them as 192.0.2.1,2001:db8::/32, or begin a comment with #";
        Fault::new(&rules::KEY_LINE, word.place, message, help)
    })
}
