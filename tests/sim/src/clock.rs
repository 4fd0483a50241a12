//! Time and randomness of a simulated process.
//!
//! Everything that makes two runs of a Rust program differ comes from two functions of libc: `getrandom` (keys of hash maps,
//! ids, nonces, tokio's choice between branches) and `clock_gettime`. This binary defines both, so that every library that it
//! is linked from meets these: inside a world they give the world's numbers and tokio's paused clock, elsewhere they ask the
//! kernel. Nothing in the product knows.
#![allow(unsafe_code)]

use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::time::Instant;

/// 2026-01-01T00:00:00Z, where every world begins.
const EPOCH_SECONDS: u64 = 1_767_225_600;
/// What the monotonic clock says at the beginning.
const MONOTONIC_SECONDS: u64 = 1_000_000;

static SEEDED: AtomicBool = AtomicBool::new(false);
static STATE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// From now on this process's randomness follows from `seed`.
pub fn seed(seed: u64) {
    STATE.store(seed ^ 0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    SEEDED.store(true, Ordering::Relaxed);
}

/// From now on this thread's clocks are tokio's, which must be paused.
pub fn take_over() {
    START.with(|start| start.set(Some(Instant::now())));
}

/// From now on this thread's clocks stand still. The allocator asks for the time until the thread's very end, when tokio is no
/// longer there to tell it.
pub fn give_back() {
    START.with(|start| start.set(None));
}

/// Virtual time since [`take_over`], in nanoseconds.
fn virtual_nanos() -> Option<u64> {
    if !SEEDED.load(Ordering::Relaxed) {
        return None;
    }
    let start = START.try_with(Cell::get).ok()?;
    let Some(start) = start else { return Some(0) };
    // tokio asks the system for the time when no runtime is entered.
    if ASKING.with(|asking| asking.replace(true)) {
        return Some(0);
    }
    let nanos = start.elapsed().as_nanos() as u64;
    ASKING.with(|asking| asking.set(false));
    Some(nanos)
}

/// In place of libc's.
///
/// # Safety
///
/// `time` points to a `timespec`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(
    clock: libc::clockid_t,
    time: *mut libc::timespec,
) -> libc::c_int {
    let Some(nanos) = virtual_nanos() else {
        // SAFETY: as the caller says.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as libc::c_int;
    };
    let base = match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => EPOCH_SECONDS,
        _ => MONOTONIC_SECONDS,
    };
    // SAFETY: as the caller says.
    unsafe {
        (*time).tv_sec = (base + nanos / 1_000_000_000).cast_signed();
        (*time).tv_nsec = (nanos % 1_000_000_000).cast_signed();
    }
    0
}

/// In place of libc's.
///
/// # Safety
///
/// `bytes` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(
    bytes: *mut libc::c_void,
    length: libc::size_t,
    flags: libc::c_uint,
) -> libc::ssize_t {
    if !SEEDED.load(Ordering::Relaxed) {
        // SAFETY: as the caller says.
        return unsafe { libc::syscall(libc::SYS_getrandom, bytes, length, flags) }
            as libc::ssize_t;
    }
    // SAFETY: as the caller says.
    let bytes = unsafe { std::slice::from_raw_parts_mut(bytes.cast::<u8>(), length) };
    for chunk in bytes.chunks_mut(8) {
        let state = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let number = mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
        chunk.copy_from_slice(&number.to_le_bytes()[..chunk.len()]);
    }
    length.cast_signed()
}

/// SplitMix64's output function.
pub fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
