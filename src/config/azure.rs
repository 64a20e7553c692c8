//! The credentials that open a lake on Azure, and how requests to it are retried.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use secrecy::{ExposeSecret, SecretString};

use super::environment::Environment;
use super::resolved;
use crate::error::{Error, Kind, Result};
use crate::retry::Policy;

/// A variable that says how to reach Azure Storage.
#[derive(Debug)]
pub struct AzureVariable {
    /// Its name in the environment.
    pub name: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Its meaning, in a few words.
    pub doc: &'static str,
}

const fn variable(name: &'static str, secret: bool, doc: &'static str) -> AzureVariable {
    AzureVariable { name, secret, doc }
}

/// Every variable of Azure Storage that evo reads.
pub static AZURE_VARIABLES: &[AzureVariable] = &[
    variable("AZURE_STORAGE_ACCOUNT_NAME", false, "storage account, when the lake's address does not name one"),
    variable("AZURE_STORAGE_ACCOUNT_KEY", true, "its key"),
    variable("AZURE_STORAGE_CONNECTION_STRING", true, "account, key and endpoint in one"),
    variable("AZURE_STORAGE_SAS_TOKEN", true, "shared access signature"),
    variable("AZURE_STORAGE_ENDPOINT", false, "endpoint other than the public cloud's"),
    variable("AZURE_CREDENTIAL_TYPE", false, "which credential opens the lake, where several are set"),
    variable("AZURE_CLIENT_ID", false, "application, or user-assigned managed identity"),
    variable("AZURE_TENANT_ID", false, "tenant of the application"),
    variable("AZURE_CLIENT_SECRET", true, "secret of the application"),
    variable("AZURE_FEDERATED_TOKEN_FILE", false, "workload identity: file with the token"),
    variable("AZURE_AUTHORITY_HOST", false, "sign-in endpoint other than the public cloud's"),
    variable("IDENTITY_ENDPOINT", false, "managed identity: where tokens come from (set by the platform)"),
    variable("IDENTITY_HEADER", true, "managed identity: proof for that endpoint (set by the platform)"),
];

/// A way to sign in to a lake on Azure. Its name is a value of `AZURE_CREDENTIAL_TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Credential {
    /// Account, endpoint and key or signature from `AZURE_STORAGE_CONNECTION_STRING`.
    ConnectionString,
    /// The storage account's key.
    AccessKey,
    /// A shared access signature.
    SasToken,
    /// An application with a secret.
    ClientSecret,
    /// An application with a token file that the platform renews.
    WorkloadIdentity,
    /// The identity of the machine or the job.
    ManagedIdentity,
    /// The user who is signed in with `az login`.
    AzureCli,
}

impl Credential {
    /// The variables that it requires.
    fn needs(self) -> &'static [&'static str] {
        match self {
            Credential::ConnectionString => &["AZURE_STORAGE_CONNECTION_STRING"],
            Credential::AccessKey => &["AZURE_STORAGE_ACCOUNT_KEY"],
            Credential::SasToken => &["AZURE_STORAGE_SAS_TOKEN"],
            Credential::ClientSecret => &["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"],
            Credential::WorkloadIdentity => &["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"],
            Credential::ManagedIdentity | Credential::AzureCli => &[],
        }
    }
}

/// How a single request to the lake is retried, below the retries of a whole batch.
#[derive(Debug, Clone, Copy)]
pub struct RequestPolicy {
    /// An answer or a body that delivers nothing for this long is abandoned and requested again.
    pub idle_timeout: Duration,
    /// Retries of a request, or of the rest of a body, that deliver nothing.
    pub retry: Policy,
}

/// Pause before the first retry of a request, unless batches are retried even faster.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

impl RequestPolicy {
    /// As many retries as a batch has, with pauses that begin shorter and grow no longer.
    pub(super) fn new(idle_timeout: Duration, batches: Policy) -> Self {
        Self { idle_timeout, retry: Policy { base: FIRST_PAUSE.min(batches.base), ..batches } }
    }
}

impl Default for RequestPolicy {
    fn default() -> Self {
        let retry = Policy {
            max_retries: 5,
            base: FIRST_PAUSE,
            max: Duration::from_secs(240),
            budget: Duration::from_secs(600),
        };
        Self { idle_timeout: Duration::from_secs(30), retry }
    }
}

/// The variables of Azure Storage that are set, by name. Its debug output shows no value.
#[derive(Debug, Clone, Default)]
pub struct Azure {
    variables: BTreeMap<&'static str, SecretString>,
    /// Whether a user is signed in with the Azure CLI.
    cli: bool,
    /// How a single request is retried.
    pub requests: RequestPolicy,
}

impl Azure {
    pub(super) fn read(environment: &Environment, requests: RequestPolicy) -> Self {
        let found = AZURE_VARIABLES.iter().filter_map(|v| Some((v.name, environment.get(v.name)?.to_owned().into())));
        Self { variables: found.collect(), cli: signed_in_with_cli(environment), requests }
    }

