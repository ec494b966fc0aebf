//! Going into the background, as chronyd does unless it is told not to.
//!
//! There is no fork: the program starts itself once more, as a child in a session of its own, and passes on what the child
//! says on standard error. When the child runs it writes a byte to standard output and lets go of both; its parent ends
//! then, with status 0. If the child ends first, the parent ends with the child's status.

use std::env;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, parent_id};
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::process;

use super::{EXIT_FAILURE, EXIT_OK, complain};

/// Tells the child that it is one. It holds the number of its parent, so that nobody else is meant.
const VARIABLE: &str = "CHIMERD_BACKGROUND";
/// What the child writes when it runs.
const RUNNING: u8 = b'R';

/// The parent of a process in the background, which waits until it runs.
#[derive(Debug)]
pub(super) struct Caller(());

impl Caller {
    /// Of this process, if it has one; then it is in a session of its own from now on.
    ///
    /// # Errors
    /// The system does not let it have one.
    pub(super) fn of_this_process() -> io::Result<Option<Self>> {
        let named = env::var(VARIABLE).ok().and_then(|id| id.parse().ok());
        if named != Some(parent_id()) {
            return Ok(None);
        }
        process::begin_session()?;
        // It was started by another name than the one by which people look for it.
        let _ = std::fs::write("/proc/self/comm", "chronyd");
        env::set_current_dir("/")?;
        Ok(Some(Self(())))
    }

    /// It runs: the parent may end, and there is no terminal any more.
    ///
    /// # Errors
    /// Standard input, output and error cannot be let go of.
    pub(super) fn release(self) -> io::Result<()> {
        let mut output = io::stdout();
        // A parent that is gone needs no word.
        let _ = output.write_all(&[RUNNING]).and_then(|()| output.flush());
        process::close_standard_descriptors()
    }
}

/// Starts this program again, in the background: the exit status of this one.
pub(super) fn start(args: &[OsString]) -> u8 {
    let mut command = Command::new("/proc/self/exe");
    if let Some((name, rest)) = args.split_first() {
        command.arg0(name).args(rest);
    }
    command.env(VARIABLE, std::process::id().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            complain(&format!("chronyd: cannot go into the background: {error}\n"));
            return EXIT_FAILURE;
        }
    };
    if let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take())
        && is_running(output, errors).unwrap_or(false)
    {
        return EXIT_OK;
    }
    match child.wait().ok().and_then(|status| status.code()) {
        // It ended well before anybody was told that it runs: there was little to do.
        Some(0) => EXIT_OK,
        code => code.and_then(|code| u8::try_from(code).ok()).unwrap_or(EXIT_FAILURE),
    }
}

/// Passes on what the child complains of until it runs (`true`) or ends.
fn is_running(mut output: ChildStdout, mut errors: ChildStderr) -> io::Result<bool> {
    let mut poll = PollSet::new();
    let mut complains = true;
    let mut runs = None;
    let mut buffer = [0; 4096];
    loop {
        poll.clear();
        // A negative descriptor is never ready.
        let complaint = poll.push(if complains { errors.as_raw_fd() } else { -1 }, Interest::Read);
        let word = poll.push(if runs.is_none() { output.as_raw_fd() } else { -1 }, Interest::Read);
        poll.wait(runs.map(|_| Duration::ZERO))?;
        // What it complained of came before the word, so it is passed on before the word counts.
        if poll.readable(complaint) {
            let len = errors.read(&mut buffer)?;
            complains = len > 0;
            let _ = io::stderr().write_all(buffer.get(..len).unwrap_or_default());
        } else if let Some(runs) = runs {
            return Ok(runs);
        } else if poll.readable(word) {
            runs = Some(output.read(&mut buffer)? > 0);
        }
    }
}
