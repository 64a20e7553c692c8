//! `COPY … FROM STDIN` as a sink of byte chunks.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::CopyInSink;

use super::session::{NoAnswer, Session};
use crate::error::{Error, Result};

/// A COPY in progress. If it is dropped without [`CopyIn::finish`] the server discards it and the connection
/// is not used again.
pub struct CopyIn {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    session: Arc<Session>,
}

impl CopyIn {
    pub(super) fn new(sink: CopyInSink<Bytes>, session: Arc<Session>) -> Self {
        // Until COPY has ended the connection is in copy mode: a cancelled task must not return it to the
        // pool.
        session.taint();
        Self { sink: Box::pin(sink), session }
    }

    /// Sends a chunk; waits while the server is behind.
    ///
    /// # Errors
    /// See [`crate::pg`]; `BadRow` when the server refused a value of an earlier chunk.
    pub async fn send(&mut self, chunk: Bytes) -> Result<()> {
        match self.session.answer(self.sink.feed(chunk)).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.cause(failure).await),
        }
    }

    /// Ends the COPY and returns the number of rows that the server took.
    ///
    /// # Errors
    /// See [`crate::pg`]; `BadRow` when the server refused a value.
    pub async fn finish(mut self) -> Result<u64> {
        let rows = self.session.run(self.sink.as_mut().finish()).await?;
        self.session.clear();
        Ok(rows)
    }

    /// When the server ends a COPY early the sink says only "closed"; `finish` has the reason.
    async fn cause(&mut self, failure: NoAnswer) -> Error {
        let NoAnswer::Driver(e) = failure else { return self.session.understand(failure) };
        if e.code().is_some() {
            return self.session.understand(NoAnswer::Driver(e));
        }
        match self.session.answer(self.sink.as_mut().finish()).await {
            Err(NoAnswer::Driver(reason)) if reason.code().is_some() => {
                self.session.understand(NoAnswer::Driver(reason))
            }
            _ => self.session.understand(NoAnswer::Driver(e)),
        }
    }
}
