//! The lake's address.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::environment::Environment;
use crate::error::{Error, Kind, Result};

/// The address of a lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakeAddress {
    /// A local directory.
    Directory(PathBuf),
    /// An Azure Blob container, with a path prefix inside it (without slashes at the ends; may be empty).
    Azure {
        /// Storage account, when the address names one; otherwise the credentials do.
        account: Option<String>,
        /// Container (filesystem) name.
        container: String,
        /// Path before `bronze/…`; may be empty.
        prefix: String,
    },
}

/// Variables of the predecessor that name the container, in its order of preference.
pub(super) const CONTAINER_VARIABLES: [&str; 2] = ["ADLS_CONTAINER", "AZURE_CONTAINER_NAME"];

/// The accepted forms, for hints.
const FORMS: &str = "a lake is a path, file:///path, az://container/prefix, \
    abfss://container@account.dfs.core.windows.net/prefix or https://account.blob.core.windows.net/container/prefix";

impl LakeAddress {
    /// Reads an address; relative paths start at `base`.
    ///
    /// # Errors
    /// `Config` for a scheme or a form that evo does not know.
    pub fn parse(text: &str, base: &Path, environment: &Environment) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else { return plain_path(text, base) };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => directory(text),
            // A shared access signature in the address would end up in logs and process lists.
            "az" | "azure" | "abfs" | "abfss" if rest.contains("?s") && rest.contains("sig=") => Err(query()),
            "az" | "azure" => {
                let (container, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let container = match container {
                    "" => default_container(environment)?,
                    name => name,
                };
                azure(None, container, prefix)
            }
            "abfs" | "abfss" => {
                let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let (container, host) = authority.split_once('@').unwrap_or((authority, ""));
                let account = if host.is_empty() { None } else { Some(account(host)?) };
                azure(account, container, prefix)
            }
            "https" => {
                if rest.contains('?') {
                    return Err(query());
                }
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                let (container, prefix) = path.split_once('/').unwrap_or((path, ""));
                azure(Some(account(host)?), container, prefix)
            }
            other => Err(Error::new(Kind::Config, format!("a lake cannot be at {other}://")).hint(FORMS)),
        }
    }
}

/// A path as it stands. What only looks like one would become a folder of an odd name: an address with one
/// slash, a home that no shell has put in.
fn plain_path(text: &str, base: &Path) -> Result<LakeAddress> {
    let scheme = ["file:", "az:", "abfs:", "abfss:", "https:"].into_iter().find(|scheme| text.starts_with(scheme));
    let (what, hint) = match (text, scheme) {
        (blank, _) if blank.trim().is_empty() => ("the lake's address is empty", FORMS),
        (_, Some(_)) => ("the lake's address has no :// after its scheme", FORMS),
        ("~", _) => ("~ is not expanded in a lake's address", "write the whole path"),
        (home, _) if home.starts_with("~/") => ("~ is not expanded in a lake's address", "write the whole path"),
        _ => return Ok(LakeAddress::Directory(base.join(text))),
    };
    Err(Error::new(Kind::Config, what).hint(hint))
}

fn query() -> Error {
    Error::new(Kind::Config, "a lake's address cannot have a query string")
        .hint("put the shared access signature into AZURE_STORAGE_SAS_TOKEN")
}

fn directory(text: &str) -> Result<LakeAddress> {
    if text.contains(['?', '#']) {
        return Err(Error::new(Kind::Config, "a file:// address has neither a query nor a fragment")
            .hint("write %3F for ? and %23 for # in the name of a folder, or a plain path"));
    }
    let path = Url::parse(text).ok().and_then(|url| url.to_file_path().ok());
    path.map(LakeAddress::Directory).ok_or_else(|| {
        Error::new(Kind::Config, "a file:// address needs an absolute path")
            .hint("write file:///path with three slashes, or a plain path")
    })
}

fn default_container(environment: &Environment) -> Result<&str> {
    CONTAINER_VARIABLES.iter().find_map(|name| environment.get(name)).ok_or_else(|| {
        Error::new(Kind::Config, "the lake's address names no container")
            .hint("write az://container/prefix, or set ADLS_CONTAINER")
    })
}

/// The account in a host name such as `account.blob.core.windows.net`.
fn account(host: &str) -> Result<String> {
    let name = host.strip_suffix(".core.windows.net").and_then(|h| h.strip_suffix(".blob").or(h.strip_suffix(".dfs")));
    match name {
        Some(name) if !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) => {
            Ok(name.to_owned())
        }
        _ => Err(Error::new(
            Kind::Config,
            "the lake's host is not ACCOUNT.blob.core.windows.net or ACCOUNT.dfs.core.windows.net",
        )
        .hint(
            "for another endpoint write az://container/prefix and set AZURE_STORAGE_ENDPOINT or \
             AZURE_STORAGE_CONNECTION_STRING",
        )),
    }
}

