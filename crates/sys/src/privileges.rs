//! Giving up what is not needed any more.
//!
//! Capabilities belong to a thread on Linux, so all of this is for the time before other threads start.

use std::ffi::CString;
use std::io;
use std::path::Path;

use libc::{c_int, c_ulong};

use crate::ffi::check;
use crate::role::Confinement;

const CAP_NET_BIND_SERVICE: u32 = 10;
const CAP_SYS_TIME: u32 = 25;
/// The kernel's numbers end well below.
const CAP_LIMIT: u32 = 64;
/// `_LINUX_CAPABILITY_VERSION_3`: two words a set.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// The account without rights that every system has.
const NOBODY: (libc::uid_t, libc::gid_t) = (65_534, 65_534);

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilityData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Goes on as another user, with at most two capabilities of those that the process has: to steer the clock, and
/// to bind to low ports. There is no way back.
///
/// Called by the user himself it only drops capabilities.
///
/// # Errors
/// There is no such user ([`io::ErrorKind::NotFound`]), or the process is not privileged enough (`EPERM`). Some of
/// the privileges may be gone then; the caller should end.
pub fn drop_to(user: &str, keep_sys_time: bool, keep_net_bind: bool) -> io::Result<()> {
    let name = CString::new(user).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    let (uid, gid) = look_up(&name)?;
    let mut keep = 0;
    if keep_sys_time {
        keep |= 1 << CAP_SYS_TIME;
    }
    if keep_net_bind {
        keep |= 1 << CAP_NET_BIND_SERVICE;
    }
    // SAFETY: no pointers are passed.
    if unsafe { libc::geteuid() } == uid {
        return limit_capabilities(keep);
    }
    // What is not in the bounding set cannot come back by any program that is started later.
    drop_bounding_set(keep);
    prctl(libc::PR_SET_KEEPCAPS, 1)?;
    // SAFETY: the pointer is to a string that ends in zero.
    check(unsafe { libc::initgroups(name.as_ptr(), gid) })?;
    switch_user(uid, gid)?;
    prctl(libc::PR_SET_KEEPCAPS, 0)?;
    limit_capabilities(keep)
}

/// Whether there is such a user.
///
/// # Errors
/// There is none ([`io::ErrorKind::NotFound`]), or the system cannot tell.
pub fn look_for(user: &str) -> io::Result<()> {
    user_id(user).map(drop)
}

/// The number of a user.
pub(crate) fn user_id(user: &str) -> io::Result<libc::uid_t> {
    let name = CString::new(user).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    look_up(&name).map(|(uid, _)| uid)
}

/// Makes a file or folder that the process has just made belong to the user that it will become. Without the privilege to,
/// nothing happens: then the process is that user already, or cannot become him either.
///
/// # Errors
/// There is no such user, or the path is gone.
pub fn give_to(user: &str, path: &Path) -> io::Result<()> {
    let name = CString::new(user).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    let (uid, gid) = look_up(&name)?;
    match std::os::unix::fs::lchown(path, Some(uid), Some(gid)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

/// Gives up every capability for good.
///
/// # Errors
/// None on a working system.
pub fn clear_capabilities() -> io::Result<()> {
    drop_bounding_set(0);
    limit_capabilities(0)
}

/// No program started from here gains privileges by its file's bits.
///
/// # Errors
/// None on a working system.
pub fn no_new_privs() -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
}

/// What a role process does before it reads its first byte: it forgets what it inherited, becomes nobody if it is root,
/// has no capability, gains none, cannot be looked into, writes no files, and ends with the thread that started it.
pub(crate) fn enter_role(confinement: &Confinement) -> io::Result<()> {
    close_inherited();
    lower_priority(confinement.nice);
    // SAFETY: no pointers are passed.
    if unsafe { libc::geteuid() } == 0 {
        drop_bounding_set(0);
        // SAFETY: no groups are passed.
        check(unsafe { libc::setgroups(0, std::ptr::null()) })?;
        switch_user(NOBODY.0, NOBODY.1)?;
    }
    clear_capabilities()?;
    no_new_privs()?;
    // What it holds (keys, for one) is not for other processes of the same user, nor for a core file.
    prctl(libc::PR_SET_DUMPABLE, 0)?;
    limit(libc::RLIMIT_CORE, 0)?;
    limit(libc::RLIMIT_FSIZE, 0)?;
    // Standard error may be a file: then its last words are lost, and no more.
    // SAFETY: to ignore a signal needs no handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    if confinement.alone {
        limit(libc::RLIMIT_NPROC, 0)?;
    }
    if let Some(descriptors) = confinement.descriptors {
        limit(libc::RLIMIT_NOFILE, descriptors)?;
    }
    // Only now: a change of user resets it.
    prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_ulong)
}

