//! The lake as one process sees it: until it is killed, or while it sleeps.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use tokio::sync::watch;

use crate::store::Lake;
use crate::store::fake::Fake;

/// What happens to a process at one of its operations on the lake.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    Lives,
    /// This operation is the last, and nobody hears its answer: it was `done` or not. Every later one fails, and uploads that were begun are never completed.
    Killed {
        at: usize,
        done: bool,
    },
    /// Neither this operation nor a later one is begun before the process is woken.
    Sleeps {
        at: usize,
    },
}

/// A process with its own way to a lake that others use too.
#[derive(Debug, Clone)]
pub struct Process {
    fake: Fake,
    fate: Fate,
    operations: Arc<AtomicUsize>,
    dead: Arc<AtomicBool>,
    asleep: watch::Sender<bool>,
    awake: watch::Sender<bool>,
}

impl Process {
    pub fn new(fake: &Fake, fate: Fate) -> Self {
        Self {
            fake: fake.clone(),
            fate,
            operations: Arc::default(),
            dead: Arc::default(),
            asleep: watch::Sender::new(false),
            awake: watch::Sender::new(false),
        }
    }

    pub fn lake(&self) -> Lake {
        Lake::over(Arc::new(self.clone()))
    }

    /// Operations so far.
    pub fn operations(&self) -> usize {
        self.operations.load(Ordering::SeqCst)
    }

    /// Kills it now.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    /// Resolves when it has fallen asleep.
    pub async fn sleeps(&self) {
        let mut asleep = self.asleep.subscribe();
        // The sender is this very process.
        let _ = asleep.wait_for(|asleep| *asleep).await;
    }

    pub fn wake(&self) {
        self.awake.send_replace(true);
    }

    async fn operation<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let number = self.operations.fetch_add(1, Ordering::SeqCst);
        let killed = || Error::Generic {
            store: "process",
            source: "killed".into(),
        };
        match self.fate {
            _ if self.dead.load(Ordering::SeqCst) => Err(killed()),
            Fate::Killed { at, done } if number >= at => {
                if done && number == at {
                    let _ = work.await;
                }
                Err(killed())
            }
            Fate::Sleeps { at } if number >= at => {
                self.asleep.send_replace(true);
                let _ = self.awake.subscribe().wait_for(|awake| *awake).await;
                work.await
            }
            _ => work.await,
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Process")
    }
}

// The trait is declared with async_trait, which is not a dependency of this crate: its methods are written out.
impl ObjectStore for Process {
    fn put_opts<'a, 'b, 'c>(&'a self, location: &'b Path, payload: PutPayload, opts: PutOptions) -> BoxFuture<'c, Result<PutResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(self.operation(self.fake.put_opts(location, payload, opts)))
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        opts: PutMultipartOptions,
    ) -> BoxFuture<'c, Result<Box<dyn MultipartUpload>>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            let inner = self.operation(self.fake.put_multipart_opts(location, opts)).await?;
            let process = self.clone();
            Ok(Box::new(Upload { inner, process }) as Box<dyn MultipartUpload>)
        })
    }

    fn get_opts<'a, 'b, 'c>(&'a self, location: &'b Path, options: GetOptions) -> BoxFuture<'c, Result<GetResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(self.operation(self.fake.get_opts(location, options)))
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        // One after the other, so that a process can die between two.
        let process = self.clone();
        let delete = move |location: Path| {
            let process = process.clone();
            async move {
                process.operation(process.fake.delete(&location)).await?;
                Ok(location)
            }
        };
        locations.and_then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (process, listing) = (self.clone(), self.fake.list(prefix));
        let begun = async move { process.operation(async { Ok(()) }).await.map(|()| listing) };
        futures::stream::once(begun).try_flatten().boxed()
    }

    fn list_with_delimiter<'a, 'b, 'c>(&'a self, prefix: Option<&'b Path>) -> BoxFuture<'c, Result<ListResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(self.operation(self.fake.list_with_delimiter(prefix)))
    }

    fn copy_opts<'a, 'b, 'd, 'c>(&'a self, from: &'b Path, to: &'d Path, options: CopyOptions) -> BoxFuture<'c, Result<()>>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
        Self: 'c,
    {
        Box::pin(self.operation(self.fake.copy_opts(from, to, options)))
    }
}

#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    process: Process,
}

impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, process) = (self.inner.put_part(data), self.process.clone());
        Box::pin(async move { process.operation(part).await })
    }

    fn complete<'a, 'c>(&'a mut self) -> BoxFuture<'c, Result<PutResult>>
    where
        'a: 'c,
        Self: 'c,
    {
        Box::pin(self.process.operation(self.inner.complete()))
    }

    fn abort<'a, 'c>(&'a mut self) -> BoxFuture<'c, Result<()>>
    where
        'a: 'c,
        Self: 'c,
    {
        Box::pin(self.process.operation(self.inner.abort()))
    }
}
