//! Compares an object with what the manifest of its run says of it, while its bytes pass by.

use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};
use crate::ledger::objects::{InManifest, Pending};

/// The digest of what has passed by, where one is expected.
pub(super) struct Verified<'a>(Option<(Sha256, &'a [u8])>);

impl<'a> Verified<'a> {
    /// Begins to verify an object.
    ///
    /// # Errors
    /// `SourceCorrupt` when the listing already shows that it is not the object of the manifest.
    pub(super) fn begin(object: &'a Pending) -> Result<Self> {
        match &object.manifest {
            InManifest::Unknown => Ok(Self(None)),
            InManifest::As { size_bytes, sha256 } if *size_bytes == object.size_bytes => {
                Ok(Self(Some((Sha256::new(), sha256))))
            }
            InManifest::As { size_bytes, .. } => {
                Err(different(&format!("it has {} bytes, the manifest says {size_bytes}", object.size_bytes)))
            }
            InManifest::Missing => Err(different("the manifest lists the objects of the run, and not this one")),
        }
    }

    /// Adds the next bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        if let Some((digest, _)) = &mut self.0 {
            digest.update(bytes);
        }
    }

    /// Compares at the end of the object.
    ///
    /// # Errors
    /// `SourceCorrupt` when its content is another one.
    pub(super) fn end(self) -> Result<()> {
        let Some((digest, expected)) = self.0 else { return Ok(()) };
        match digest.finalize().as_slice() == expected {
            true => Ok(()),
            false => Err(different("its SHA-256 is not the one in the manifest")),
        }
    }
}

fn different(how: &str) -> Error {
    Error::new(Kind::SourceCorrupt, format!("it is not the object that the extraction wrote: {how}"))
}
