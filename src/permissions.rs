//! New files and folders are not for others: a lake holds data of persons.
//!
//! The umask does it, for every file that any part of the program makes, at the moment when it is made. It only takes permissions away: the owner's, the group's and what
//! the umask withheld before stay, so 0644 becomes 0640 and 0755 becomes 0750, and with a umask of 0077 all stays with the owner. What is there is left as it is.
//!
//! The command does so when it starts. A program that uses this library decides for itself, and may call [`narrow`] before it starts threads: a umask is of the whole process.
//! On systems without one nothing changes.

use std::path::Path;

/// Permissions of others.
#[cfg(unix)]
const OTHERS: u32 = 0o007;

/// The umask that the process was started with, once it was narrowed.
#[cfg(unix)]
static BEFORE: std::sync::OnceLock<u32> = std::sync::OnceLock::new();

/// Takes the permissions of others from every file and folder that this process makes from now on.
pub fn narrow() {
    #[cfg(unix)]
    BEFORE.get_or_init(|| {
        // SAFETY: umask sets a number of the process's and cannot fail. It can only be read by being set: first to what withholds most.
        let before = unsafe { libc::umask(0o077) };
        // SAFETY: as above.
        unsafe { libc::umask(before | 0o007) };
        // Sixteen bits on some systems.
        #[allow(clippy::useless_conversion)]
        u32::from(before)
    });
}

/// Gives a new file the permissions that it would have had without [`narrow`]: for what another user's program reads, such as the metrics.
///
/// # Errors
/// When the permissions cannot be changed.
pub fn widen(file: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    if let Some(before) = BEFORE.get().filter(|before| **before & OTHERS != OTHERS) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o666 & !before))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}
