//! Who runs the server, and so how its settings are changed.

use super::finding::Fix;
use crate::config::dsn::Dsn;

/// The end of the host names of Azure Database for PostgreSQL.
const AZURE: &str = ".postgres.database.azure.com";

/// Who runs the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// Azure Database for PostgreSQL Flexible Server, by its name.
    Azure(String),
    /// Somebody who can change its settings over SQL.
    Own,
}

impl Host {
    /// Who runs the server that an address names. A name of one's own may hide Azure: see
    /// `Host::seen_as_azure`.
    pub fn of(dsn: &Dsn) -> Self {
        let name = dsn.servers.iter().find_map(|server| server.host.strip_suffix(AZURE));
        name.and_then(|name| name.split('.').next()).map_or(Host::Own, |name| Host::Azure(name.to_owned()))
    }

    /// The same once the server was asked, which knows that it is Azure's even if its name does not say so.
    pub(super) fn seen_as_azure(self, is_azure: bool) -> Self {
        match (self, is_azure) {
            (Host::Own, true) => Host::Azure("SERVER".to_owned()),
            (known, _) => known,
        }
    }

    /// Sets a parameter of the whole server. Azure takes memory as a number of the parameter's own unit.
    pub(super) fn set(&self, name: &str, value: &str, azure_value: &str) -> Fix {
        match self {
            Host::Azure(server) => Fix::Shell(parameter(server, name, azure_value)),
            Host::Own => Fix::Sql(format!("alter system set {name} = '{value}'; select pg_reload_conf();")),
        }
    }

    /// Sets a parameter of the whole server that counts after a restart only.
    pub(super) fn set_and_restart(&self, name: &str, value: &str, azure_value: &str) -> Vec<Fix> {
        match self {
            Host::Azure(server) => vec![
                Fix::Shell(parameter(server, name, azure_value)),
                Fix::Shell(format!("az postgres flexible-server restart -g GROUP -n {server}")),
            ],
            Host::Own => vec![
                Fix::Sql(format!("alter system set {name} = '{value}';")),
                Fix::Words("then restart the server".to_owned()),
            ],
        }
    }
}

/// Two lines of 80 columns: the command can be pasted as it is.
fn parameter(server: &str, name: &str, value: &str) -> String {
    format!("az postgres flexible-server parameter set -g GROUP -s {server} \\\n  -n {name} -v {value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_azure_is_known_by_its_name_or_by_itself() {
        let host = |address: &str| Host::of(&Dsn::parse(address).unwrap());
        assert_eq!(host("postgresql://evo@gym.postgres.database.azure.com/w"), Host::Azure("gym".to_owned()));
        assert_eq!(host("postgresql://evo@10.0.0.4/w"), Host::Own);
        assert_eq!(host("postgresql://evo@10.0.0.4/w").seen_as_azure(true), Host::Azure("SERVER".to_owned()));
        let Fix::Shell(line) = Host::Azure("gym".to_owned()).set("max_wal_size", "4GB", "4096") else { panic!() };
        let expected = "az postgres flexible-server parameter set -g GROUP -s gym \\\n  -n max_wal_size -v 4096";
        assert_eq!(line, expected);
    }
}
