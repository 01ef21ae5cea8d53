// SPDX-License-Identifier: Apache-2.0

//! A mapping of a file that another process writes to, and may truncate.
//!
//! Touching a page that the file no longer has raises SIGBUS. While a thread is inside
//! [`Mapping::guarded`], a handler puts zeros in the place of the mapping and lets the
//! thread go on; afterwards `guarded` reports the damage. Faults anywhere else go to
//! whoever handled them before.

use std::cell::{Cell, UnsafeCell};
use std::fs::File;
use std::io;
use std::os::raw::{c_int, c_void};
use std::os::unix::io::AsRawFd;
use std::ptr;
use std::sync::atomic::{fence, AtomicBool, AtomicU64, Ordering};
use std::sync::Once;

use crate::error::{damaged, Error};
use crate::sys;

pub(crate) struct Mapping {
    base: *mut c_void,
    len: usize,
    /// Set by the handler: zeros have taken the place of the file.
    lost: AtomicBool,
}

// SAFETY: the mapping belongs to this object alone and is only loaded from, atomically.
unsafe impl Send for Mapping {}

impl Mapping {
    pub(crate) fn new(file: &File, size: u64) -> io::Result<Self> {
        install_handler();
        let len = usize::try_from(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
        // SAFETY: a new mapping, at a place that the kernel chooses, touches no memory
        // that anybody has.
        let base = unsafe {
            sys::mmap(
                ptr::null_mut(),
                len,
                sys::PROT_READ,
                sys::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if base as isize == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(Mapping {
            base,
            len,
            lost: AtomicBool::new(false),
        })
    }

    /// Run `f`, which may load from the mapping, in the protection of the handler.
    pub(crate) fn guarded<T>(
        &self,
        f: impl FnOnce(Loads<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        struct Reset(*const Mapping);
        impl Drop for Reset {
            fn drop(&mut self) {
                GUARDED.with(|guarded| guarded.set(self.0));
            }
        }
        let _reset = Reset(GUARDED.with(|guarded| guarded.replace(self)));
        let result = f(Loads { mapping: self });
        if self.lost.load(Ordering::Relaxed) {
            return Err(damaged("file"));
        }
        result
    }
}

#[cfg(test)]
impl Mapping {
    /// Load a word without the protection of the handler.
    pub(crate) fn unguarded(&self, off: u64) -> u64 {
        Loads { mapping: self }.relaxed(off)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: base and len are those of the mapping that new() made; nothing that
        // borrows it is left.
        unsafe { sys::munmap(self.base, self.len) };
    }
}

/// The right to load from a mapping, which only [`Mapping::guarded`] gives.
#[derive(Clone, Copy)]
pub(crate) struct Loads<'a> {
    mapping: &'a Mapping,
}

impl Loads<'_> {
    /// The word at an offset that has been checked; it is checked again.
    pub(crate) fn relaxed(self, off: u64) -> u64 {
        let size = self.mapping.len as u64;
        assert!(off % 8 == 0 && size >= 8 && off <= size - 8);
        // SAFETY: the word lies inside the mapping and is aligned, as the mapping starts
        // on a page. It is memory that others change, so it is loaded atomically; a
        // relaxed load of 8 bytes is fine on memory that is mapped for reading only (see
        // "Atomic accesses to read-only memory" of std::sync::atomic). A fault is
        // handled, as we are inside guarded().
        let word = unsafe {
            &*self
                .mapping
                .base
                .cast::<AtomicU64>()
                .add((off / 8) as usize)
        };
        word.load(Ordering::Relaxed)
    }

    /// The same as an acquire load, which read-only memory has no guarantee for.
    pub(crate) fn acquire(self, off: u64) -> u64 {
        let word = self.relaxed(off);
        fence(Ordering::Acquire);
        word
    }
}

// ---- SIGBUS -----------------------------------------------------------------------------

thread_local! {
    /// The mapping whose faults this thread expects. Without a destructor and with a
    /// constant to start from it is a plain word, which a signal handler may read.
    static GUARDED: Cell<*const Mapping> = const { Cell::new(ptr::null()) };
}

/// What handled SIGBUS before us.
struct Previous(UnsafeCell<sys::SigAction>);

// SAFETY: written once, before our handler, the only one that reads it, is installed.
unsafe impl Sync for Previous {}

static PREVIOUS: Previous = Previous(UnsafeCell::new(sys::SigAction::new(sys::SIG_DFL, 0)));

fn install_handler() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let flags = sys::SA_SIGINFO | sys::SA_ONSTACK;
        let handler: extern "C" fn(c_int, *mut sys::SigInfo, *mut c_void) = on_sigbus;
        let action = sys::SigAction::new(handler as usize, flags);
        // SAFETY: the structures are those of this platform. PREVIOUS is written before
        // the handler that reads it can run, and by this thread alone (Once).
        unsafe {
            sys::sigaction(sys::SIGBUS, ptr::null(), PREVIOUS.0.get());
            sys::sigaction(sys::SIGBUS, &action, ptr::null_mut());
        }
    });
}

extern "C" fn on_sigbus(signal: c_int, info: *mut sys::SigInfo, context: *mut c_void) {
    let guarded = GUARDED.with(Cell::get);
    if !guarded.is_null() {
        // SAFETY: guarded() has set the pointer and not returned yet: the mapping is
        // alive. The kernel hands us a siginfo that is valid now.
        let (mapping, address) = unsafe { (&*guarded, (*info).address) };
        let base = mapping.base as usize;
        if address >= base && address - base < mapping.len && replace_by_zeros(mapping) {
            mapping.lost.store(true, Ordering::Relaxed);
            return;
        }
    }
    pass_on(signal, info, context);
}

fn replace_by_zeros(mapping: &Mapping) -> bool {
    // SAFETY: the pages replaced are those of `mapping`, which owns them and which is
    // only loaded from, atomically: it is as if another process had stored zeros. mmap is
    // a plain system call, as a signal handler needs it.
    let zeros = unsafe {
        sys::mmap(
            mapping.base,
            mapping.len,
            sys::PROT_READ,
            sys::MAP_PRIVATE | sys::MAP_ANONYMOUS | sys::MAP_FIXED,
            -1,
            0,
        )
    };
    zeros == mapping.base
}

fn pass_on(signal: c_int, info: *mut sys::SigInfo, context: *mut c_void) {
    // SAFETY: PREVIOUS does not change any more. The address in it is that of a handler
    // which somebody installed with these flags, so it has the signature that they say.
    unsafe {
        let previous = *PREVIOUS.0.get();
        if previous.handler == sys::SIG_DFL || previous.handler == sys::SIG_IGN {
            // The instruction faults again and ends the process, as without us.
            let default = sys::SigAction::new(sys::SIG_DFL, 0);
            sys::sigaction(sys::SIGBUS, &default, ptr::null_mut());
        } else if previous.flags & sys::SA_SIGINFO != 0 {
            type Handler = extern "C" fn(c_int, *mut sys::SigInfo, *mut c_void);
            std::mem::transmute::<usize, Handler>(previous.handler)(signal, info, context);
        } else {
            std::mem::transmute::<usize, extern "C" fn(c_int)>(previous.handler)(signal);
        }
    }
}
