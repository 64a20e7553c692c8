//! An Azure Blob container as a store, from the credentials in the settings.
//!
//! Sign-in, in this order: connection string or account key, shared access signature, client secret, workload identity,
//! and, where nothing is set, the machine's managed identity. Requests are retried inside the client; a body that is cut
//! is resumed by range, bound to its etag.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use secrecy::ExposeSecret;

use crate::config::Azure;
use crate::error::{Error, Kind, Result};

/// A body that delivers nothing for this long is cut and resumed. There is no limit for a whole body: objects may be large.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens `container`; `account` is the one in the lake's address, if it names one.
pub(super) fn open(account: Option<&str>, container: &str, azure: &Azure) -> Result<Arc<dyn ObjectStore>> {
    let retry = RetryConfig {
        max_retries: 5,
        retry_timeout: Duration::from_secs(120),
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(20),
            base: 2.0,
        },
    };
    let options = ClientOptions::new()
        .with_timeout_disabled()
        .with_read_timeout(READ_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT);
    let mut builder = MicrosoftAzureBuilder::new().with_container_name(container).with_retry(retry);
    let mut endpoint = None;
    for (variable, value) in azure.iter() {
        let value = value.expose_secret();
        match variable.name {
            "AZURE_STORAGE_CONNECTION_STRING" => {
                let parts = ConnectionString::parse(value)?;
                if let Some(name) = parts.account {
                    builder = builder.with_account(name);
                }
                if let Some(key) = parts.key {
                    builder = builder.with_access_key(key);
                }
                if let Some(sas) = parts.sas {
                    builder = builder.with_config(AzureConfigKey::SasKey, sas);
                }
                endpoint = parts.endpoint.or(endpoint);
            }
            "AZURE_STORAGE_ENDPOINT" => endpoint = Some(value.to_owned()),
            name => {
                let key = AzureConfigKey::from_str(&name.to_ascii_lowercase()).map_err(|e| {
                    Error::new(Kind::Internal, format!("{name} is not a setting of the Azure client")).caused_by(e)
                })?;
                builder = builder.with_config(key, value);
            }
        }
    }
    if let Some(name) = account {
        builder = builder.with_account(name);
    }
    let mut options = options;
    if let Some(endpoint) = endpoint {
        options = options.with_allow_http(endpoint.starts_with("http://"));
        builder = builder.with_endpoint(endpoint);
    }
    let store = builder.with_client_options(options).build().map_err(|e| {
        Error::new(Kind::Config, format!("the container {container} cannot be opened: {e}"))
            .caused_by(e)
            .hint("set AZURE_STORAGE_ACCOUNT_NAME and a credential: see docs/configuration.md")
    })?;
    Ok(Arc::new(store))
}

/// `AccountName=…;AccountKey=…;BlobEndpoint=…`.
#[derive(Debug, Default)]
struct ConnectionString {
    account: Option<String>,
    key: Option<String>,
    sas: Option<String>,
    endpoint: Option<String>,
}

impl ConnectionString {
    fn parse(text: &str) -> Result<Self> {
        let mut parts = Self::default();
        let (mut protocol, mut suffix) = ("https", "core.windows.net");
        for pair in text.split(';').filter(|pair| !pair.trim().is_empty()) {
            // Never repeats the text: it holds the key.
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                Error::new(Kind::Config, "AZURE_STORAGE_CONNECTION_STRING is not a list of Name=Value;Name=Value")
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
        let error = ConnectionString::parse("hunter2").unwrap_err();
        assert!(!error.render().contains("hunter2"));
    }
}
