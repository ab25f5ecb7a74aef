//! What belongs to one process.

use std::{mem, process};

use crate::runtime;

/// A value that only the process that made it may touch.
///
/// In the child of a fork it is out of reach, and leaked in place of dropped: its sockets are registered with the
/// parent's poller, which both processes share, and its locks may have been held by threads that the child lacks.
pub struct Owned<T> {
    pid: u32,
    value: Option<T>,
}

impl<T> Owned<T> {
    pub fn new(value: T) -> Self {
        Self { pid: process::id(), value: Some(value) }
    }

    /// The value, in its own process.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_here())
    }

    /// The value, even as a copy of the parent's. For what is plain memory alone.
    pub fn inherited(&self) -> Option<&T> {
        self.value.as_ref()
    }

    fn is_here(&self) -> bool {
        self.pid == process::id()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        let value = self.value.take();
        if self.is_here() {
            let _runtime = runtime::enter();
            drop(value);
        } else {
            mem::forget(value);
        }
    }
}
