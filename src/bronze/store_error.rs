//! Classifies errors of the container, and says in one line what to do about each.
//!
//! Of the service's own text only its code and the sign-in service's explanation are shown: the rest may
//! repeat a signature or the string that was signed.

use std::error::Error as StdError;

use chrono::Utc;
use object_store::client::{HttpError, HttpErrorKind};

use super::azure::SignIn;
use super::requests::RequestError;
use super::transport::{HttpRefusal, NoResponse};
use crate::config::{AZURE_VARIABLES, Credential};
use crate::error::{Error, Kind};

/// The first error of a type in a chain of causes.
pub(super) fn find<'a, T: StdError + 'static>(e: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(e);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref() {
            return Some(found);
        }
        next = e.source();
    }
    None
}

fn innermost<'a>(e: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut e = e;
    while let Some(cause) = e.source() {
        e = cause;
    }
    e
}

/// Classifies an error of a container. `is_new` means that the lake has never answered.
pub(super) fn classify(e: RequestError, sign_in: &SignIn, is_new: bool) -> Error {
    let error = match (find::<HttpRefusal>(e.as_ref()), find::<HttpError>(e.as_ref())) {
        (Some(refused), _) if refused.by_lake => by_lake(refused, sign_in),
        (Some(refused), _) => by_sign_in_service(refused, sign_in),
        (None, Some(http)) => transport(http, find::<NoResponse>(e.as_ref()), sign_in, is_new),
        (None, None) => by_client(e.as_ref(), sign_in),
    };
    error.caused_by(e)
}

fn by_lake(refused: &HttpRefusal, sign_in: &SignIn) -> Error {
    let code = refused.code.as_deref().unwrap_or_default();
    let error = match (refused.status, code) {
        (404, "ContainerNotFound") => Error::new(Kind::SourceInvalid, "the container does not exist")
            .hint("check the container's name in --lake, and the account"),
        (404, _) => Error::new(Kind::SourceChanged, "it is gone or was never there"),
        (412, _) => Error::new(Kind::SourceChanged, "it was replaced since it was listed"),
        (401 | 403, _) => denied(code, sign_in),
        (408 | 429 | 500..=599, _) => {
            let error = Error::new(Kind::SourceUnavailable, format!("the lake answered {}", shown(refused)));
            return match refused.retry_after {
                Some(wait) => error.with_retry_after(wait),
                None => error,
            };
        }
        (409, "BlobArchived" | "BlobBeingRehydrated") => {
            Error::new(Kind::SourceUnreadable, "it is in the archive tier, where nothing can be read")
                .hint("rehydrate it to the hot or cool tier, then run the same command again")
        }
        _ => Error::new(Kind::SourceUnreadable, format!("the lake refused the request: {}", shown(refused))),
    };
    error.detail(refused.to_string())
}

/// Status and code of a refusal in one line: `503 ServerBusy`.
fn shown(refused: &HttpRefusal) -> String {
    format!("{} {}", refused.status, refused.code.as_deref().unwrap_or_default()).trim_end().to_owned()
}

fn denied(code: &str, sign_in: &SignIn) -> Error {
    let account = &sign_in.account;
    let (message, hint) = match (code, sign_in.signature) {
        (_, Some(Some(expired))) if expired <= Utc::now() => (
            format!("the shared access signature expired at {}", expired.format("%Y-%m-%d %H:%M:%S UTC")),
            "make a new one and put it into AZURE_STORAGE_SAS_TOKEN, or sign in with an identity, which \
             does not expire",
        ),
        ("AuthorizationFailure", _) => (
            "access to the lake is denied".to_owned(),
            "either the account's firewall does not let this machine in (Networking: add its address or \
             network), or the key or signature does not cover reading and listing",
        ),
        ("KeyBasedAuthenticationNotPermitted", _) => {
            (format!("the account {account} gives no access by key"), "sign in with an identity: see docs/azure.md")
        }
        ("AuthorizationSourceIPMismatch", _) => (
            "the shared access signature does not allow access from this machine's address".to_owned(),
            "make one whose address range covers it",
        ),
        (_, Some(_)) => (
            "access with this shared access signature is denied".to_owned(),
            "it needs the rights to read and to list (sp=rl) on the container, the blob service, and a \
             key that has not been rotated since",
        ),
        _ if !sign_in.is_by_token() => (
            format!("access with this key of the account {account} is denied"),
            "compare the key with the account's access keys: it may be another account's, or rotated; \
             this machine's clock must be right within 15 minutes",
        ),
        ("AuthorizationPermissionMismatch" | "InsufficientAccountPermissions", _) => (
            format!("access to the lake is denied: the identity has no role on the account {account}"),
            "give it the role Storage Blob Data Reader on the account or the container; that takes up to \
             ten minutes to work",
        ),
        _ => (
            "access to the lake is denied: the token is not accepted".to_owned(),
            "check AZURE_TENANT_ID: the identity must belong to the tenant of the storage account",
        ),
    };
    Error::new(Kind::AccessDenied, message).hint(hint)
}

