//! An Azure Blob container as a store, from the credentials in the settings.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use object_store::azure::{AzureConfigKey, AzureCredentialProvider, MicrosoftAzureBuilder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use secrecy::ExposeSecret;
use url::Url;

use super::connection_string::ConnectionString;
use super::transport::Transport;
use crate::config::{Azure, Credential};
use crate::error::{Error, Kind, Result};

const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// How evo signs in, for messages about a refusal.
#[derive(Debug, Clone)]
pub(super) struct SignIn {
    /// The kind of credential in use.
    pub credential: Credential,
    /// Whether the environment announces a managed identity. Otherwise it is only the last one to try.
    pub announced: bool,
    /// Set if a shared access signature is in use: when it expires, if it says so.
    pub signature: Option<Option<DateTime<Utc>>>,
    /// Name of the storage account.
    pub account: String,
}

impl SignIn {
    /// Whether the credential is a token, which can be fetched again.
    pub(super) fn is_by_token(&self) -> bool {
        !matches!(self.credential, Credential::ConnectionString | Credential::AccessKey | Credential::SasToken)
    }
}

/// A container as requests need it.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// Sends the requests.
    pub client: HttpClient,
    /// Signs requests; fetches tokens and caches them while they are valid.
    pub credentials: AzureCredentialProvider,
    /// URL of the container.
    pub address: Arc<str>,
}

/// The endpoint of `container`; `account` is the one in the lake's address, if it names one. Sends no
/// request.
///
/// # Errors
/// `Config` when the settings are incomplete or contradict each other.
pub(super) fn open(account: Option<&str>, container: &str, azure: &Azure) -> Result<(Endpoint, SignIn)> {
    let credential = azure.credential()?;
    let get = |name: &str| azure.get(name).map(|value| value.expose_secret().to_owned());
    let parts = match (credential, get("AZURE_STORAGE_CONNECTION_STRING")) {
        (Credential::ConnectionString, Some(text)) => ConnectionString::parse(&text)?,
        _ => ConnectionString::default(),
    };
    if let (Some(address), Some(other)) = (account, parts.account.as_deref())
        && address != other
    {
        let message = format!("the lake is in the account {address}, AZURE_STORAGE_CONNECTION_STRING is for {other}");
        return Err(Error::new(Kind::Config, message).hint("use the connection string of the lake's own account"));
    }
    let endpoint = get("AZURE_STORAGE_ENDPOINT").or(parts.endpoint.clone());
    let account = account
        .map(str::to_owned)
        .or(parts.account.clone())
        .or_else(|| get("AZURE_STORAGE_ACCOUNT_NAME"))
        .or_else(|| account_of(endpoint.as_deref()?))
        .ok_or_else(|| {
            Error::new(Kind::Config, format!("nothing names the storage account of the container {container}")).hint(
                "set AZURE_STORAGE_ACCOUNT_NAME, or write the lake as \
                       abfss://container@account.dfs.core.windows.net/prefix",
            )
        })?;
    let endpoint = endpoint.unwrap_or_else(|| format!("https://{account}.blob.core.windows.net"));
    check_endpoint(&endpoint)?;
    let signature = match credential {
        Credential::ConnectionString if parts.key.is_none() => parts.sas.clone(),
        Credential::SasToken => get("AZURE_STORAGE_SAS_TOKEN"),
        _ => None,
    };
    let sign_in = SignIn {
        credential,
        announced: azure.announces_identity(),
        signature: signature.as_deref().map(expiry),
        account: account.clone(),
    };
    let key = parts.key.or_else(|| get("AZURE_STORAGE_ACCOUNT_KEY"));
    // There is no limit for a whole body, because objects may be large. The read timeout limits silence.
    let options = ClientOptions::new()
        .with_timeout_disabled()
        .with_read_timeout(azure.requests.idle_timeout)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_allow_http(endpoint.starts_with("http://"));
    let client = Transport::default().connect(&options).map_err(|e| unusable(&e, credential))?;
    let builder = builder(options, container, &account, &endpoint);
    let store =
        with_credential(builder, credential, key, signature, azure).build().map_err(|e| unusable(&e, credential))?;
    let address = format!("{}/{container}", endpoint.trim_end_matches('/')).into();
    Ok((Endpoint { client, credentials: Arc::clone(store.credentials()), address }, sign_in))
}

/// A store that never repeats a request: only `Container::ask` decides about that. It provides the
/// credentials alone, because its own requests cannot name every object.
fn builder(options: ClientOptions, container: &str, account: &str, endpoint: &str) -> MicrosoftAzureBuilder {
    let never =
        RetryConfig { max_retries: 0, retry_timeout: std::time::Duration::ZERO, backoff: BackoffConfig::default() };
    MicrosoftAzureBuilder::new()
        .with_container_name(container)
        .with_account(account)
        .with_endpoint(endpoint.to_owned())
        .with_retry(never)
        .with_client_options(options)
        .with_http_connector(Transport::default())
}

