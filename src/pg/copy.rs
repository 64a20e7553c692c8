//! `COPY … FROM STDIN` as a sink of byte chunks.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::CopyInSink;

use super::error::classify;
use crate::error::{Error, Result};

/// A COPY under way. Dropped without [`CopyIn::finish`] the server discards it; the connection is then not used again.
pub struct CopyIn {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    tainted: Arc<AtomicBool>,
}

impl CopyIn {
    pub(super) fn new(sink: CopyInSink<Bytes>, tainted: Arc<AtomicBool>) -> Self {
        // Until COPY has ended well the connection is in a state of its own: a cancelled task must not return it.
        tainted.store(true, Ordering::Relaxed);
        Self { sink: Box::pin(sink), tainted }
    }

    /// Sends a chunk; waits while the server is behind.
    ///
    /// # Errors
    /// As [`classify`]; `BadRow` when the server refused a value of an earlier chunk.
    pub async fn send(&mut self, chunk: Bytes) -> Result<()> {
        match self.sink.feed(chunk).await {
            Ok(()) => Ok(()),
            Err(e) => Err(self.cause(e).await),
        }
    }

    /// Ends the COPY and returns the number of rows the server took.
    ///
    /// # Errors
    /// As [`classify`]; `BadRow` when the server refused a value.
    pub async fn finish(mut self) -> Result<u64> {
        let rows = self.sink.as_mut().finish().await.map_err(classify)?;
        self.tainted.store(false, Ordering::Relaxed);
        Ok(rows)
    }

    /// When the server ends a COPY early the sink only says "closed"; the reason comes with `finish`.
    async fn cause(&mut self, e: tokio_postgres::Error) -> Error {
        if e.code().is_some() {
            return classify(e);
        }
        match self.sink.as_mut().finish().await {
            Err(reason) if reason.code().is_some() => classify(reason),
            _ => classify(e),
        }
    }
}
