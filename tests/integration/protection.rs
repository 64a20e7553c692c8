//! How connections are protected: certificates, channel binding, and what a server may ask for.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use evo::config::Dsn;
use evo::error::{Error, Kind, Result};

use crate::support::server::Server;

/// A server that speaks TLS with a certificate as PostgreSQL's manual makes it: its own root, with a common
/// name only.
fn tls_server(rules: &str) -> (Server, tempfile::TempDir) {
    let keys = tempfile::tempdir().unwrap();
    self_signed(keys.path(), "server", "localhost");
    self_signed(keys.path(), "authority", "evo test");
    let mut server = Server::start(&[]);
    server.sql("set password_encryption = 'scram-sha-256'; alter role evo password 's3cret-word'");
    server.stop("fast");
    for name in ["server.crt", "server.key", "authority.crt"] {
        give(&keys.path().join(name), &server.data());
    }
    std::fs::write(server.data().join("pg_hba.conf"), rules).unwrap();
    server.configure(&[("ssl", "on"), ("ssl_ca_file", "authority.crt")]);
    server.run();
    (server, keys)
}

fn openssl(dir: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn self_signed(dir: &Path, name: &str, host: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
    let subject = host.replace(' ', "_");
    openssl(
        dir,
        &format!("req -new -x509 -days 365 -nodes {key} -out {name}.crt -keyout {name}.key -subj /CN={subject}"),
    );
}

/// A certificate for a client, by the test's authority, as X.509 version 3.
fn client(dir: &Path, role: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
    openssl(dir, &format!("req -new -nodes {key} -out {role}.csr -keyout {role}.key -subj /CN={role}"));
    openssl(
        dir,
        &format!(
            "x509 -req -in {role}.csr -days 365 -CA authority.crt -CAkey authority.key -CAcreateserial -out {role}.crt"
        ),
    );
    std::fs::set_permissions(dir.join(format!("{role}.key")), std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Copies a file into the data directory of a server, for the server's user alone.
fn give(file: &Path, data: &Path) -> PathBuf {
    let (to, owner) = (data.join(file.file_name().unwrap()), std::fs::metadata(data).unwrap());
    std::fs::copy(file, &to).unwrap();
    std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).unwrap();
    chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
    to
}

/// Whether the session is encrypted, if there is one.
fn connect(server: &Server, parameters: &str) -> Result<bool> {
    let text = format!("port={} user=evo dbname=postgres connect_timeout=20 {parameters}", server.port);
    let dsn = Dsn::parse(&text)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = evo::pg::Pool::new(dsn, "evo:test", 1);
        let connection = pool.get().await?;
        let row = connection.query_one("select ssl from pg_stat_ssl where pid = pg_backend_pid()", &[]).await?;
        Ok(row.get(0))
    })
}

#[track_caller]
fn refused(server: &Server, parameters: &str, word: &str) -> Error {
    let error = connect(server, parameters).unwrap_err();
    let shown = error.render();
    assert!(matches!(error.kind(), Kind::AccessDenied | Kind::Config), "{parameters}: {shown}");
    assert!(shown.contains(word) && !shown.contains("s3cret"), "{parameters}: {shown}");
    error
}

#[test]
fn a_certificate_that_is_its_own_root_is_trusted_and_its_common_name_counts() {
    let (server, keys) = tls_server("hostssl all all all trust\n");
    let root = format!("sslrootcert={}", keys.path().join("server.crt").display());
    let other = format!("sslrootcert={}", keys.path().join("authority.crt").display());
    assert!(connect(&server, &format!("host=localhost hostaddr=127.0.0.1 sslmode=verify-full {root}")).unwrap());
    assert!(connect(&server, &format!("host=127.0.0.1 sslmode=verify-ca {root}")).unwrap());
    assert!(connect(&server, &format!("host=127.0.0.1 sslmode=require {root}")).unwrap());
    assert!(connect(&server, "host=127.0.0.1 sslmode=require").unwrap());
    refused(&server, &format!("host=elsewhere hostaddr=127.0.0.1 sslmode=verify-full {root}"), "certificate");
    refused(&server, &format!("host=localhost hostaddr=127.0.0.1 sslmode=verify-full {other}"), "certificate");
    refused(&server, &format!("host=127.0.0.1 sslmode=require {other}"), "certificate");
    refused(&server, "host=localhost hostaddr=127.0.0.1 sslmode=verify-full", "certificate");
}

