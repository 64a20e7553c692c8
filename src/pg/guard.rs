//! `require_auth`: reads the server's messages until the sign-in is over, and stops before the driver answers
//! a request that the operator forbids.
//!
//! The driver answers whatever the server asks for, even a password in clear text. It answers what it has
//! read, so a request that is not passed on here is never answered. With TLS the guard sits on the decrypted
//! side.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::dial::Socket;
use crate::config::dsn::RequiredAuth;

/// The forbidden request that the server made, in words for the error; set once.
pub(super) type Forbidden = Arc<OnceLock<String>>;

/// Follows the server's messages up to the end of the sign-in.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    state: State,
    /// Type, length and, for an authentication request, code of the current message.
    header: Vec<u8>,
    /// Bytes of the current message still to be skipped.
    skip: usize,
    was_asked: bool,
    auth: Option<RequiredAuth>,
    forbidden: Forbidden,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next byte answers whether the server speaks TLS.
    TlsAnswer,
    /// Messages of the protocol follow, until the sign-in is over.
    Messages,
    /// The sign-in is over: everything passes.
    Open,
}

impl Watch {
    /// For a stream that begins with messages or, with `asks_for_tls`, with the answer to that question.
    pub(super) fn new(auth: Option<&RequiredAuth>, asks_for_tls: bool, forbidden: Forbidden) -> Self {
        let state = match (auth, asks_for_tls) {
            (None, _) => State::Open,
            (Some(_), true) => State::TlsAnswer,
            (Some(_), false) => State::Messages,
        };
        Self { state, header: Vec::new(), skip: 0, was_asked: false, auth: auth.cloned(), forbidden }
    }

    fn see(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some((&first, rest)) = bytes.split_first() {
            match self.state {
                State::Open => return Ok(()),
                State::TlsAnswer => {
                    self.state = if first == b'S' { State::Open } else { State::Messages };
                    // Anything but S and N begins a message: an error of a server that cannot speak TLS.
                    if first == b'S' || first == b'N' {
                        bytes = rest;
                    }
                }
                State::Messages if self.skip > 0 => {
                    let skipped = self.skip.min(bytes.len());
                    self.skip -= skipped;
                    bytes = &bytes[skipped..];
                }
                State::Messages => {
                    self.header.push(first);
                    bytes = rest;
                    self.read_header()?;
                }
            }
        }
        Ok(())
    }

    fn read_header(&mut self) -> io::Result<()> {
        let number = |at: usize| {
            let four = self.header.get(at..at + 4)?;
            Some(four.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)))
        };
        let Some(length) = number(1) else { return Ok(()) };
        let is_request = self.header[0] == b'R';
        let code = if is_request { number(5) } else { None };
        if is_request && code.is_none() {
            return Ok(());
        }
        self.skip = (length as usize + 1).saturating_sub(self.header.len());
        self.header.clear();
        code.map_or(Ok(()), |code| self.check_request(code))
    }

    fn check_request(&mut self, code: u32) -> io::Result<()> {
        const SASL_STEPS: [u32; 2] = [11, 12];
        let Some(auth) = &self.auth else { return Ok(()) };
        let is_allowed = match code {
            0 => self.was_asked || auth.allows(0),
            _ if SASL_STEPS.contains(&code) => self.was_asked,
            _ => auth.allows(code),
        };
        if !is_allowed {
            let asked = match code {
                0 => "lets anybody in without asking",
                3 => "asks for the password in clear text",
                5 => "asks for the password as an MD5 hash",
                10 => "asks for a SASL sign-in",
                _ => "asks for a way to sign in",
            };
            let message = format!("the server {asked}, which require_auth={} does not allow", auth.text);
            let _ = self.forbidden.set(message.clone());
            return Err(io::Error::other(message));
        }
        self.was_asked = true;
        if code == 0 {
            self.state = State::Open;
        }
        Ok(())
    }
}

/// A stream whose incoming bytes are checked.
#[derive(Debug)]
pub(super) struct Guard<S> {
    inner: S,
    watch: Watch,
}

impl<S> Guard<S> {
    pub(super) fn new(inner: S, watch: Watch) -> Self {
        Self { inner, watch }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if self.watch.state == State::Open {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(self.watch.see(&buf.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Guard<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

type Rustls = <MakeRustlsConnect as MakeTlsConnect<Guard<Socket>>>::TlsConnect;

/// TLS whose decrypted side is checked.
pub(super) struct GuardedTls {
    pub(super) inner: Rustls,
    pub(super) watch: Watch,
}

impl TlsConnect<Guard<Socket>> for GuardedTls {
    type Stream = Guard<<Rustls as TlsConnect<Guard<Socket>>>::Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Stream>> + Send>>;

    fn connect(self, stream: Guard<Socket>) -> Self::Future {
        let Self { inner, watch } = self;
        let connected = inner.connect(stream);
        Box::pin(async move { Ok(Guard::new(connected.await?, watch)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Dsn;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn request(code: u32) -> Vec<u8> {
        message(b'R', &[&code.to_be_bytes()[..], b"salt"].concat())
    }

    fn passes(auth: &str, asks_for_tls: bool, bytes: &[u8], step: usize) -> bool {
        let dsn = Dsn::parse(&format!("host=db require_auth={auth}")).unwrap();
        let mut watch = Watch::new(dsn.protection.auth.as_ref(), asks_for_tls, Forbidden::default());
        bytes.chunks(step).all(|chunk| watch.see(chunk).is_ok())
    }

    #[test]
    fn only_requests_that_were_allowed_pass_however_the_bytes_arrive() {
        let scram = [request(10), request(11), request(12), message(b'R', &[0; 4])].concat();
        for step in [1, 3, 7, 1000] {
            for (auth, bytes, expected) in [
                ("scram-sha-256", &scram, true),
                ("scram-sha-256", &request(3), false),
                ("scram-sha-256", &request(5), false),
                ("scram-sha-256", &message(b'R', &[0; 4]), false),
                ("none", &message(b'R', &[0; 4]), true),
                ("!password", &request(3), false),
                ("!password,!md5", &scram, true),
                ("password", &[message(b'v', b"what the server does not know"), request(3)].concat(), true),
            ] {
                assert_eq!(passes(auth, false, bytes, step), expected, "{auth} {bytes:?} by {step}");
            }
            let without_tls = [b"N".to_vec(), request(3)].concat();
            assert!(!passes("scram-sha-256", true, &without_tls, step), "the server has no TLS");
            let with_tls = [b"S".to_vec(), request(3)].concat();
            assert!(passes("scram-sha-256", true, &with_tls, step), "what follows is encrypted");
        }
    }
}
