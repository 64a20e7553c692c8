//! Placeholder until the configuration lands.
use crate::config::dsn::Dsn;
use crate::error::Result;

/// A connection.
pub struct Connected {
    /// Client.
    pub client: tokio_postgres::Client,
}

/// Connects.
///
/// # Errors
/// As classify.
pub async fn connect(dsn: &Dsn, application_name: &str) -> Result<Connected> {
    let mut config: tokio_postgres::Config = dsn.0.parse().map_err(super::error::classify)?;
    config.application_name(application_name);
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.map_err(super::error::classify)?;
    tokio::spawn(connection);
    Ok(Connected { client })
}
