//! `AccountName=…;AccountKey=…;BlobEndpoint=…`.

use crate::error::{Error, Kind, Result};

/// The parts of a connection string that open a container.
#[derive(Default)]
pub(super) struct ConnectionString {
    pub account: Option<String>,
    pub key: Option<String>,
    pub sas: Option<String>,
    pub endpoint: Option<String>,
}

impl ConnectionString {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut parts = Self::default();
        let (mut protocol, mut suffix) = ("https", "core.windows.net");
        for pair in text.split(';').filter(|pair| !pair.trim().is_empty()) {
            // The text holds the key, so no message repeats it.
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                Error::new(Kind::Config, "AZURE_STORAGE_CONNECTION_STRING is not a list of Name=Value;Name=Value")
                    .hint("copy it whole from the account's access keys, in quotes: it holds semicolons")
            })?;
            match name.trim() {
                "AccountName" => parts.account = Some(value.to_owned()),
                "AccountKey" => parts.key = Some(value.to_owned()),
                "SharedAccessSignature" => parts.sas = Some(value.to_owned()),
                "BlobEndpoint" => parts.endpoint = Some(value.trim_end_matches('/').to_owned()),
                "DefaultEndpointsProtocol" => protocol = value,
                "EndpointSuffix" => suffix = value,
                _ => {}
            }
        }
        if let (None, Some(account)) = (&parts.endpoint, &parts.account) {
            parts.endpoint = Some(format!("{protocol}://{account}.blob.{suffix}"));
        }
        if parts.key.is_none() && parts.sas.is_none() {
            let message = "AZURE_STORAGE_CONNECTION_STRING has neither AccountKey nor SharedAccessSignature";
            return Err(Error::new(Kind::Config, message));
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_gives_account_key_and_endpoint() {
        let parts = ConnectionString::parse(
            "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5==;EndpointSuffix=core.windows.net",
        )
        .unwrap();
        assert_eq!(parts.account.as_deref(), Some("acme"));
        assert_eq!(parts.key.as_deref(), Some("a2V5=="));
        assert_eq!(parts.endpoint.as_deref(), Some("https://acme.blob.core.windows.net"));
        let local =
            ConnectionString::parse("AccountName=x;AccountKey=k;BlobEndpoint=http://127.0.0.1:10000/x/;").unwrap();
        assert_eq!(local.endpoint.as_deref(), Some("http://127.0.0.1:10000/x"));
    }

    #[test]
    fn a_broken_string_is_refused_without_being_repeated() {
        for text in ["hunter2", "AccountName=acme;hunter2", "AccountName=hunter2"] {
            let error = ConnectionString::parse(text).err().unwrap();
            assert!(!error.render().contains("hunter2"), "{}", error.render());
        }
    }
}