#[test]
fn a_certificate_of_the_first_version_is_taken_where_none_is_verified_and_refused_elsewhere() {
    let (mut server, keys) = tls_server("hostssl all all all trust\n");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
    openssl(keys.path(), &format!("req -new -nodes {key} -out old.csr -keyout server.key -subj /CN=localhost"));
    openssl(keys.path(), "x509 -req -in old.csr -days 365 -signkey server.key -out server.crt");
    for name in ["server.crt", "server.key"] {
        give(&keys.path().join(name), &server.data());
    }
    server.stop("fast");
    server.run();
    for mode in ["prefer", "require"] {
        for version in ["TLSv1.2", "TLSv1.3"] {
            let protocol = format!("ssl_min_protocol_version={version} ssl_max_protocol_version={version}");
            assert!(
                connect(&server, &format!("host=127.0.0.1 sslmode={mode} {protocol}")).unwrap(),
                "{mode} {version}"
            );
        }
    }
    refused(&server, "host=localhost hostaddr=127.0.0.1 sslmode=verify-full", "certificate");
}

#[test]
fn allow_and_prefer_take_the_other_way_where_the_servers_rules_refuse_the_first() {
    let (server, _keys) = tls_server("hostssl all all all trust\n");
    assert!(connect(&server, "host=127.0.0.1 sslmode=allow").unwrap());
    assert!(connect(&server, "host=127.0.0.1 sslmode=prefer ssl_min_protocol_version=TLSv1.3").unwrap());
    refused(&server, "host=127.0.0.1 sslmode=disable", "no encryption");
    let (server, _keys) = tls_server("hostnossl all all all trust\n");
    assert!(!connect(&server, "host=127.0.0.1 sslmode=allow").unwrap());
    assert!(!connect(&server, "host=127.0.0.1 sslmode=prefer").unwrap());
    refused(&server, "host=127.0.0.1 sslmode=require", "SSL encryption");
}

#[test]
fn evo_shows_its_own_certificate_to_a_server_that_demands_one() {
    let (server, keys) = tls_server("hostssl all all all cert\n");
    client(keys.path(), "evo");
    client(keys.path(), "somebody");
    let own = |name: &str| {
        let path = |ending: &str| keys.path().join(format!("{name}.{ending}")).display().to_string();
        format!("host=127.0.0.1 sslmode=require sslcert={} sslkey={}", path("crt"), path("key"))
    };
    assert!(connect(&server, &own("evo")).unwrap());
    refused(&server, "host=127.0.0.1 sslmode=require", "certificate");
    refused(&server, &format!("{} sslcertmode=disable", own("evo")), "certificate");
    refused(&server, &own("somebody"), "authentication failed");
    std::fs::set_permissions(keys.path().join("evo.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(&server, &own("evo"), "others may read it");
}

#[test]
fn a_password_is_not_sent_to_a_server_that_asks_in_a_way_that_was_ruled_out() {
    let (server, _keys) = tls_server("host all evo all password\n");
    let address = |more: &str| format!("host=127.0.0.1 password=s3cret-word {more}");
    for mode in ["disable", "require"] {
        let with = |more: &str| address(&format!("sslmode={mode} {more}"));
        assert_eq!(connect(&server, &with("")).unwrap(), mode == "require");
        assert!(connect(&server, &with("require_auth=password")).is_ok());
        refused(&server, &with("require_auth=scram-sha-256"), "require_auth");
        refused(&server, &with("require_auth=!password"), "clear text");
        refused(&server, &with("channel_binding=require"), "channel_binding");
    }
}

#[test]
fn channel_binding_is_used_where_it_is_asked_for_and_refused_where_it_cannot_be() {
    let (server, _keys) = tls_server("host all evo all scram-sha-256\n");
    let address = |more: &str| format!("host=127.0.0.1 password=s3cret-word {more}");
    assert!(connect(&server, &address("sslmode=require channel_binding=require require_auth=scram-sha-256")).unwrap());
    assert!(connect(&server, &address("sslmode=require channel_binding=disable")).unwrap());
    refused(&server, &address("sslmode=disable channel_binding=require"), "channel_binding");
    refused(&server, "host=127.0.0.1 password=s3cret-wort sslmode=disable", "password");
    let (server, _keys) = tls_server("host all all all trust\n");
    refused(&server, &address("sslmode=require channel_binding=require"), "channel_binding");
    refused(&server, &address("sslmode=require require_auth=scram-sha-256"), "without asking");
    assert!(connect(&server, &address("sslmode=require require_auth=none,scram-sha-256")).is_ok());
}

#[test]
fn a_server_without_tls_is_no_server_for_a_mode_that_asks_for_it() {
    let server = Server::start(&[]);
    refused(&server, "host=127.0.0.1 sslmode=require", "TLS");
    assert!(!connect(&server, "host=127.0.0.1 sslmode=prefer require_auth=none").unwrap());
}
