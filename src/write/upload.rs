//! Bytes to an object that stays invisible until it is published: cut into parts, hashed, sent while the next ones are made.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use object_store::MultipartUpload;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::budget::{MemoryBudget, Share};
use crate::error::{Error, Kind, Result};
use crate::store::{Lake, hex, is_vanished};

/// Parts of one writer under way at a time. Two keep the wire busy while the next is made, and bound what a slow one holds.
const PARTS_UNDER_WAY: usize = 2;

/// What the uploads of one writer share.
#[derive(Clone)]
pub(super) struct Uploader {
    pub lake: Lake,
    pub handle: Handle,
    pub budget: Arc<MemoryBudget>,
    permits: Arc<Semaphore>,
}

impl Uploader {
    pub(super) fn new(lake: &Lake, handle: Handle, budget: Arc<MemoryBudget>) -> Self {
        Self {
            lake: lake.clone(),
            handle,
            budget,
            permits: Arc::new(Semaphore::new(PARTS_UNDER_WAY)),
        }
    }

    /// Where to write an object; nothing is sent before the first part is full.
    pub(super) fn sink(&self, path: String) -> Sink {
        Sink {
            upload: Some(Upload {
                uploader: self.clone(),
                path,
                multipart: None,
                parts: JoinSet::new(),
            }),
            part_bytes: self.lake.part_bytes(),
            buffer: Vec::new(),
            held: None,
            hash: Sha256::new(),
            bytes: 0,
            failure: None,
        }
    }
}

/// An object all of whose bytes are sent or on their way.
pub(super) struct Sent {
    pub upload: Upload,
    pub bytes: u64,
    pub sha256: String,
}

/// Takes bytes on a blocking thread; waits while too many parts are under way.
pub(super) struct Sink {
    /// Gone once the sink is finished or abandoned: then it takes no more bytes.
    upload: Option<Upload>,
    part_bytes: usize,
    buffer: Vec<u8>,
    /// What is written while it is held back.
    held: Option<Vec<u8>>,
    hash: Sha256,
    bytes: u64,
    /// What went wrong, for the caller of the encoder: an io::Error cannot carry it through.
    failure: Option<Error>,
}

impl Sink {
    /// Bytes of memory held by the unfinished part, and by what is held back.
    pub(super) fn buffered(&self) -> usize {
        self.buffer.capacity() + self.held.as_ref().map_or(0, Vec::capacity)
    }

    /// Holds back what is written from now on.
    pub(super) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Takes what was held back, after `change`, which is told at which byte of the object it begins.
    pub(super) fn release(&mut self, change: impl FnOnce(u64, &mut [u8]) -> Result<()>) -> Result<()> {
        let mut held = self.held.take().unwrap_or_default();
        change(self.bytes, &mut held)?;
        self.take(&held)
    }

    /// Why the last write failed.
    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Sends the last part. The object is complete but invisible.
    pub(super) fn finish(&mut self) -> Result<Sent> {
        let mut upload = self.upload.take().ok_or_else(|| Error::defect("a file was finished twice"))?;
        if !self.buffer.is_empty() {
            upload.send(std::mem::take(&mut self.buffer).into())?;
        }
        Ok(Sent {
            upload,
            bytes: self.bytes,
            sha256: hex(&std::mem::take(&mut self.hash).finalize()),
        })
    }

    /// Takes no more bytes; what was sent is for the caller to abort.
    pub(super) fn abandon(&mut self) -> Option<Upload> {
        self.upload.take()
    }

    fn take(&mut self, mut data: &[u8]) -> Result<()> {
        if let Some(held) = &mut self.held {
            held.extend_from_slice(data);
            return Ok(());
        }
        let upload = self
            .upload
            .as_mut()
            .ok_or_else(|| Error::defect("a file was written after its end"))?;
        self.hash.update(data);
        self.bytes += data.len() as u64;
        while !data.is_empty() {
            let room = self.part_bytes - self.buffer.len();
            let (now, later) = data.split_at(room.min(data.len()));
            self.buffer.extend_from_slice(now);
            data = later;
            if self.buffer.len() == self.part_bytes {
                upload.send(std::mem::take(&mut self.buffer).into())?;
            }
        }
        Ok(())
    }
}

impl io::Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self.take(data) {
            Ok(()) => Ok(data.len()),
            Err(error) => {
                let text = error.message().to_owned();
                self.failure = Some(error);
                Err(io::Error::other(text))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An object being written in parts. If it is dropped before it is complete, it is aborted in the background, as far as the runtime still lives.
pub(super) struct Upload {
    uploader: Uploader,
    /// Relative to the lake.
    path: String,
    multipart: Option<Box<dyn MultipartUpload>>,
    parts: JoinSet<object_store::Result<()>>,
}

impl Upload {
    /// Makes the object visible, once all its parts have arrived.
    ///
    /// # Errors
    /// When a part or the completion failed: the object is aborted. `Conflict` when the parts are gone because another run swept them.
    pub(super) async fn complete(&mut self) -> Result<()> {
        let outcome = self.complete_parts().await;
        if outcome.is_err() {
            self.abort().await;
        }
        outcome
    }

    /// Drops what was sent. Best effort: what is left of it is invisible, and is swept with the next commit.
    pub(super) async fn abort(&mut self) {
        self.parts.shutdown().await;
        if let Some(mut multipart) = self.multipart.take() {
            let _ = multipart.abort().await;
        }
    }

    async fn complete_parts(&mut self) -> Result<()> {
        while let Some(part) = self.parts.join_next().await {
            self.check(part)?;
        }
        let multipart = self.multipart.as_mut();
        let multipart = multipart.ok_or_else(|| Error::defect(format!("`{}` was published without a byte", self.path)))?;
        match multipart.complete().await {
            Ok(_) => {
                self.multipart = None;
                Ok(())
            }
            Err(error) if is_vanished(&error) => Err(Error::new(
                Kind::Conflict,
                format!("`{}` vanished before it was published", self.uploader.lake.url(&self.path)),
            )
            .hint("another run of this table committed first and swept what it left unfinished: run again")),
            Err(error) => Err(self.uploader.lake.failed("write", &self.path, &error)),
        }
    }

    /// Sends a part, on a blocking thread.
    fn send(&mut self, part: Bytes) -> Result<()> {
        while let Some(earlier) = self.parts.try_join_next() {
            self.check(earlier)?;
        }
        let Uploader {
            lake,
            handle,
            budget,
            permits,
        } = &self.uploader;
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => none.insert(handle.block_on(lake.upload(&self.path))?),
        };
        let share = Share::of(budget, part.len());
        let permit = handle
            .block_on(Arc::clone(permits).acquire_owned())
            .map_err(|error| Error::defect(format!("cannot send a part: {error}")))?;
        let put = multipart.put_part(part.into());
        self.parts.spawn_on(
            async move {
                let outcome = put.await;
                drop((share, permit));
                outcome
            },
            handle,
        );
        Ok(())
    }

    fn check(&self, part: Result<object_store::Result<()>, tokio::task::JoinError>) -> Result<()> {
        match part {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.uploader.lake.failed("write", &self.path, &error)),
            Err(error) => Err(Error::store(format!(
                "cannot write `{}`: {error}",
                self.uploader.lake.url(&self.path)
            ))),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(mut multipart) = self.multipart.take() {
            let mut parts = std::mem::take(&mut self.parts);
            self.uploader.handle.spawn(async move {
                parts.shutdown().await;
                let _ = multipart.abort().await;
            });
        }
    }
}
