//! TokenCache of OAuth 2 for client credentials: one for all workers, fetched again before it ends.

use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use super::refusal;
use crate::config::OAuth2;
use crate::error::{Error, Kind, Result};

/// How long a token holds when the service does not say.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);

/// Fetches tokens and keeps the present one.
#[derive(Debug)]
pub(super) struct TokenCache {
    http: reqwest::Client,
    url: Url,
    form: SecretString,
    present: Mutex<Option<(SecretString, Instant)>>,
}

#[derive(serde::Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl TokenCache {
    pub(super) fn new(http: reqwest::Client, oauth2: &OAuth2) -> Result<Self> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        form.append_pair("client_id", oauth2.client.expose()?).append_pair("client_secret", oauth2.secret.expose()?);
        if let Some(scope) = &oauth2.scope {
            form.append_pair("scope", scope);
        }
        Ok(Self { http, url: oauth2.url.clone(), form: form.finish().into(), present: Mutex::default() })
    }

    /// A token that holds. Whoever asks meanwhile waits for the same one.
    ///
    /// # Errors
    /// `SourceUnavailable` (retryable) or `SourceInvalid` when the service gives none.
    pub(super) async fn valid(&self) -> Result<String> {
        let mut present = self.present.lock().await;
        if let Some((token, until)) = &*present
            && Instant::now() < *until
        {
            return Ok(token.expose_secret().to_owned());
        }
        let granted = self.fetch().await?;
        // At nine tenths of its life: what is sent shortly before its end might arrive after it.
        let life = granted.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs).mul_f64(0.9);
        *present = Some((granted.access_token.clone().into(), Instant::now() + life));
        Ok(granted.access_token)
    }

    /// The present token was refused.
    pub(super) async fn forget(&self) {
        *self.present.lock().await = None;
    }

    async fn fetch(&self) -> Result<Granted> {
        let shown = format!("the token service {}", self.url.host_str().unwrap_or_default());
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = request.body(self.form.expose_secret().to_owned()).send().await;
        let response = response.map_err(|e| refusal::of_transport(e, &shown))?;
        if let Some(error) = refusal::of_status(response.status().as_u16(), &shown, None) {
            return Err(error);
        }
        let body = response.bytes().await.map_err(|e| refusal::of_transport(e, &shown))?;
        serde_json::from_slice(&body).map_err(|_| Error::new(Kind::SourceInvalid, format!("{shown} gave no token")))
    }
}
