//! The `afluente` command. Everything it does stands in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    keep_memory_flat();
    afluente::cli::main()
}

/// Pages, batches and parts of uploads come and go by the thousand, in ever other sizes. glibc learns from them to keep such blocks in its heaps, which
/// then fragment and grow with the length of a run; with a fixed threshold they are returned to the system when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_memory_flat() {
    // SAFETY: mallopt sets a number of the allocator's; no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 * 1024);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_memory_flat() {}