    /// The value of one of [`AZURE_VARIABLES`], if it is set.
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.variables.get(name)
    }

    /// The variables that are set.
    pub fn iter(&self) -> impl Iterator<Item = (&'static AzureVariable, &SecretString)> {
        AZURE_VARIABLES.iter().filter_map(|v| Some((v, self.variables.get(v.name)?)))
    }

    /// Whether the environment announces a managed identity. Without an announcement the machine's identity
    /// is the last resort.
    pub fn announces_identity(&self) -> bool {
        ["IDENTITY_ENDPOINT", "AZURE_CLIENT_ID", "AZURE_CREDENTIAL_TYPE"].iter().any(|name| self.get(name).is_some())
    }

    /// The credential to use: the one that `AZURE_CREDENTIAL_TYPE` names, else the first whose variables are
    /// all set, in the order of [`Credential`]: secrets of the lake itself come before identities. Without
    /// any of these variables it is the managed identity if the platform announces one, else the Azure CLI if
    /// a user is signed in, else the machine's managed identity.
    ///
    /// # Errors
    /// `Config` for an unknown `AZURE_CREDENTIAL_TYPE`, or when a variable that it requires is not set.
    pub fn credential(&self) -> Result<Credential> {
        let is_set = |credential: &Credential| credential.needs().iter().all(|name| self.get(name).is_some());
        let Some(wanted) = self.get("AZURE_CREDENTIAL_TYPE").map(|v| v.expose_secret()).filter(|v| *v != "auto") else {
            let by_variables =
                Credential::value_variants().iter().copied().find(|c| !c.needs().is_empty() && is_set(c));
            return Ok(by_variables.unwrap_or(if self.cli && self.get("IDENTITY_ENDPOINT").is_none() {
                Credential::AzureCli
            } else {
                Credential::ManagedIdentity
            }));
        };
        let credential: Credential = resolved::choice(wanted).map_err(|e| e.context("AZURE_CREDENTIAL_TYPE"))?;
        match credential.needs().iter().find(|name| self.get(name).is_none()) {
            Some(missing) => {
                Err(Error::new(Kind::Config, format!("AZURE_CREDENTIAL_TYPE is {wanted}, but {missing} is not set"))
                    .hint("docs/azure.md lists what each way to sign in needs"))
            }
            None => Ok(credential),
        }
    }
}

/// Whether `az` is installed and a user has signed in with it.
fn signed_in_with_cli(environment: &Environment) -> bool {
    let profile = match (environment.get("AZURE_CONFIG_DIR"), environment.get("HOME")) {
        (Some(dir), _) => Path::new(dir).to_owned(),
        (None, Some(home)) => Path::new(home).join(".azure"),
        (None, None) => return false,
    };
    let path = environment.get("PATH").unwrap_or_default();
    profile.join("azureProfile.json").is_file() && std::env::split_paths(path).any(|dir| dir.join("az").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn azure<const N: usize>(variables: [(&str, &str); N]) -> Azure {
        Azure::read(&Environment::from(variables), RequestPolicy::default())
    }

    #[test]
    fn credentials_are_read_by_name_and_never_printed() {
        let azure = azure([("AZURE_STORAGE_ACCOUNT_KEY", "hunter2"), ("AZURE_CLIENT_ID", "")]);
        assert_eq!(azure.iter().map(|(v, _)| v.name).collect::<Vec<_>>(), ["AZURE_STORAGE_ACCOUNT_KEY"]);
        assert!(azure.get("AZURE_CLIENT_ID").is_none());
        assert!(!format!("{azure:?}").contains("hunter2"));
    }

    #[test]
    fn what_belongs_to_the_lake_beats_an_identity_and_the_named_credential_beats_all() {
        const IDENTITY: [(&str, &str); 3] =
            [("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t"), ("AZURE_FEDERATED_TOKEN_FILE", "/f")];
        let [id, tenant, file] = IDENTITY;
        let named = |name| ("AZURE_CREDENTIAL_TYPE", name);
        let (key, sas) = (("AZURE_STORAGE_ACCOUNT_KEY", "k"), ("AZURE_STORAGE_SAS_TOKEN", "s"));
        let secret = ("AZURE_CLIENT_SECRET", "s");
        let connection = ("AZURE_STORAGE_CONNECTION_STRING", "c");
        for (azure, expected) in [
            (azure([connection, key, sas, id, tenant, file]), Credential::ConnectionString),
            (azure([key, sas, id, tenant, file]), Credential::AccessKey),
            (azure([sas, id, tenant, file]), Credential::SasToken),
            (azure([secret, id, tenant, file]), Credential::ClientSecret),
            (azure([id, tenant, file]), Credential::WorkloadIdentity),
            (azure([id]), Credential::ManagedIdentity),
            (azure([]), Credential::ManagedIdentity),
            (azure([key, named("managed_identity")]), Credential::ManagedIdentity),
            (azure([key, named("azure_cli")]), Credential::AzureCli),
            (azure([key, sas, named("sas_token")]), Credential::SasToken),
            (azure([key, named("auto")]), Credential::AccessKey),
        ] {
            assert_eq!(azure.credential().unwrap(), expected);
        }
        let error = azure([id, named("workload_identity")]).credential().unwrap_err();
        assert_eq!(error.message(), "AZURE_CREDENTIAL_TYPE is workload_identity, but AZURE_TENANT_ID is not set");
        assert!(azure([named("guess")]).credential().unwrap_err().message().contains("azure_cli"));
    }

    #[test]
    fn the_cli_is_used_where_a_user_is_signed_in_and_the_platform_announces_no_identity() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap();
        let (path, home) = (("PATH", home), ("HOME", home));
        std::fs::write(dir.path().join("az"), "").unwrap();
        assert_eq!(azure([path, home]).credential().unwrap(), Credential::ManagedIdentity);
        std::fs::create_dir(dir.path().join(".azure")).unwrap();
        std::fs::write(dir.path().join(".azure/azureProfile.json"), "{}").unwrap();
        assert_eq!(azure([path, home]).credential().unwrap(), Credential::AzureCli);
        let announced = azure([path, home, ("IDENTITY_ENDPOINT", "http://localhost/msi")]);
        assert_eq!(announced.credential().unwrap(), Credential::ManagedIdentity);
    }
}
