//! A command under way: watched, signalled and waited for, never longer than a deadline.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Outcome, command};

/// No step of a test takes longer on a slow machine; a test that hangs must fail.
const DEADLINE: Duration = Duration::from_secs(60);

/// The program while it runs; it is killed when the test ends before it.
pub struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts the program as [`command`] does.
    pub fn start(folder: &Path, environment: &[(&str, &str)], args: &[&str]) -> Self {
        let mut child = command(folder, environment, args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Drained at once: a full pipe would hold the program.
        let (stdout, stderr) = (drain(child.stdout.take().unwrap()), drain(child.stderr.take().unwrap()));
        Self {
            child,
            stdout: Some(stdout),
            stderr: Some(stderr),
        }
    }

    /// Waits until this is so.
    ///
    /// # Panics
    /// When the program ends before, or the deadline passes.
    pub fn until(&mut self, what: &str, so: impl Fn() -> bool) {
        wait_for(what, || {
            if so() {
                return true;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                // It may have come true in its last moment.
                assert!(so(), "the program ended ({status}) before {what}:\n{}", self.drained().1);
                return true;
            }
            false
        });
    }

    /// Sends a signal by its name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {}", self.child.id()))
            .status()
            .unwrap();
        assert!(sent.success(), "kill -{name}");
    }

    /// Waits for the end; the exit code is -1 after a fatal signal.
    pub fn wait(mut self) -> Outcome {
        let mut code = None;
        wait_for("the end of the program", || {
            code = self.child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1));
            code.is_some()
        });
        let (stdout, stderr) = self.drained();
        Outcome {
            code: code.unwrap(),
            stdout,
            stderr,
        }
    }

    fn drained(&mut self) -> (String, String) {
        let text = |thread: Option<JoinHandle<String>>| thread.map_or_else(String::new, |thread| thread.join().unwrap());
        (text(self.stdout.take()), text(self.stderr.take()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is only reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until this is so.
///
/// # Panics
/// When the deadline passes.
fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn drain(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    })
}