fn by_sign_in_service(refused: &HttpRefusal, sign_in: &SignIn) -> Error {
    if matches!(refused.status, 408 | 429 | 500..=599) {
        let error = Error::new(Kind::SourceUnavailable, format!("the sign-in service answered {}", shown(refused)));
        return match refused.retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        };
    }
    if !sign_in.announced && sign_in.credential == Credential::ManagedIdentity {
        return no_credential();
    }
    let (who, hint) = match sign_in.credential {
        Credential::ClientSecret => (
            "the application",
            "check AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, and whether the secret expired",
        ),
        Credential::WorkloadIdentity => (
            "the workload identity",
            "check AZURE_CLIENT_ID, AZURE_TENANT_ID and the federated credential's issuer and subject",
        ),
        _ => (
            "the managed identity",
            "assign an identity to the job or the machine; where it has several, AZURE_CLIENT_ID names the one to use",
        ),
    };
    let says = refused.explanation.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
    Error::new(Kind::AccessDenied, format!("{who} gets no token for the lake{says}"))
        .detail(refused.to_string())
        .hint(hint)
}

/// A failure on the way to the lake or to the sign-in service.
fn transport(http: &HttpError, unanswered: Option<&NoResponse>, sign_in: &SignIn, is_new: bool) -> Error {
    let cause = innermost(http).to_string();
    let host = unanswered.map_or("the lake", |u| u.host.as_str());
    let to_lake = unanswered.is_none_or(|u| u.by_lake);
    let who = if to_lake { "the lake" } else { "the sign-in service" };
    let whole = format!("{http:?}");
    if !to_lake
        && is_new
        && !sign_in.announced
        && sign_in.credential == Credential::ManagedIdentity
        && is_connecting(http)
    {
        return no_credential();
    }
    if whole.contains("dns error") || cause.contains("failed to lookup address") {
        // "Name or service not known" is final for a name that has never resolved; anything else may be
        // temporary.
        let is_final = is_new && !cause.contains("emporary");
        let kind = if is_final { Kind::SourceInvalid } else { Kind::SourceUnavailable };
        let message = format!("the name {host} cannot be resolved: {cause}");
        return Error::new(kind, message)
            .hint("check the account's name in --lake or AZURE_STORAGE_ACCOUNT_NAME, and this machine's network");
    }
    if whole.contains("InvalidCertificate") {
        return Error::new(Kind::SourceInvalid, format!("the certificate of {host} is not trusted: {cause}"))
            .hint("the certificate of a proxy that intercepts TLS must be in the system's certificate store");
    }
    let message = match http.kind() {
        HttpErrorKind::Timeout => format!("{who} sent nothing in time"),
        HttpErrorKind::Connect => format!("{who} cannot be reached: {cause}"),
        _ => format!("the connection to {who} broke: {cause}"),
    };
    Error::new(Kind::SourceUnavailable, message)
}

fn is_connecting(http: &HttpError) -> bool {
    matches!(http.kind(), HttpErrorKind::Connect | HttpErrorKind::Timeout)
}

fn no_credential() -> Error {
    let names: Vec<&str> =
        AZURE_VARIABLES.iter().filter(|v| v.secret || v.name.ends_with("_FILE")).map(|v| v.name).collect();
    Error::new(Kind::Config, "no credential for the lake on Azure")
        .detail(format!(
            "looked for {}; for a user signed in with `az login`; and for a managed identity of this machine",
            names.join(", ")
        ))
        .hint("sign in with `az login`, or see docs/azure.md for the other ways")
}