fn with_credential(
    mut builder: MicrosoftAzureBuilder,
    credential: Credential,
    key: Option<String>,
    signature: Option<String>,
    azure: &Azure,
) -> MicrosoftAzureBuilder {
    use AzureConfigKey as K;
    let get = |name: &str| azure.get(name).map(|value| value.expose_secret().to_owned());
    let (name, settings) = match (credential, signature) {
        (_, Some(signature)) => ("sas_token", vec![(K::SasKey, Some(signature))]),
        (Credential::ConnectionString | Credential::AccessKey | Credential::SasToken, None) => {
            ("access_key", vec![(K::AccessKey, key)])
        }
        (Credential::ClientSecret, None) => (
            "client_secret",
            vec![
                (K::ClientId, get("AZURE_CLIENT_ID")),
                (K::ClientSecret, get("AZURE_CLIENT_SECRET")),
                (K::AuthorityId, get("AZURE_TENANT_ID")),
            ],
        ),
        (Credential::WorkloadIdentity, None) => (
            "workload_identity",
            vec![
                (K::ClientId, get("AZURE_CLIENT_ID")),
                (K::FederatedTokenFile, get("AZURE_FEDERATED_TOKEN_FILE")),
                (K::AuthorityId, get("AZURE_TENANT_ID")),
            ],
        ),
        (Credential::ManagedIdentity, None) => (
            "managed_identity",
            vec![(K::ClientId, get("AZURE_CLIENT_ID")), (K::MsiEndpoint, get("IDENTITY_ENDPOINT"))],
        ),
        (Credential::AzureCli, None) => ("azure_cli", Vec::new()),
    };
    // AKS announces the authority with a slash at its end, and the client appends one.
    let authority = get("AZURE_AUTHORITY_HOST").map(|host| host.trim_end_matches('/').to_owned());
    builder = builder.with_config(K::CredentialType, name);
    for (setting, value) in settings.into_iter().chain([(K::AuthorityHost, authority)]) {
        if let Some(value) = value {
            builder = builder.with_config(setting, value);
        }
    }
    builder
}

/// An error of the client before it has sent anything. Its own text may repeat a secret, so it is not shown.
fn unusable(e: &object_store::Error, credential: Credential) -> Error {
    let text = e.to_string();
    let message = match credential {
        Credential::ConnectionString | Credential::AccessKey if text.contains("Invalid Access Key") => {
            "the key of the storage account is not base64: it was cut or changed when it was copied"
        }
        Credential::SasToken | Credential::ConnectionString if text.contains("SAS") => {
            "the shared access signature is not a list of name=value&name=value"
        }
        _ => "the settings for Azure do not open the lake",
    };
    Error::new(Kind::Config, message).hint("see docs/azure.md for what each way to sign in needs")
}

fn check_endpoint(endpoint: &str) -> Result<()> {
    let url = Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(|_| ()).ok_or_else(|| {
        Error::new(Kind::Config, format!("the endpoint of the lake is not a URL: {endpoint:?}"))
            .hint("AZURE_STORAGE_ENDPOINT is like https://account.blob.core.windows.net")
    })
}

/// The account in an endpoint such as `https://account.blob.core.windows.net`.
fn account_of(endpoint: &str) -> Option<String> {
    let url = Url::parse(endpoint).ok()?;
    let (account, rest) = url.domain()?.split_once('.')?;
    rest.starts_with("blob.").then(|| account.to_owned())
}

/// When a shared access signature expires (its `se`); `None` if it does not say so.
fn expiry(signature: &str) -> Option<DateTime<Utc>> {
    let pair = |p: &str| Some(p.trim_start_matches('?').strip_prefix("se=")?.replace("%3A", ":").replace("%3a", ":"));
    let text = signature.split('&').find_map(pair)?;
    let minutes = || NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%MZ").ok();
    let day = || NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let exact = DateTime::parse_from_rfc3339(&text).ok().map(|at| at.with_timezone(&Utc));
    exact.or_else(|| Some(minutes().or_else(day)?.and_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_says_when_it_expires() {
        for (signature, expected) in [
            ("?sv=2023&se=2026-01-10T08%3A00%3A00Z&sig=x", Some("2026-01-10T08:00:00Z")),
            ("se=2026-01-10T08:00Z&sig=x", Some("2026-01-10T08:00:00Z")),
            ("sig=x&se=2026-01-10", Some("2026-01-10T00:00:00Z")),
            ("sv=2023&si=policy&sig=x", None),
            ("se=never", None),
        ] {
            assert_eq!(expiry(signature), expected.map(|text| text.parse().unwrap()), "{signature}");
        }
    }

    #[test]
    fn an_endpoint_is_an_address_and_may_name_the_account() {
        assert!(check_endpoint("http://127.0.0.1:10000/devstoreaccount1").is_ok());
        assert!(check_endpoint("acme").is_err() && check_endpoint("ftp://acme").is_err());
        assert_eq!(account_of("https://acme.blob.core.usgovcloudapi.net").as_deref(), Some("acme"));
        assert_eq!(account_of("https://lake.example.com"), None);
    }
}
