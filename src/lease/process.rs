//! Whether the process that holds a lease is still there. Judged only where it cannot be mistaken: on Linux, since the same boot of the same machine, in the
//! same namespace of process numbers, from a `/proc` that hides nobody.

use std::fs;

use serde::{Deserialize, Serialize};

/// A process, told from every other one before and after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    /// Of the machine since it was started.
    boot_id: String,
    /// The namespace its number belongs to, `pid:[4026531836]`.
    namespace: String,
    pid: u32,
    /// When it began, in ticks since the boot: numbers are given again.
    started: u64,
}

impl Process {
    /// This one; nothing where it cannot be told.
    pub(super) fn this() -> Option<Self> {
        let (boot_id, namespace) = place()?;
        let stat = Stat::read("self")?;
        // In a container, `/proc` may be another namespace's.
        (stat.pid == std::process::id()).then_some(Self {
            boot_id,
            namespace,
            pid: stat.pid,
            started: stat.started,
        })
    }

    /// Whether it is known to have ended. False where nothing is known.
    pub(super) fn is_dead(&self) -> bool {
        let Some(this) = Self::this() else { return false };
        if (&this.boot_id, &this.namespace) != (&self.boot_id, &self.namespace) || hides_processes() {
            return false;
        }
        match Stat::read(&self.pid.to_string()) {
            Some(stat) => stat.started != self.started || stat.ended,
            None => !fs::exists(format!("/proc/{}", self.pid)).unwrap_or(true),
        }
    }

    #[cfg(test)]
    pub(super) fn with_pid(mut self, pid: u32) -> Self {
        self.pid = pid;
        self
    }

    #[cfg(test)]
    pub(super) fn on_another_boot(mut self) -> Self {
        self.boot_id.push('x');
        self
    }
}

/// The name of this machine, for people.
pub(super) fn host() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok()));
    name.map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

fn place() -> Option<(String, String)> {
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some((boot_id.trim().to_owned(), namespace.to_string_lossy().into_owned()))
}

/// Whether `/proc` is mounted such that others' processes look like none.
fn hides_processes() -> bool {
    let Ok(mounts) = fs::read_to_string("/proc/self/mounts") else {
        return true;
    };
    let hides = |option: &str| option.starts_with("hidepid=") && !matches!(option, "hidepid=0" | "hidepid=off");
    mounts.lines().any(|line| {
        let mut words = line.split(' ').skip(1);
        let (folder, kind, options) = (words.next(), words.next(), words.next());
        folder == Some("/proc") && kind == Some("proc") && options.is_some_and(|options| options.split(',').any(hides))
    })
}

/// What `/proc/<pid>/stat` says.
struct Stat {
    pid: u32,
    started: u64,
    /// It waits for its parent to notice.
    ended: bool,
}

impl Stat {
    fn read(pid: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `12 (a (b) c) S 1 … started …`: the name may hold anything, so the fields are counted from its last bracket.
    fn parse(text: &str) -> Option<Self> {
        let (pid, _) = text.split_once(' ')?;
        let mut fields = text.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?;
        Some(Self {
            pid: pid.parse().ok()?,
            // The 22nd of the line; the state is the third.
            started: fields.nth(18)?.parse().ok()?,
            ended: matches!(state, "Z" | "X"),
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_dead_when_it_has_ended_and_not_before() {
        let this = Process::this().unwrap();
        assert!(!this.is_dead());
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let started = Stat::read(&child.id().to_string()).unwrap().started;
        let of_child = Process {
            pid: child.id(),
            started,
            ..this.clone()
        };
        assert!(!of_child.is_dead());
        assert!(
            Process {
                started: started + 1,
                ..of_child.clone()
            }
            .is_dead(),
            "its number was given again"
        );
        child.kill().unwrap();
        // Not waited for yet: it ends soon, and is nobody's work any more.
        while !of_child.is_dead() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(of_child.is_dead());
        for elsewhere in [
            of_child.clone().on_another_boot(),
            Process {
                namespace: "pid:[1]".to_owned(),
                ..of_child
            },
        ] {
            assert!(!elsewhere.is_dead(), "nothing is known of {elsewhere:?}");
        }
    }

    #[test]
    fn a_line_is_read_whatever_the_name_of_the_program() {
        let tail = "1 7 7 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 8675309 1000 200";
        let stat = Stat::parse(&format!("4242 (a) S (b) R {tail}")).unwrap();
        assert_eq!((stat.pid, stat.started, stat.ended), (4242, 8_675_309, false));
        assert!(Stat::parse(&format!("1 (x) Z {tail}")).unwrap().ended);
        for broken in ["", "1", "1 (x)", "1 (x) S 1 2", "x (x) S"] {
            assert!(Stat::parse(broken).is_none(), "{broken}");
        }
    }
}