/// Whoever started the daemon may have left descriptors open that are none of the role's business.
fn close_inherited() {
    let first = libc::STDERR_FILENO + 1;
    // SAFETY: a role begins with this, so nothing in the process owns a descriptor beyond the standard three yet.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) != 0 {
            // Before Linux 5.9. Nobody leaves more than these.
            (first..1024).for_each(|fd| {
                libc::close(fd);
            });
        }
    }
}

/// Behind the daemon's own priority. Best effort: a system that refuses runs the role beside the daemon.
fn lower_priority(nice: u8) {
    // SAFETY: no pointers are passed; 0 is the calling process. That −1 may also stand for an error does not matter.
    unsafe {
        let now = libc::getpriority(libc::PRIO_PROCESS, 0);
        libc::setpriority(libc::PRIO_PROCESS, 0, now + c_int::from(nice.min(19)));
    }
}

/// Sets a limit of the process for good, as high as is permitted.
fn limit(what: libc::__rlimit_resource_t, most: u64) -> io::Result<()> {
    // SAFETY: all zeros is a legal `rlimit`.
    let mut now: libc::rlimit = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a local structure.
    check(unsafe { libc::getrlimit(what, &raw mut now) })?;
    let most = (most as libc::rlim_t).min(now.rlim_max);
    let lower = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: as above.
    check(unsafe { libc::setrlimit(what, &raw const lower) }).map(drop)
}

fn switch_user(uid: libc::uid_t, gid: libc::gid_t) -> io::Result<()> {
    // SAFETY: no pointers are passed.
    unsafe {
        check(libc::setresgid(gid, gid, gid))?;
        check(libc::setresuid(uid, uid, uid))?;
        // A way back would mean that the above did nothing.
        if uid != 0 && libc::setuid(0) == 0 {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
    }
    Ok(())
}

/// Best effort: without the privilege to do it, the process has little to lose.
fn drop_bounding_set(keep: u64) {
    for capability in 0..CAP_LIMIT {
        if keep & (1 << capability) == 0 && prctl(libc::PR_CAPBSET_DROP, c_ulong::from(capability)).is_err() {
            break;
        }
    }
}

/// Permits `keep`, as far as it is permitted already, and uses it; nothing is inherited.
fn limit_capabilities(keep: u64) -> io::Result<()> {
    let mut header = CapabilityHeader { version: CAPABILITY_VERSION, pid: 0 };
    let mut data = [CapabilityData::default(); 2];
    // SAFETY: the pointers are to the header and the two words that this version of the call has.
    check_long(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) })?;
    for (word, keep) in data.iter_mut().zip([keep as u32, (keep >> 32) as u32]) {
        word.permitted &= keep;
        word.effective = word.permitted;
        word.inheritable = 0;
    }
    // SAFETY: as above; the call only reads.
    check_long(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) })?;
    Ok(())
}

fn check_long(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn prctl(option: c_int, value: c_ulong) -> io::Result<()> {
    let zero: c_ulong = 0;
    // SAFETY: the options used here take integers only.
    check(unsafe { libc::prctl(option, value, zero, zero, zero) })?;
    Ok(())
}

fn look_up(name: &CString) -> io::Result<(libc::uid_t, libc::gid_t)> {
    let mut buffer = vec![0; 16_384];
    // SAFETY: all zeros is a legal `passwd`: null pointers that nobody follows.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: the name ends in zero, the buffer is as long as is said, and the pointers are to locals.
    let result = unsafe {
        libc::getpwnam_r(name.as_ptr(), &raw mut entry, buffer.as_mut_ptr(), buffer.len(), &raw mut found)
    };
    if result != 0 {
        return Err(io::Error::from_raw_os_error(result));
    }
    if found.is_null() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no such user"));
    }
    Ok((entry.pw_uid, entry.pw_gid))
}

#[cfg(test)]
mod tests;
