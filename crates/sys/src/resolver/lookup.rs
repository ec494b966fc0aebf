//! `getaddrinfo`.

use std::ffi::CString;
use std::net::IpAddr;

use libc::{addrinfo, c_int};

use super::{Answer, Family, ResolveError};
use crate::address::RawAddress;

/// Longest name in the domain name system.
pub(super) const MAX_NAME: usize = 253;
/// More servers than this nobody uses of one name.
pub(super) const MAX_ADDRESSES: usize = 32;

/// The answer for a name that is an address already.
pub(super) fn literal(address: IpAddr, family: Option<Family>) -> Answer {
    let right = match family {
        None => true,
        Some(Family::V4) => address.is_ipv4(),
        Some(Family::V6) => address.is_ipv6(),
    };
    if right { Ok(vec![address]) } else { Err(ResolveError::NotFound) }
}

/// Asks the system. Families that this machine has no address of are left out, unless nothing remains then, as on a
/// machine with a loopback interface only.
pub(super) fn resolve(name: &str, family: Option<Family>) -> Answer {
    match ask(name, family, libc::AI_ADDRCONFIG) {
        Err(ResolveError::NotFound) => ask(name, family, 0),
        answer => answer,
    }
}

fn ask(name: &str, family: Option<Family>, flags: c_int) -> Answer {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(ResolveError::NotFound);
    }
    let name = CString::new(name).map_err(|_| ResolveError::NotFound)?;
    // SAFETY: all zeros is a legal `addrinfo`: no restrictions, null pointers.
    let mut hints: addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_socktype = libc::SOCK_DGRAM;
    hints.ai_flags = flags;
    hints.ai_family = match family {
        None => libc::AF_UNSPEC,
        Some(Family::V4) => libc::AF_INET,
        Some(Family::V6) => libc::AF_INET6,
    };
    let mut list: *mut addrinfo = std::ptr::null_mut();
    // SAFETY: the name ends in zero, and the pointers are to locals.
    let result =
        unsafe { libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &raw const hints, &raw mut list) };
    if result != 0 {
        return Err(error(result));
    }
    // SAFETY: the call succeeded, so the list is its own, and it is freed after the last use.
    let addresses = unsafe {
        let addresses = collect(list);
        libc::freeaddrinfo(list);
        addresses
    };
    if addresses.is_empty() { Err(ResolveError::NotFound) } else { Ok(addresses) }
}

/// # Safety
/// `list` must be null or a list that `getaddrinfo` made.
unsafe fn collect(mut list: *const addrinfo) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    while !list.is_null() && addresses.len() < MAX_ADDRESSES {
        // SAFETY: the list is legal by the caller's promise, and its end is null.
        let entry = unsafe { &*list };
        // SAFETY: an entry's address is as long as it says.
        let address = unsafe { RawAddress::copy(entry.ai_addr, entry.ai_addrlen) };
        if let Some(address) = address.and_then(|raw| raw.parse(raw.length()))
            && !addresses.contains(&address.ip())
        {
            addresses.push(address.ip());
        }
        list = entry.ai_next;
    }
    addresses
}

fn error(code: c_int) -> ResolveError {
    /// `EAI_ADDRFAMILY` of glibc: the name has addresses, but none of the family.
    const ADDRESS_FAMILY: c_int = -9;
    match code {
        libc::EAI_NONAME | libc::EAI_NODATA | libc::EAI_FAMILY | ADDRESS_FAMILY => ResolveError::NotFound,
        _ => ResolveError::Temporary,
    }
}
