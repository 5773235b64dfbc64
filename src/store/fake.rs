//! A store in memory that fails on demand, counts what it is asked, and whose clock the test sets.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// Clones share one store and its switches.
#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub inner: Arc<InMemory>,
    /// Bytes it still takes; beyond them every write fails as on a full disk.
    pub room: Arc<AtomicI64>,
    /// So many puts are stored and then answered with an error.
    pub lost_answers: Arc<AtomicUsize>,
    /// So many puts fail before they are stored.
    pub refused_puts: Arc<AtomicUsize>,
    /// Create overwrites, as a store does that ignores If-None-Match.
    pub ignore_create: Arc<AtomicBool>,
    /// Uploads begun and neither completed nor aborted.
    pub open_uploads: Arc<AtomicUsize>,
    /// Uploads completed.
    pub completed: Arc<AtomicUsize>,
    /// Objects read.
    pub reads: Arc<AtomicUsize>,
    /// Listings.
    pub listings: Arc<AtomicUsize>,
    /// How far its clock is before this machine's, milliseconds.
    ahead: Arc<AtomicI64>,
    /// What its clock said when an object was written.
    written: Arc<Mutex<HashMap<Path, DateTime<Utc>>>>,
}

impl Fake {
    pub fn new() -> Self {
        Self {
            inner: Arc::new(InMemory::new()),
            room: Arc::new(AtomicI64::new(i64::MAX)),
            lost_answers: Arc::default(),
            refused_puts: Arc::default(),
            ignore_create: Arc::default(),
            open_uploads: Arc::default(),
            completed: Arc::default(),
            reads: Arc::default(),
            listings: Arc::default(),
            ahead: Arc::default(),
            written: Arc::default(),
        }
    }

    /// Lets its clock go on by this much.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }

    /// Puts its clock so many seconds from this machine's.
    pub fn skew(&self, seconds: i64) {
        self.ahead.store(seconds * 1_000, Ordering::SeqCst);
    }

    fn take_room(&self, bytes: usize) -> Result<()> {
        let left = self.room.fetch_sub(bytes as i64, Ordering::SeqCst) - bytes as i64;
        if left < 0 {
            Err(failure(std::io::ErrorKind::StorageFull))
        } else {
            Ok(())
        }
    }
}

/// Puts the time of the store's clock in.
fn date(written: &Mutex<HashMap<Path, DateTime<Utc>>>, meta: &mut ObjectMeta) {
    if let Some(at) = written.lock().unwrap().get(&meta.location) {
        meta.last_modified = *at;
    }
}

fn failure(kind: std::io::ErrorKind) -> Error {
    Error::Generic {
        store: "fake",
        source: std::io::Error::from(kind).into(),
    }
}

fn take_one(counter: &AtomicUsize) -> bool {
    counter
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
        .is_ok()
}

impl fmt::Display for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

// The trait is declared with async_trait, which is not a dependency of this crate: its methods are written out.
impl ObjectStore for Fake {
    fn put_opts<'a, 'b, 'c>(&'a self, location: &'b Path, payload: PutPayload, mut opts: PutOptions) -> BoxFuture<'c, Result<PutResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            if take_one(&self.refused_puts) {
                return Err(failure(std::io::ErrorKind::ConnectionReset));
            }
            self.take_room(payload.content_length())?;
            if self.ignore_create.load(Ordering::SeqCst) {
                opts.mode = PutMode::Overwrite;
            }
            let result = self.inner.put_opts(location, payload, opts).await?;
            let now = Utc::now() + TimeDelta::milliseconds(self.ahead.load(Ordering::SeqCst));
            self.written.lock().unwrap().insert(location.clone(), now);
            if take_one(&self.lost_answers) {
                return Err(failure(std::io::ErrorKind::TimedOut));
            }
            Ok(result)
        })
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
            let inner = self.inner.put_multipart_opts(location, opts).await?;
            self.open_uploads.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(FakeUpload { inner, fake: self.clone() }) as Box<dyn MultipartUpload>)
        })
    }

    fn get_opts<'a, 'b, 'c>(&'a self, location: &'b Path, options: GetOptions) -> BoxFuture<'c, Result<GetResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            self.reads.fetch_add(1, Ordering::SeqCst);
            let mut result = self.inner.get_opts(location, options).await?;
            date(&self.written, &mut result.meta);
            Ok(result)
        })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listings.fetch_add(1, Ordering::SeqCst);
        let written = self.written.clone();
        let dated = self.inner.list(prefix).map_ok(move |mut meta| {
            date(&written, &mut meta);
            meta
        });
        dated.boxed()
    }

    fn list_with_delimiter<'a, 'b, 'c>(&'a self, prefix: Option<&'b Path>) -> BoxFuture<'c, Result<ListResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            let mut level = self.inner.list_with_delimiter(prefix).await?;
            level.objects.iter_mut().for_each(|meta| date(&self.written, meta));
            Ok(level)
        })
    }

    fn copy_opts<'a, 'b, 'd, 'c>(&'a self, from: &'b Path, to: &'d Path, options: CopyOptions) -> BoxFuture<'c, Result<()>>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
        Self: 'c,
    {
        self.inner.copy_opts(from, to, options)
    }
}

#[derive(Debug)]
struct FakeUpload {
    inner: Box<dyn MultipartUpload>,
    fake: Fake,
}

impl MultipartUpload for FakeUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let room = self.fake.take_room(data.content_length());
        let put = self.inner.put_part(data);
        Box::pin(async move {
            room?;
            put.await
        })
    }

    fn complete<'a, 'c>(&'a mut self) -> BoxFuture<'c, Result<PutResult>>
    where
        'a: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            self.fake.take_room(0)?;
            let result = self.inner.complete().await?;
            self.fake.open_uploads.fetch_sub(1, Ordering::SeqCst);
            self.fake.completed.fetch_add(1, Ordering::SeqCst);
            Ok(result)
        })
    }

    fn abort<'a, 'c>(&'a mut self) -> BoxFuture<'c, Result<()>>
    where
        'a: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            self.fake.open_uploads.fetch_sub(1, Ordering::SeqCst);
            self.inner.abort().await
        })
    }
}
