//! `chimer keygen`: makes a symmetric key, to be shared with a server or with clients.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;
use truechimer_config::MAX_BYTES;
use truechimer_config::keys::{Format, KeyFile, parse_keys, write_line};
use truechimer_sys::{files, random};
use truechimer_wire::mac::KeyAlgorithm;

use crate::cli::OutputArgs;
use crate::outcome::{Failure, Outcome, Style, USAGE, to_json};

#[cfg(test)]
mod tests;

/// Bits of a key for a hash, where nothing is said.
const USUAL_BITS: usize = 160;
/// Most bits that `--bits` takes: SHA-512 has no use for more.
const MOST_BITS: u16 = 512;

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Both sides must have the same key under the same identifier: carry the line to the other machine by a way that nobody \
else can read. On this one, name its file in [keys] of the configuration, and give a source `key = ID`.

AES128 is for everybody who can have it (chrony 4, ntpd 4.2.8p11, NTPsec 1.1, or later of each); SHA1 and MD5 are for who \
cannot.

Examples:
  chimer keygen                                       a line for a key file
  sudo chimer keygen --file /etc/truechimer/keys      put a new key into the file
  chimer keygen 7 --type SHA256 --format ntpd         a line for ntpd's key file
  chimer keygen --json | jq -r .hex")]
pub struct KeygenArgs {
    /// The key's identifier, 1 to 4294967295 [default: the first after those in the file, or 1]
    #[arg(value_name = "ID", value_parser = clap::value_parser!(u32).range(1..))]
    pub id: Option<u32>,
    /// What digests are made with
    #[arg(long = "type", value_name = "TYPE", value_enum, ignore_case = true, default_value_t = Type::Aes128)]
    pub kind: Type,
    /// Length of the key, a multiple of 8 from 88 to 512; AES has no choice [default: 160]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u16).range(88..=i64::from(MOST_BITS)))]
    pub bits: Option<u16>,
    /// Whose format [default: that of the file, or chrony]
    #[arg(long, value_enum)]
    pub format: Option<FormatName>,
    /// Append to this key file, which is made for its owner alone if it is not there
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// An algorithm, as key files call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
#[allow(missing_docs)]
pub enum Type {
    Aes128,
    Aes256,
    Sha512,
    Sha384,
    Sha256,
    Sha1,
    Md5,
}

/// A format of key files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// ID TYPE HEX:DIGITS, for chrony and chimerd
    Chrony,
    /// ID TYPE DIGITS, for ntpd, NTPsec and chimerd
    Ntpd,
}

/// What was made. A key that went into a file is not told as well.
#[derive(Debug, Serialize)]
struct Made<'a> {
    id: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    bits: usize,
    format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a str>,
}

/// Makes a key.
///
/// # Errors
/// The identifier is taken, the options contradict each other, or the file cannot be read or written.
pub fn keygen(args: &KeygenArgs) -> Result<Outcome, Failure> {
    let mut key = [0; MOST_BITS as usize / 8];
    random::fill(&mut key)
        .map_err(|error| Failure::new("io", format!("the system gives no randomness: {error}")))?;
    make(args, &key, Style::of_stdout(args.output.json))
}

