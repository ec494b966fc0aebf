//! What a role may still ask of the kernel: seccomp(2) and landlock(7).
//!
//! Both hold for good, and for whatever the process becomes. What is not on the list of a role fails with `EPERM`, which
//! libraries understand: they do without what they only tried. A kernel that has one of the two not, or an older version, leaves
//! the role with less confinement and no less work.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope, path_beneath_rules,
};
use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// What a role's work needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// To talk on the sockets that it is given, and those that they accept: no file, no socket of its own.
    Serve,
    /// To call others over IP, and to read the certificates of the system.
    Call,
    /// Whatever the system's resolver is made of; what no resolver does is refused.
    Resolve,
}

/// Memory, waiting, time, threads' own business, and talking on sockets that are there.
const COMMON: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpeername,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    // Its own time limit (alarm).
    libc::SYS_setitimer,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_write,
    libc::SYS_writev,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_alarm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
];

const ACCEPT: &[c_long] = &[libc::SYS_accept, libc::SYS_accept4];

/// Making connections, and reading files, of which landlock and the caller's rights leave few.
const CALL: &[c_long] = &[
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_newfstatat,
    libc::SYS_pread64,
    libc::SYS_readlinkat,
    libc::SYS_statx,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
];

/// What no resolver does: move the clock, become another program or user, look into other processes, change the system, and
/// the parts of the kernel that are attacked most.
const NO_RESOLVER: &[c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsopen,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_personality,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
];

/// Where systems keep the certificates that they trust, and what is read on the way to them.
const CERTIFICATES: &[&str] =
    &["/etc", "/usr", "/nix/store", "/gnu/store", "/opt/etc/ssl", "/var/lib/ca-certificates", "/var/ssl"];
/// Where else they are told to be.
const CERTIFICATE_VARIABLES: &[&str] = &["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Confines this thread and those that it starts, which must already be unable to gain privileges. What of it is not to be had here, is
/// said, each in some words.
pub(super) fn confine(duty: Duty) -> Vec<String> {
    let mut missing = Vec::new();
    match guard_files(duty) {
        Ok(RulesetStatus::NotEnforced) => missing.push("landlock is not to be had".to_owned()),
        Ok(_) => {}
        Err(error) => missing.push(format!("landlock: {error}")),
    }
    // Last, as it forbids the above.
    let filtered = filter(duty).and_then(|program| apply_filter(&program).map_err(|e| e.to_string()));
    missing.extend(filtered.err().map(|error| format!("seccomp: {error}")));
    missing
}

/// Files are read where there is a reason to, and written nowhere. As far as this kernel can.
fn guard_files(duty: Duty) -> Result<RulesetStatus, landlock::RulesetError> {
    const KNOWN: ABI = ABI::V6;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?;
    if duty != Duty::Resolve {
        // A resolver may have to talk to a program here, or to be told by it.
        rules = rules.scope(Scope::from_all(KNOWN))?;
    }
    if duty == Duty::Serve {
        rules = rules.handle_access(AccessNet::from_all(KNOWN))?;
    }
    let rules = rules.create()?;
    let rules = match duty {
        Duty::Serve => rules,
        Duty::Call => {
            let told = CERTIFICATE_VARIABLES.iter().filter_map(env::var_os).map(PathBuf::from);
            let readable = CERTIFICATES.iter().map(PathBuf::from).chain(told);
            let read = AccessFs::ReadFile | AccessFs::ReadDir;
            rules.add_rules(path_beneath_rules(readable, read))?
        }
        // Its modules, and the sockets of daemons. A shared library is read, not executed, as far as landlock sees.
        Duty::Resolve => {
            let read = AccessFs::ReadFile | AccessFs::ReadDir;
            let rules = rules.add_rules(path_beneath_rules(["/"], read))?;
            rules.add_rules(path_beneath_rules(["/dev/null"], read | AccessFs::WriteFile))?
        }
    };
    rules.restrict_self().map(|status| status.ruleset)
}

fn filter(duty: Duty) -> Result<BpfProgram, String> {
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let architecture = env::consts::ARCH.try_into().map_err(|_| "not for this processor".to_owned())?;
    let filter = match duty {
        Duty::Resolve => {
            let rules = always(NO_RESOLVER);
            SeccompFilter::new(rules, SeccompAction::Allow, refused, architecture)
        }
        Duty::Serve | Duty::Call => {
            let rules = allowed(duty).map_err(|error| error.to_string())?;
            SeccompFilter::new(rules, refused, SeccompAction::Allow, architecture)
        }
    };
    filter.and_then(BpfProgram::try_from).map_err(|error| error.to_string())
}

fn always(calls: &[c_long]) -> BTreeMap<i64, Vec<SeccompRule>> {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn allowed(duty: Duty) -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq};
    // Of the argument of this number, counted from 0, a C integer.
    let when = |number, operator, value: i32| {
        let condition =
            SeccompCondition::new(number, SeccompCmpArgLen::Dword, operator, u64::from(value as u32))?;
        SeccompRule::new(vec![condition])
    };
    let mut rules = always(COMMON);
    // Memory that is not a program's.
    let no_code = || when(2, MaskedEq(libc::PROT_EXEC as u64), 0);
    rules.insert(libc::SYS_mmap, vec![no_code()?]);
    rules.insert(libc::SYS_mprotect, vec![no_code()?]);
    // How much there is to read, and not to wait: what the standard library asks of sockets.
    let queries = [libc::FIONREAD as i32, libc::FIONBIO as i32];
    rules.insert(
        libc::SYS_ioctl,
        queries.into_iter().map(|query| when(1, Eq, query)).collect::<Result<_, _>>()?,
    );
    if duty == Duty::Serve {
        rules.extend(always(ACCEPT));
        return Ok(rules);
    }
    rules.extend(always(CALL));
    let families = [libc::AF_INET, libc::AF_INET6];
    rules.insert(
        libc::SYS_socket,
        families.into_iter().map(|family| when(0, Eq, family)).collect::<Result<_, _>>()?,
    );
    let to_read = || MaskedEq((libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u64);
    rules.insert(libc::SYS_openat, vec![when(2, to_read(), libc::O_RDONLY)?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, vec![when(1, to_read(), libc::O_RDONLY)?]);
    Ok(rules)
}

#[cfg(test)]
mod tests;
