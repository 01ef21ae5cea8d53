// SPDX-License-Identifier: Apache-2.0

//! The system calls that `std` does not offer, as the C library declares them on 64-bit
//! Linux.

use std::fs::File;
use std::os::raw::{c_int, c_long, c_void};
use std::os::unix::io::AsRawFd;

pub(crate) const O_NONBLOCK: c_int = 0o4000;
#[cfg(target_arch = "aarch64")]
pub(crate) const O_NOFOLLOW: c_int = 0o100_000;
#[cfg(not(target_arch = "aarch64"))]
pub(crate) const O_NOFOLLOW: c_int = 0o400_000;

pub(crate) const PROT_READ: c_int = 1;
pub(crate) const MAP_SHARED: c_int = 0x01;
pub(crate) const MAP_PRIVATE: c_int = 0x02;
pub(crate) const MAP_FIXED: c_int = 0x10;
pub(crate) const MAP_ANONYMOUS: c_int = 0x20;

pub(crate) const SIGBUS: c_int = 7;
pub(crate) const SA_SIGINFO: c_int = 4;
pub(crate) const SA_ONSTACK: c_int = 0x0800_0000;
pub(crate) const SIG_DFL: usize = 0;
pub(crate) const SIG_IGN: usize = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct SigAction {
    pub(crate) handler: usize,
    pub(crate) mask: [u64; 16],
    pub(crate) flags: c_int,
    pub(crate) restorer: usize,
}

impl SigAction {
    pub(crate) const fn new(handler: usize, flags: c_int) -> Self {
        SigAction {
            handler,
            mask: [0; 16],
            flags,
            restorer: 0,
        }
    }
}

/// The beginning of `siginfo_t`, of a fault.
#[repr(C)]
pub(crate) struct SigInfo {
    numbers: [c_int; 4],
    pub(crate) address: usize,
}

#[repr(C)]
struct Flock {
    kind: i16,
    whence: i16,
    start: i64,
    len: i64,
    pid: c_int,
}

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: c_long,
}

extern "C" {
    pub(crate) fn mmap(
        addr: *mut c_void,
        len: usize,
        prot: c_int,
        flags: c_int,
        fd: c_int,
        off: i64,
    ) -> *mut c_void;
    pub(crate) fn munmap(addr: *mut c_void, len: usize) -> c_int;
    pub(crate) fn sigaction(
        signal: c_int,
        new: *const SigAction,
        old: *mut SigAction,
    ) -> c_int;
    fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    fn geteuid() -> u32;
    fn clock_gettime(clock: c_int, now: *mut Timespec) -> c_int;
}

pub(crate) fn effective_user() -> u32 {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { geteuid() }
}

/// CLOCK_MONOTONIC in ns, which `Instant` does not give away.
pub(crate) fn monotonic_now() -> u64 {
    const CLOCK_MONOTONIC: c_int = 1;
    let mut now = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: `now` is a timespec of this platform and lives through the call.
    unsafe { clock_gettime(CLOCK_MONOTONIC, &mut now) };
    now.seconds as u64 * 1_000_000_000 + now.nanoseconds as u64
}

/// Whether anybody holds a lock that keeps others from reading. True also where the file
/// system cannot say.
pub(crate) fn is_locked(file: &File) -> bool {
    const F_OFD_GETLK: c_int = 36;
    const F_RDLCK: i16 = 0;
    const F_UNLCK: i16 = 2;
    let mut lock = Flock {
        kind: F_RDLCK,
        whence: 0,
        start: 0,
        len: 0,
        pid: 0,
    };
    // SAFETY: `lock` is a flock of this platform, where off_t has 64 bits, and lives
    // through the call.
    let rc = unsafe { fcntl(file.as_raw_fd(), F_OFD_GETLK, &mut lock as *mut Flock) };
    rc < 0 || lock.kind != F_UNLCK
}

/// Take the lock of a writer.
#[cfg(test)]
pub(crate) fn lock(file: &File) -> bool {
    const F_OFD_SETLK: c_int = 37;
    const F_WRLCK: i16 = 1;
    let lock = Flock {
        kind: F_WRLCK,
        whence: 0,
        start: 0,
        len: 0,
        pid: 0,
    };
    // SAFETY: as in is_locked().
    unsafe { fcntl(file.as_raw_fd(), F_OFD_SETLK, &lock as *const Flock) == 0 }
}

/// A pipe with a name.
#[cfg(test)]
pub(crate) fn make_fifo(path: &std::path::Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    extern "C" {
        fn mkfifo(path: *const std::os::raw::c_char, mode: u32) -> c_int;
    }
    let name = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: `name` ends in NUL and lives through the call.
    unsafe { mkfifo(name.as_ptr(), 0o600) == 0 }
}
