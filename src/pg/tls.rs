//! TLS to the server, as `sslmode` and the parameters around it say. The whole program uses one provider,
//! aws-lc-rs.

use std::path::Path;
use std::sync::{Arc, Once};

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, InconsistentKeys, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::certificate::{LibpqVerifier, Trust};
use crate::config::dsn::{Protection, Protocol, Roots, SslMode};
use crate::error::{Error, Kind, Result};

/// A TLS connector for the servers of an address.
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
    let trust = trust(protection, Arc::clone(&provider))?;
    let verifier = LibpqVerifier { provider: Arc::clone(&provider), trust };
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &protection.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let shown = own_certificate(certificate, key, &provider)?;
            builder.with_client_cert_resolver(Arc::new(ClientCertificate(Arc::new(shown))))
        }
    };
    config.enable_sni = protection.sends_name;
    if protection.is_direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

/// Which certificates the address trusts; `None` for any.
fn trust(protection: &Protection, provider: Arc<CryptoProvider>) -> Result<Option<Trust>> {
    static WARNED: Once = Once::new();
    let checks_name = match (protection.mode, &protection.roots) {
        (SslMode::Disable | SslMode::Allow | SslMode::Prefer, _) => return Ok(None),
        (SslMode::Require, Roots::System) => {
            WARNED.call_once(|| {
                tracing::warn!("sslmode=require encrypts but does not verify the server; verify-full does");
            });
            return Ok(None);
        }
        (SslMode::Require | SslMode::VerifyCa, _) => false,
        (SslMode::VerifyFull, _) => true,
    };
    let (chains, roots) = match (&protection.roots, &protection.crl) {
        (Roots::File(path), crl) => given_roots(path, crl.as_deref(), provider)?,
        (Roots::System, None) => (system_roots(provider)?, Vec::new()),
        (Roots::System, Some(_)) => {
            return Err(Error::new(Kind::Config, "sslcrl is refused without sslrootcert")
                .hint("name the roots that the revocation list belongs to with sslrootcert=FILE"));
        }
    };
    Ok(Some(Trust { chains, roots, checks_name }))
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

type ChainsAndRoots = (Arc<dyn ServerCertVerifier>, Vec<CertificateDer<'static>>);

fn given_roots(path: &Path, crl: Option<&Path>, provider: Arc<CryptoProvider>) -> Result<ChainsAndRoots> {
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

/// evo's own certificate, sent to every server that asks for one. The server decides whether it is valid:
/// rustls would refuse X.509 version 1, which `openssl x509 -req` creates.
#[derive(Debug)]
struct ClientCertificate(Arc<CertifiedKey>);

impl ResolvesClientCert for ClientCertificate {
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

/// The key to evo's own certificate. Like libpq, refuses one that others can read.
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