fn azure(account: Option<String>, container: &str, prefix: &str) -> Result<LakeAddress> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !(3..=63).contains(&container.len()) || !container.bytes().all(legal) {
        return Err(Error::new(Kind::Config, format!("{container:?} cannot be the name of a container"))
            .detail("a container's name has 3 to 63 lowercase letters, digits and hyphens")
            .hint(FORMS));
    }
    Ok(LakeAddress::Azure { account, container: container.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
}

impl fmt::Display for LakeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LakeAddress::Directory(path) => write!(f, "{}", path.display()),
            LakeAddress::Azure { account, container, prefix } => {
                match account {
                    Some(account) => write!(f, "abfss://{container}@{account}.dfs.core.windows.net")?,
                    None => write!(f, "az://{container}")?,
                }
                if prefix.is_empty() { Ok(()) } else { write!(f, "/{prefix}") }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<LakeAddress> {
        LakeAddress::parse(text, Path::new("/base"), &Environment::from([("AZURE_CONTAINER_NAME", "datalake")]))
    }

    fn blob(account: Option<&str>, container: &str, prefix: &str) -> LakeAddress {
        LakeAddress::Azure { account: account.map(str::to_owned), container: container.into(), prefix: prefix.into() }
    }

    #[test]
    fn every_form_of_address_is_understood() {
        for (text, lake) in [
            ("data/lake", LakeAddress::Directory("/base/data/lake".into())),
            ("/data/lake", LakeAddress::Directory("/data/lake".into())),
            ("data/~/a?b#c", LakeAddress::Directory("/base/data/~/a?b#c".into())),
            ("file:///data/a%23b", LakeAddress::Directory("/data/a#b".into())),
            ("file:///data/my%20lake", LakeAddress::Directory("/data/my lake".into())),
            ("az://gold/one/two/", blob(None, "gold", "one/two")),
            ("az://gold", blob(None, "gold", "")),
            ("az:///sub", blob(None, "datalake", "sub")),
            ("AZ://", blob(None, "datalake", "")),
            ("abfss://gold@acme1.dfs.core.windows.net/p", blob(Some("acme1"), "gold", "p")),
            ("https://acme1.blob.core.windows.net/gold/p/q", blob(Some("acme1"), "gold", "p/q")),
        ] {
            assert_eq!(parse(text).unwrap(), lake, "{text}");
        }
    }

    #[test]
    fn an_address_that_is_not_understood_says_what_would_be() {
        for (text, message) in [
            ("s3://bucket/x", "a lake cannot be at s3://"),
            ("file://data/lake", "a file:// address needs an absolute path"),
            ("file:///data/lake#2", "a file:// address has neither a query nor a fragment"),
            ("file:/data/lake", "the lake's address has no :// after its scheme"),
            ("az:gold/one", "the lake's address has no :// after its scheme"),
            ("", "the lake's address is empty"),
            (" ", "the lake's address is empty"),
            ("~/lake", "~ is not expanded in a lake's address"),
            ("az://Gold", "\"Gold\" cannot be the name of a container"),
            ("https://acme1.blob.core.windows.net", "\"\" cannot be the name of a container"),
            (
                "https://example.com/gold",
                "the lake's host is not ACCOUNT.blob.core.windows.net or ACCOUNT.dfs.core.windows.net",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.message(), error.hint_text().is_some()), (message, true), "{text}");
        }
        let error = LakeAddress::parse("az://", Path::new(""), &Environment::default()).unwrap_err();
        assert_eq!(error.message(), "the lake's address names no container");
    }

    #[test]
    fn a_signature_in_an_address_is_refused_and_not_repeated() {
        for text in [
            "https://acme1.blob.core.windows.net/gold?sv=1&sig=hunter2",
            "az://gold/p?sv=1&sig=hunter2",
            "abfss://gold@acme1.dfs.core.windows.net/p?se=1&sig=hunter2",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.render().contains("hunter2"), "{}", error.render());
        }
    }

    #[test]
    fn an_address_is_shown_as_it_could_be_written() {
        for text in ["/data/lake", "az://gold/one", "az://gold", "abfss://gold@acme1.dfs.core.windows.net/p"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }
}