/// An error of the client itself: about an answer, or about a credential from a file or a program.
fn by_client(e: &(dyn StdError + 'static), sign_in: &SignIn) -> Error {
    let says = innermost(e).to_string();
    let says = says.lines().next().unwrap_or_default();
    if sign_in.credential == Credential::WorkloadIdentity && says.contains("federated token file") {
        return Error::new(Kind::Config, "the file that AZURE_FEDERATED_TOKEN_FILE names cannot be read")
            .hint("the platform mounts it: check the workload identity of the pod or job");
    }
    if sign_in.credential == Credential::AzureCli && (says.contains("az") || says.contains("Azure Cli")) {
        return Error::new(Kind::AccessDenied, format!("the Azure CLI gives no token: {says}"))
            .hint("sign in with `az login`, or see docs/azure.md for the other ways");
    }
    Error::new(Kind::SourceUnavailable, format!("the lake's answer does not fit the request: {says}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in(credential: Credential, signature: Option<&str>) -> SignIn {
        SignIn {
            credential,
            announced: true,
            signature: signature.map(|at| Some(at.parse().unwrap())),
            account: "acme".to_owned(),
        }
    }

    fn refused(status: u16, code: &str) -> HttpRefusal {
        HttpRefusal { status, code: Some(code.to_owned()), ..HttpRefusal::default() }
    }

    #[test]
    fn every_refusal_has_its_kind_and_says_what_to_do() {
        use Credential as C;
        let valid = Some("2999-01-01T00:00:00Z");
        for (status, code, by, kind, says) in [
            (404, "ContainerNotFound", sign_in(C::AccessKey, None), Kind::SourceInvalid, "container does not exist"),
            (404, "BlobNotFound", sign_in(C::AccessKey, None), Kind::SourceChanged, "gone"),
            (412, "ConditionNotMet", sign_in(C::AccessKey, None), Kind::SourceChanged, "replaced"),
            (403, "AuthenticationFailed", sign_in(C::AccessKey, None), Kind::AccessDenied, "key of the account acme"),
            (
                403,
                "AuthenticationFailed",
                sign_in(C::SasToken, Some("2020-01-01T00:00:00Z")),
                Kind::AccessDenied,
                "expired at 2020-01-01 00:00:00 UTC",
            ),
            (403, "AuthorizationPermissionMismatch", sign_in(C::SasToken, valid), Kind::AccessDenied, "sp=rl"),
            (403, "AuthorizationFailure", sign_in(C::SasToken, valid), Kind::AccessDenied, "firewall"),
            (
                403,
                "AuthorizationPermissionMismatch",
                sign_in(C::ManagedIdentity, None),
                Kind::AccessDenied,
                "Storage Blob Data Reader",
            ),
            (401, "InvalidAuthenticationInfo", sign_in(C::ClientSecret, None), Kind::AccessDenied, "tenant"),
            (
                403,
                "KeyBasedAuthenticationNotPermitted",
                sign_in(C::AccessKey, None),
                Kind::AccessDenied,
                "no access by key",
            ),
            (503, "ServerBusy", sign_in(C::AccessKey, None), Kind::SourceUnavailable, "503 ServerBusy"),
            (409, "BlobArchived", sign_in(C::AccessKey, None), Kind::SourceUnreadable, "rehydrate"),
            (400, "OutOfRangeInput", sign_in(C::AccessKey, None), Kind::SourceUnreadable, "400 OutOfRangeInput"),
        ] {
            let error = by_lake(&refused(status, code), &by);
            assert_eq!(error.kind(), kind, "{status} {code}");
            assert!(error.render().contains(says), "{says}: {}", error.render());
        }
    }

    #[test]
    fn a_busy_sign_in_service_is_asked_again_and_one_that_refuses_is_not() {
        let by = sign_in(Credential::ClientSecret, None);
        assert_eq!(by_sign_in_service(&refused(503, ""), &by).kind(), Kind::SourceUnavailable);
        let no = HttpRefusal {
            explanation: Some("AADSTS7000215: Invalid client secret.".to_owned()),
            ..refused(401, "invalid_client")
        };
        let error = by_sign_in_service(&no, &by);
        assert_eq!(error.kind(), Kind::AccessDenied);
        assert!(error.message().contains("AADSTS7000215"), "{}", error.render());
    }

    #[test]
    fn missing_credentials_list_what_was_looked_for() {
        let text = no_credential().render();
        for name in ["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_FEDERATED_TOKEN_FILE", "az login"] {
            assert!(text.contains(name), "{text}");
        }
    }
}
