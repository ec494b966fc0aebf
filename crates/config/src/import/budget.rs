//! How much may be read for one import: files that include whole folders of files that do so again would else keep a
//! daemon from starting.

use std::cell::Cell;
use std::io;

use super::Files;

/// No import reads more files, or lists more folders.
const MOST_FILES: usize = 1000;
/// Nor more bytes.
const MOST_BYTES: usize = 8 << 20;

/// Files that can be read so often.
pub(super) struct Budget<'f> {
    files: &'f dyn Files,
    reads: Cell<usize>,
    lists: Cell<usize>,
    bytes: Cell<usize>,
}

impl<'f> Budget<'f> {
    pub(super) fn new(files: &'f dyn Files) -> Self {
        let (reads, lists, bytes) = (Cell::new(MOST_FILES), Cell::new(MOST_FILES), Cell::new(MOST_BYTES));
        Self { files, reads, lists, bytes }
    }
}

/// Takes from what is left, if there is so much.
fn take(left: &Cell<usize>, count: usize, what: &str) -> io::Result<()> {
    match left.get().checked_sub(count) {
        Some(rest) => {
            left.set(rest);
            Ok(())
        }
        None => Err(io::Error::other(format!("more than {what} are not read"))),
    }
}

impl Files for Budget<'_> {
    fn read(&self, path: &str) -> io::Result<String> {
        take(&self.reads, 1, &format!("{MOST_FILES} files"))?;
        let text = self.files.read(path)?;
        take(&self.bytes, text.len(), &format!("{MOST_BYTES} bytes of included files"))?;
        Ok(text)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        take(&self.lists, 1, &format!("{MOST_FILES} folders"))?;
        self.files.list(folder)
    }
}
