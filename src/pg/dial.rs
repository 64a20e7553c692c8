//! The way to one server: TCP or a Unix socket.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::config::dsn::{Keepalive, Server};

/// An open socket of either kind.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A stream of bytes in both directions.
trait Wire: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Wire for T {}

impl Socket {
    fn wire(self: Pin<&mut Self>) -> Pin<&mut dyn Wire> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::<&mut TcpStream>::new(stream),
            Self::Unix(stream) => Pin::<&mut UnixStream>::new(stream),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.wire().poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.wire().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.wire().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire().poll_shutdown(cx)
    }
}

/// One server at one of its addresses.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) server: Server,
    /// The server's address; `None` for a Unix socket.
    pub(super) address: Option<IpAddr>,
}

impl Route {
    /// Opens a socket, with keepalive and timeouts as the address says.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(super) async fn dial(&self, keepalive: &Keepalive) -> io::Result<Socket> {
        let Some(address) = self.address else {
            let path = Path::new(&self.server.host).join(format!(".s.PGSQL.{}", self.server.port));
            return Ok(Socket::Unix(UnixStream::connect(path).await?));
        };
        let stream = TcpStream::connect((address, self.server.port)).await?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        if keepalive.enabled {
            let probes = TcpKeepalive::new().with_time(keepalive.idle).with_interval(keepalive.interval);
            socket.set_tcp_keepalive(&probes.with_retries(keepalive.count))?;
        }
        #[cfg(target_os = "linux")]
        if !keepalive.user_timeout.is_zero() {
            socket.set_tcp_user_timeout(Some(keepalive.user_timeout))?;
        }
        Ok(Socket::Tcp(stream))
    }
}
