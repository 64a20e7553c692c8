//! `COPY … FROM STDIN` as a sink of byte chunks.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::CopyInSink;

use super::session::{Failure, Session};
use crate::error::{Error, Result};

/// A COPY under way. Dropped without [`CopyIn::finish`] the server discards it; the connection is then not used again.
pub struct CopyIn {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    session: Arc<Session>,
}

impl CopyIn {
    pub(super) fn new(sink: CopyInSink<Bytes>, session: Arc<Session>) -> Self {
        // Until COPY has ended well the connection is in a state of its own: a cancelled task must not return it.
        session.taint();
        Self { sink: Box::pin(sink), session }
    }

    /// Sends a chunk; waits while the server is behind.
    ///
    /// # Errors
    /// As the server says; `BadRow` when it refused a value of an earlier chunk; `DatabaseUnavailable` when it takes no
    /// data although it waits for some.
    pub async fn send(&mut self, chunk: Bytes) -> Result<()> {
        match self.session.answer(self.sink.feed(chunk)).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.cause(failure).await),
        }
    }

    /// Ends the COPY and returns the number of rows the server took.
    ///
    /// # Errors
    /// As the server says; `BadRow` when it refused a value.
    pub async fn finish(mut self) -> Result<u64> {
        let rows = self.session.run(self.sink.as_mut().finish()).await?;
        self.session.clear();
        Ok(rows)
    }

    /// When the server ends a COPY early the sink only says "closed"; the reason comes with `finish`.
    async fn cause(&mut self, failure: Failure) -> Error {
        let Failure::Driver(e) = failure else { return self.session.judge(failure) };
        if e.code().is_some() {
            return self.session.judge(Failure::Driver(e));
        }
        match self.session.answer(self.sink.as_mut().finish()).await {
            Err(Failure::Driver(reason)) if reason.code().is_some() => self.session.judge(Failure::Driver(reason)),
            _ => self.session.judge(Failure::Driver(e)),
        }
    }
}
