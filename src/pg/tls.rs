//! TLS to the server, as `sslmode` and its siblings say; one provider (aws-lc-rs) in the whole program.

use std::path::Path;
use std::sync::{Arc, Once};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, InconsistentKeys, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::certificate::AsLibpq;
use crate::config::dsn::{Protection, Protocol, Roots, SslMode};
use crate::error::{Error, Kind, Result};

/// A TLS connector for the server.
///
/// # Errors
/// `Config` when a certificate, a key or the system's roots cannot be read.
pub(super) fn connector(protection: &Protection) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = match protection.protocol {
        Protocol::Both => vec![&TLS12, &TLS13],
        Protocol::Tls12 => vec![&TLS12],
        Protocol::Tls13 => vec![&TLS13],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|e| failed("TLS cannot be set up", e))?;
    let verifier = verifier(protection, Arc::clone(&provider))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match &protection.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let shown = own_certificate(certificate, key, &provider)?;
            builder.with_client_cert_resolver(Arc::new(Own(Arc::new(shown))))
        }
    };
    config.enable_sni = protection.sends_name;
    if protection.is_direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(protection: &Protection, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
    static WARNED: Once = Once::new();
    let checks_name = match (protection.mode, &protection.roots) {
        (SslMode::Disable | SslMode::Allow | SslMode::Prefer, _) => return Ok(Arc::new(Unverified(provider))),
        (SslMode::Require, Roots::System) => {
            WARNED.call_once(|| {
                tracing::warn!("sslmode=require encrypts but does not verify the server; verify-full does");
            });
            return Ok(Arc::new(Unverified(provider)));
        }
        (SslMode::Require | SslMode::VerifyCa, _) => false,
        (SslMode::VerifyFull, _) => true,
    };
    let (inner, roots) = match (&protection.roots, &protection.crl) {
        (Roots::File(path), crl) => given_roots(path, crl.as_deref(), provider)?,
        (Roots::System, None) => (system_roots(provider)?, Vec::new()),
        (Roots::System, Some(_)) => {
            return Err(Error::new(Kind::Config, "sslcrl is refused without sslrootcert")
                .hint("name the roots that the revocation list belongs to with sslrootcert=FILE"));
        }
    };
    Ok(Arc::new(AsLibpq { inner, roots, checks_name }))
}

fn failed(what: &str, e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Config, format!("{what}: {e}")).caused_by(e)
}

fn system_roots(provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
    let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(|e| {
        failed("the system's root certificates cannot be read", e)
            .hint("install ca-certificates, or name a PEM file with sslrootcert")
    })?;
    Ok(Arc::new(verifier))
}

/// All certificates of a PEM file.
fn certificates(path: &Path, parameter: &str) -> Result<Vec<CertificateDer<'static>>> {
    let what = format!("cannot read {parameter} {}", path.display());
    let found = CertificateDer::pem_file_iter(path).map_err(|e| failed(&what, e))?;
    let found: Vec<_> = found.collect::<std::result::Result<_, _>>().map_err(|e| failed(&what, e))?;
    match found.is_empty() {
        true => Err(Error::new(Kind::Config, format!("{what}: it holds no certificate")).hint("it must be a PEM file")),
        false => Ok(found),
    }
}

type Trust = (Arc<dyn ServerCertVerifier>, Vec<CertificateDer<'static>>);

fn given_roots(path: &Path, crl: Option<&Path>, provider: Arc<CryptoProvider>) -> Result<Trust> {
    let what = format!("cannot read sslrootcert {}", path.display());
    let given = certificates(path, "sslrootcert")?;
    let mut roots = RootCertStore::empty();
    for certificate in &given {
        roots.add(certificate.clone()).map_err(|e| failed(&what, e))?;
    }
    let mut builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    if let Some(crl) = crl {
        let what = format!("cannot read sslcrl {}", crl.display());
        let lists = CertificateRevocationListDer::pem_file_iter(crl).map_err(|e| failed(&what, e))?;
        let lists: Vec<_> = lists.collect::<std::result::Result<_, _>>().map_err(|e| failed(&what, e))?;
        builder = builder.with_crls(lists);
    }
    Ok((builder.build().map_err(|e| failed(&what, e))?, given))
}

/// evo's own certificate, shown to every server that asks for one. What it says is the server's business: rustls would
/// refuse one of X.509 version 1, as `openssl x509 -req` makes them.
#[derive(Debug)]
struct Own(Arc<CertifiedKey>);

impl ResolvesClientCert for Own {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn own_certificate(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey> {
    let what = format!("cannot use sslcert {} with its key", certificate.display());
    let key = provider.key_provider.load_private_key(own_key(key)?).map_err(|e| failed(&what, e))?;
    let own = CertifiedKey::new(certificates(certificate, "sslcert")?, key);
    match own.keys_match() {
        Err(e @ rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(failed(&what, e)),
        _ => Ok(own),
    }
}

/// The key to evo's own certificate. As libpq, refuses one that others can read.
fn own_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    use std::os::unix::fs::MetadataExt;
    let what = format!("cannot read sslkey {}", path.display());
    let found = std::fs::metadata(path).map_err(|e| failed(&what, e))?;
    let allowed = if found.uid() == 0 { 0o740 } else { 0o700 };
    if found.mode() & 0o777 & !allowed != 0 {
        return Err(Error::new(Kind::Config, format!("sslkey {} is refused: others may read it", path.display()))
            .hint(format!("chmod 0600 {}", path.display())));
    }
    let text = std::fs::read(path).map_err(|e| failed(&what, e))?;
    if text.windows(9).any(|word| word == b"ENCRYPTED") {
        return Err(Error::new(Kind::Config, format!("sslkey {} is refused: it is encrypted", path.display()))
            .hint("decrypt it with `openssl pkey -in KEY -out PLAIN`, mode 0600"));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|e| failed(&what, e))
}

/// Takes any certificate, but the handshake must be signed with it: `prefer` and `require` encrypt without verifying.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        d: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(m, c, d, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        d: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(m, c, d, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