/// The same with the random bytes given.
fn make(args: &KeygenArgs, random: &[u8], style: Style) -> Result<Outcome, Failure> {
    let algorithm = args.kind.algorithm();
    let len = key_len(algorithm, args.bits)?;
    let old = args.file.as_deref().map(read).transpose()?;
    let format = format(args, old.as_ref().and_then(|(_, keys)| keys.format()))?;
    let id = match (args.id, &old) {
        (Some(id), Some((_, keys))) if keys.has(id) => return Err(taken(id, args)),
        (Some(id), _) => id,
        (None, Some((_, keys))) => {
            let last = keys.ids().map(|(id, _)| id).max().unwrap_or(0);
            last.checked_add(1).ok_or_else(|| Failure::usage("there is no identifier left: name one"))?
        }
        (None, None) => 1,
    };
    let key = random.get(..len).unwrap_or_default();
    let Some(line) = write_line(id, algorithm, key, format) else {
        return Err(Failure::usage("ntpd's format holds keys of 88 to 256 bits"));
    };
    let words = line.trim_end().rsplit([' ', ':']).next();
    let name = if format == Format::Chrony { "chrony" } else { "ntpd" };
    let made =
        Made { id, kind: algorithm.name(), bits: 8 * len, format: name, file: None, hex: None, line: None };
    let Some((path, (bytes, _))) = args.file.as_deref().zip(old) else {
        if style.json {
            let made = Made { hex: words, line: Some(line.trim_end()), ..made };
            return to_json(&made).map(Outcome::ok);
        }
        return Ok(Outcome::ok(line.as_str().to_owned()));
    };
    let shown = path.display().to_string();
    files::write_secret(path, &appended(&bytes, &line))
        .map_err(|error| Failure::new("io", format!("cannot write {shown}: {error}")))?;
    if style.json {
        return to_json(&Made { file: Some(shown), ..made }).map(Outcome::ok);
    }
    let shown = crate::human::clean(&shown);
    Ok(Outcome::ok(format!("Key {id} ({}, {} bits) is in {shown}.\n", algorithm.name(), 8 * len)))
}

impl Type {
    fn algorithm(self) -> KeyAlgorithm {
        match self {
            Self::Aes128 => KeyAlgorithm::AesCmac128,
            Self::Aes256 => KeyAlgorithm::AesCmac256,
            Self::Sha512 => KeyAlgorithm::Sha512,
            Self::Sha384 => KeyAlgorithm::Sha384,
            Self::Sha256 => KeyAlgorithm::Sha256,
            Self::Sha1 => KeyAlgorithm::Sha1,
            Self::Md5 => KeyAlgorithm::Md5,
        }
    }
}

/// In bytes.
fn key_len(algorithm: KeyAlgorithm, bits: Option<u16>) -> Result<usize, Failure> {
    match (algorithm.key_len(), bits.map(usize::from)) {
        (Some(len), Some(bits)) if bits != 8 * len => {
            Err(Failure::usage(format!("a key of type {} has {} bits", algorithm.name(), 8 * len))
                .hint("leave --bits out"))
        }
        (Some(len), _) => Ok(len),
        (None, None) => Ok(USUAL_BITS / 8),
        (None, Some(bits)) if bits.is_multiple_of(8) => Ok(bits / 8),
        (None, Some(_)) => Err(Failure::usage("the number of bits must be a multiple of 8")),
    }
}

/// The keys that are in the file; none if it is not there yet.
fn read(path: &Path) -> Result<(Vec<u8>, KeyFile), Failure> {
    let shown = path.display().to_string();
    let bytes = match files::read_bounded(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Failure::new("io", format!("cannot read {shown}: {error}"))),
    };
    // Whether everybody can read it does not matter: it will be written with other permissions.
    let keys = parse_keys(&bytes, &shown, false).map_err(|errors| {
        let what = errors.first().map(ToString::to_string).unwrap_or_default();
        Failure { status: USAGE, ..Failure::new("bad_keys", format!("{shown} is no key file: {what}")) }
    })?;
    Ok((bytes, keys))
}

/// Lines of the other format could change what those that are there mean.
fn format(args: &KeygenArgs, present: Option<Format>) -> Result<Format, Failure> {
    let wanted = args.format.map(|name| match name {
        FormatName::Chrony => Format::Chrony,
        FormatName::Ntpd => Format::Ntpd,
    });
    match (wanted, present) {
        (Some(wanted), Some(present)) if wanted != present => {
            Err(Failure::usage("the file is in the other program's format").hint("leave --format out"))
        }
        (wanted, present) => Ok(wanted.or(present).unwrap_or(Format::Chrony)),
    }
}

fn taken(id: u32, args: &KeygenArgs) -> Failure {
    let path = args.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    Failure::new("taken", format!("key {id} is in {path} already")).hint(
        "name another identifier or none; a key that is no longer good is removed by hand, on both sides",
    )
}

/// The old bytes, a newline if the last line has none, and the new line.
fn appended(old: &[u8], line: &str) -> Vec<u8> {
    let newline: &[u8] = if old.is_empty() || old.ends_with(b"\n") { b"" } else { b"\n" };
    [old, newline, line.as_bytes()].concat()
}
