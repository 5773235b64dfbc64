//! The signal that ends a run early.

use std::future::Future;

use tokio::sync::watch;

use crate::error::{Error, Kind, Result};

/// Listens for the end of the run. Clones listen to the same signal.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Gives the signal that every [`Stop`] made with it listens to.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// A signal not given yet, and its first listener.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Gives the signal, for good.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// A signal that nobody will give.
    pub fn never() -> Self {
        Self(watch::channel(false).1)
    }

    /// Whether the signal was given.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Goes on unless the signal was given.
    ///
    /// # Errors
    /// [`Kind::Stopped`].
    pub fn check(&self) -> Result<()> {
        match self.is_requested() {
            true => Err(Error::new(Kind::Stopped, "stopped on request")),
            false => Ok(()),
        }
    }

    /// Waits for the signal.
    pub async fn requested(&self) {
        // An error means that the `Stopper` is gone: the signal will never come.
        if self.0.clone().wait_for(|stop| *stop).await.is_err() {
            std::future::pending().await
        }
    }

    /// Does the work, or leaves it where it stands when the signal comes.
    ///
    /// # Errors
    /// Those of the work, and [`Kind::Stopped`].
    pub async fn race<T, E: From<Error>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        tokio::select! {
            biased;
            () = self.requested() => Err(Error::new(Kind::Stopped, "stopped on request").into()),
            done = work => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ends_the_work_and_nothing_else_does() {
        let (stopper, stop) = Stopper::new();
        assert_eq!(stop.race(async { Ok::<_, Error>(1) }).await.unwrap(), 1);
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.race(std::future::pending::<Result<()>>()).await }
        });
        stopper.stop();
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), Kind::Stopped);
        assert!(stop.is_requested());
        assert_eq!(stop.check().unwrap_err().kind(), Kind::Stopped);
        Stop::never().check().unwrap();
        assert_eq!(Stop::never().race(async { Ok::<_, Error>(2) }).await.unwrap(), 2);
    }
}
