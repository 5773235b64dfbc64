//! Files that are written but not yet visible.

use futures::StreamExt;

use super::budget::Count;
use super::upload::{Upload, Uploader};
use crate::error::{Error, Result};
use crate::store::DataFile;

/// Files published at a time: each costs a round trip, or on disk an fsync.
const PUBLISHED_AT_A_TIME: usize = 8;

/// A data file that is written but invisible, to be published just before its manifest is committed. If it is dropped, it is removed in the background,
/// as far as the runtime still lives; [`StagedFile::abort`] is sure to.
pub struct StagedFile {
    /// What was written.
    pub file: DataFile,
    /// Its place among the files of its writer.
    pub(super) n: u32,
    /// Relative to the lake.
    path: String,
    uploader: Uploader,
    state: State,
}

enum State {
    /// On local disk an open `name#N`, which no `*.parquet` matches; in a bucket an upload not yet completed.
    Staged(Upload, #[allow(dead_code, reason = "counts while it lives")] Count),
    /// Made visible before its time.
    Published,
    /// Handed over or removed.
    Done,
}

impl StagedFile {
    pub(super) fn new(file: DataFile, n: u32, path: String, uploader: &Uploader, upload: Upload) -> Self {
        Self {
            file,
            n,
            path,
            state: State::Staged(upload, uploader.budget.staged()),
            uploader: uploader.clone(),
        }
    }

    /// Makes the file visible: whole, and on stable storage.
    ///
    /// # Errors
    /// `Store` when its upload cannot be completed (what was sent is removed), `Conflict` when another run that committed first has swept it.
    pub async fn publish(mut self) -> Result<DataFile> {
        self.publish_early().await?;
        self.state = State::Done;
        Ok(self.file.clone())
    }

    /// Removes the file.
    pub async fn abort(mut self) {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Staged(mut upload, _) => upload.abort().await,
            State::Published => remove(&self.uploader, &self.path).await,
            State::Done => {}
        }
    }

    /// Makes the file visible, still to be handed over.
    pub(super) async fn publish_early(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Staged(mut upload, _) => upload.complete().await?,
            State::Published => {}
            State::Done => return Err(Error::defect(format!("`{}` was published twice", self.path))),
        }
        self.state = State::Published;
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // An upload that is dropped aborts itself.
        if let State::Published = self.state {
            let (uploader, path) = (self.uploader.clone(), std::mem::take(&mut self.path));
            self.uploader.handle.spawn(async move { remove(&uploader, &path).await });
        }
    }
}

/// Publishes all of these files, or none: if one fails, those already visible are removed again. The order stays.
///
/// # Errors
/// The first failure.
pub async fn publish_all(files: Vec<StagedFile>) -> Result<Vec<DataFile>> {
    // Every one is seen through to its end: a rename that was left alone would make a file visible when nobody looks after it any more.
    let published: Vec<Result<StagedFile>> = futures::stream::iter(files)
        .map(|mut file| async move {
            file.publish_early().await?;
            Ok(file)
        })
        .buffered(PUBLISHED_AT_A_TIME)
        .collect()
        .await;
    let mut done = Vec::with_capacity(published.len());
    let mut failure = None;
    for outcome in published {
        match outcome {
            Ok(file) => done.push(file),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if let Some(error) = failure {
        for file in done {
            file.abort().await;
        }
        return Err(error);
    }
    Ok(done
        .into_iter()
        .map(|mut file| {
            file.state = State::Done;
            file.file.clone()
        })
        .collect())
}

/// Best effort: what stays is of a version that no manifest lists, and is swept with the next commit.
async fn remove(uploader: &Uploader, path: &str) {
    let _ = uploader.lake.delete(&[path.to_owned()]).await;
}
