//! Verifying a server's certificate as libpq does, where rustls differs.
//!
//! - A certificate that is itself in `sslrootcert` is trusted: PostgreSQL's manual creates such certificates.
//!   rustls refuses an authority's certificate that a server presents as its own.
//! - For a certificate without alternative names the common name counts. rustls reads alternative names only.
//! - `prefer` and `require` without roots encrypt without verifying; the handshake must still be signed with
//!   the certificate, if rustls can read that. It cannot read X.509 version 1, which `openssl x509 -req`
//!   creates.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::oid::ObjectIdentifier;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ALTERNATIVE_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// Verifies servers as `sslmode` asks.
#[derive(Debug)]
pub(super) struct LibpqVerifier {
    pub(super) provider: Arc<CryptoProvider>,
    /// `None` accepts any certificate.
    pub(super) trust: Option<Trust>,
}

/// The certificates that are trusted, and whether the name must match.
#[derive(Debug)]
pub(super) struct Trust {
    /// Verifies chains, revocation and names.
    pub(super) chains: Arc<dyn ServerCertVerifier>,
    /// The certificates in `sslrootcert`.
    pub(super) roots: Vec<CertificateDer<'static>>,
    /// Whether the name must match too (`verify-full`).
    pub(super) checks_name: bool,
}

impl ServerCertVerifier for LibpqVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trust) = &self.trust else { return Ok(ServerCertVerified::assertion()) };
        let verified = if trust.roots.iter().any(|root| root == end_entity) {
            is_valid_at(end_entity, now)?;
            let parsed = ParsedCertificate::try_from(end_entity);
            parsed.and_then(|parsed| verify_server_name(&parsed, name)).map(|()| ServerCertVerified::assertion())
        } else {
            trust.chains.verify_server_cert(end_entity, intermediates, name, ocsp, now)
        };
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !trust.checks_name || is_common_name(end_entity, name) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        d: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.or_unread(verify_tls12_signature(m, c, d, &self.provider.signature_verification_algorithms))
    }

    fn verify_tls13_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        d: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.or_unread(verify_tls13_signature(m, c, d, &self.provider.signature_verification_algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl LibpqVerifier {
    /// A signature by a certificate that nobody verifies proves nothing. So one that cannot be read is no
    /// reason to refuse the server, as it is none for libpq.
    fn or_unread(&self, signed: Result<HandshakeSignatureValid, Error>) -> Result<HandshakeSignatureValid, Error> {
        match signed {
            Err(Error::InvalidCertificate(CertificateError::BadSignature)) => signed,
            Err(Error::InvalidCertificate(_)) if self.trust.is_none() => Ok(HandshakeSignatureValid::assertion()),
            signed => signed,
        }
    }
}

fn is_valid_at(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let parsed = Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.tbs_certificate.validity;
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet.into());
    }
    match now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
        true => Err(CertificateError::Expired.into()),
        false => Ok(()),
    }
}

/// Whether the certificate has no alternative names and its common name fits this host.
fn is_common_name(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    let Ok(parsed) = Certificate::from_der(certificate) else { return false };
    let body = parsed.tbs_certificate;
    if body.extensions.iter().flatten().any(|extension| extension.extn_id == ALTERNATIVE_NAMES) {
        return false;
    }
    let parts = body.subject.0.iter().flat_map(|part| part.0.iter());
    let names = parts.filter(|part| part.oid == COMMON_NAME);
    let host = name.to_str();
    names.filter_map(|part| std::str::from_utf8(part.value.value()).ok()).any(|pattern| is_for(pattern, &host))
}

/// Whether a name in a certificate fits this host; case does not matter. `*.` stands for the first label
/// only, and not for that of a top-level domain.
fn is_for(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(rest), Some((_, domain))) => rest == domain && rest.contains('.'),
        _ => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::is_for;

    #[test]
    fn a_common_name_is_for_its_host_and_a_wildcard_for_one_label() {
        for (pattern, host, expected) in [
            ("db.example", "DB.example", true),
            ("db.example", "db.example.org", false),
            ("*.example.org", "db.example.org", true),
            ("*.example.org", "a.db.example.org", false),
            ("*.example.org", "example.org", false),
            ("*.org", "example.org", false),
        ] {
            assert_eq!(is_for(pattern, host), expected, "{pattern} {host}");
        }
    }
}
