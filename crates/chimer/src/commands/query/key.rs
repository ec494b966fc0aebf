//! The symmetric key that requests are authenticated with, out of a key file.

use std::path::Path;

use truechimer_config::MAX_BYTES;
use truechimer_config::keys::parse_keys;
use truechimer_engine::config::KeyTable;
use truechimer_sys::files;

use crate::outcome::{Failure, USAGE};

/// A key and the table that it is in.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: u32,
    pub(super) table: KeyTable,
}

impl Key {
    /// Takes a key out of a file.
    ///
    /// # Errors
    /// The file cannot be read, is no key file, or has no such key.
    pub(super) fn read(id: u32, path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let bytes = files::read_bounded(path, MAX_BYTES)
            .map_err(|error| Failure::new("io", format!("cannot read {shown}: {error}")))?;
        // Whether everybody can read it is for `chimer check` to say.
        let keys = parse_keys(&bytes, &shown.to_string(), false).map_err(|errors| {
            let what = errors.first().map(ToString::to_string).unwrap_or_default();
            Failure { status: USAGE, ..Failure::new("bad_keys", format!("{shown} is no key file: {what}")) }
        })?;
        if !keys.has(id) {
            return Err(Failure::usage(format!("there is no key {id} in {shown}")));
        }
        Ok(Self { id, table: keys.into_table() })
    }
}
