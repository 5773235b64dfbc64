//! The memory that pages may take while they wait for the decoder.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A budget of KiB shared by all tables of a run.
#[derive(Debug, Clone)]
pub struct Memory {
    free: Arc<Semaphore>,
    total: u32,
}

impl Memory {
    /// A budget of so many KiB, one at least.
    pub fn new(total_kib: u32) -> Self {
        let total = total_kib.max(1);
        Self {
            free: Arc::new(Semaphore::new(total as usize)),
            total,
        }
    }

    /// Waits until a body of this size fits. One larger than the whole budget waits until everything is free, else it would wait for ever.
    pub(crate) async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).clamp(1, self.total);
        // Only a closed semaphore refuses, and nothing closes it.
        self.free.clone().acquire_many_owned(kib).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_takes_what_it_weighs_and_at_most_everything() {
        let memory = Memory::new(4);
        let small = memory.take(1).await;
        let middle = memory.take(1_025).await;
        assert_eq!(memory.free.available_permits(), 1);
        drop((small, middle));
        let large = memory.take(usize::MAX).await;
        assert_eq!(memory.free.available_permits(), 0);
        drop(large);
        assert_eq!(memory.free.available_permits(), 4);
    }
}
