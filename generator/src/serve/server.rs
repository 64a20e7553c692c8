//! The server: one task a connection, HTTP/1.1.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::answer::State;
use super::terms::{Served, Terms};
use crate::Plan;
use crate::error::{Error, Result};

/// The imitation, bound to an address.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    state: Arc<State>,
}

impl Server {
    /// Binds to `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::Plan`] for a plan that makes no sense or an address that cannot be bound.
    pub async fn bind(address: SocketAddr, plan: &Plan, terms: Terms) -> Result<Self> {
        plan.check()?;
        let hint = Some("another address, or port 0 for a free one");
        let refused = |e| Error::Plan { message: format!("cannot listen on {address}: {e}"), hint };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        Ok(Self { listener, state: Arc::new(State::new(plan, terms)) })
    }

    /// Where it listens; `None` when the system does not say.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serves until `stop` completes. Returns what it has done.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Served {
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut stop => break,
            };
            // A connection that is closed before it is accepted concerns nobody else.
            let Ok((stream, _)) = accepted else { continue };
            let _ = stream.set_nodelay(true);
            let state = Arc::clone(&self.state);
            tokio::spawn(async move {
                let service = hyper::service::service_fn(move |request| {
                    let state = Arc::clone(&state);
                    async move { Ok::<_, Infallible>(state.answer(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                // A client that disconnects, or a body that is cut on demand, ends here.
                let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            });
        }
        self.state.served()
    }
}
