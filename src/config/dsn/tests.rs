use proptest::prelude::*;

use super::*;
use crate::config::Environment;

#[test]
fn urls_and_pairs_are_read_as_libpq_reads_them() {
    for (text, shown) in [
        ("postgresql://u:p%40ss@db.example:6432/w", "postgresql://u:***@db.example:6432/w?sslmode=verify-full"),
        ("postgres://u@127.0.0.1/w", "postgresql://u@127.0.0.1:5432/w?sslmode=prefer"),
        (
            "postgresql://u@a:1,b:2/w?target_session_attrs=read-write&sslmode=require",
            "postgresql://u@a:1,b:2/w?sslmode=require",
        ),
        ("postgresql://u@[::1]:5433/w", "postgresql://u@[::1]:5433/w?sslmode=prefer"),
        ("postgresql://u@[::1/w", "error"),
        ("postgresql://u@[::1]5433/w", "error"),
        ("postgresql://u@%2Frun%2Fpostgresql/w", "postgresql://u@/run/postgresql:5432/w?sslmode=prefer"),
        ("postgresql://u@db/w?ssl=true", "postgresql://u@db:5432/w?sslmode=require"),
        ("postgresql://u@db/w?application_name=a@b", "postgresql://u@db:5432/w?sslmode=verify-full"),
        ("postgresql://u@db?dbname=w", "postgresql://u@db:5432/w?sslmode=verify-full"),
        ("host=db port=6432 user=u dbname=w password='it''s'", "error"),
        ("host=db user = u dbname='my db' password='it\\'s'", "postgresql://u:***@db:5432/my db?sslmode=verify-full"),
        ("host=/run/postgresql user=u", "postgresql://u@/run/postgresql:5432/u?sslmode=prefer"),
        ("host=db hostaddr=127.0.0.1 user=u", "postgresql://u@db:5432/u?sslmode=prefer"),
        ("hostaddr=10.0.0.7 user=u", "postgresql://u@10.0.0.7:5432/u?sslmode=verify-full"),
        ("host=a,b port=1,2,3 user=u", "error"),
        ("host=a,b hostaddr=10.0.0.1 user=u", "error"),
        ("host=db hostaddr=nowhere user=u", "error"),
        ("postgresql://u@db/w?sslmode=never", "error"),
        ("postgresql://u@db:x/w", "error"),
        ("postgresql://u@db:0/w", "error"),
        ("postgresql://u@db/w?colour=red", "error"),
        ("postgresql://u@db/w?sslmode", "error"),
        ("postgresql://u:p%00@db/w", "error"),
        ("postgresql://u:p%+1@db/w", "error"),
        ("db.example", "error"),
    ] {
        let found = Dsn::parse(text).map_or_else(|_| "error".to_owned(), |dsn| dsn.to_string());
        assert_eq!(found, shown, "{text}");
    }
    let password = |text: &str| {
        let dsn = Dsn::parse(text).unwrap();
        dsn.password(&dsn.servers[0]).map(str::to_owned)
    };
    for (text, expected) in [("postgresql://u:p%40s?s#@db/w", "p@s?s#"), ("postgresql://u:p@s#@db/w", "p@s#")] {
        assert_eq!(password(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn hostaddr_is_where_to_connect_and_host_stays_the_name() {
    let dsn = Dsn::parse("host=db.example hostaddr=127.0.0.2").unwrap();
    assert_eq!((dsn.servers[0].host.as_str(), dsn.servers[0].address), ("db.example", "127.0.0.2".parse().ok()));
}

#[test]
fn what_the_address_leaves_open_comes_from_the_environment() {
    let environment = Environment::from([
        ("PGPASSWORD", "s3cret"),
        ("PGUSER", "env"),
        ("PGSSLMODE", "disable"),
        ("PGCHANNELBINDING", "require"),
        ("PGREQUIREAUTH", "scram-sha-256"),
        ("PGOPTIONS", "-c jit=off"),
    ]);
    let dsn = Dsn::resolve("postgresql://u@db/w", &environment).unwrap();
    let protection = &dsn.protection;
    assert_eq!((dsn.user.as_str(), dsn.password(&dsn.servers[0])), ("u", Some("s3cret")));
    assert_eq!((protection.mode, protection.channel_binding), (SslMode::Disable, ChannelBinding::Require));
    let auth = protection.auth.as_ref().unwrap();
    assert!(auth.allows(10) && !auth.allows(3) && !auth.allows(0));
    assert_eq!(dsn.options.as_deref(), Some("-c jit=off"));
}

#[test]
fn each_parameter_of_libpq_is_obeyed_or_refused_by_name() {
    for (parameter, refused) in [
        ("channel_binding=require", false),
        ("channel_binding=maybe", true),
        ("gssencmode=disable", false),
        ("gssencmode=prefer", false),
        ("gssencmode=require", true),
        ("require_auth=scram-sha-256,none", false),
        ("require_auth=!password,!md5", false),
        ("require_auth=password,!md5", true),
        ("require_auth=kerberos", true),
        ("sslcert=/x/c.pem sslkey=/x/k.pem", false),
        ("sslcert=/x/c.pem", true),
        ("sslcertmode=disable sslcert=/x/c.pem", false),
        ("sslcertmode=require", true),
        ("sslpassword=x", true),
        ("sslrootcert=system", false),
        ("sslrootcert=system sslmode=require", true),
        ("sslnegotiation=direct sslmode=require", false),
        ("sslnegotiation=direct sslmode=prefer", true),
        ("sslsni=0", false),
        ("sslcompression=1", false),
        ("ssl_min_protocol_version=TLSv1.3", false),
        ("ssl_max_protocol_version=TLSv1.1", true),
        ("ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2", true),
        ("sslcrldir=/x", true),
        ("sslmode=allow", false),
        ("load_balance_hosts=random", false),
        ("load_balance_hosts=often", true),
        ("target_session_attrs=prefer-standby", false),
        ("target_session_attrs=fastest", true),
        ("requirepeer=postgres", true),
        ("replication=database", true),
        ("replication=false", false),
        ("krbsrvname=postgres gsslib=gssapi", false),
        ("keepalives=0 keepalives_idle=5 keepalives_interval=1 keepalives_count=2 tcp_user_timeout=1000", false),
        ("keepalives_idle=soon", true),
        ("application_name=x fallback_application_name=y client_encoding=auto", false),
        ("min_protocol_version=3.2", true),
        ("max_protocol_version=latest", false),
        ("oauth_issuer=https://x", true),
        ("pgbouncer=true", true),
        ("service=none", true),
        ("colour=red", true),
    ] {
        let found = Dsn::parse(&format!("host=db {parameter}"));
        let name = parameter.split('=').next().unwrap();
        match found {
            Ok(_) => assert!(!refused, "{parameter} is taken"),
            Err(error) => {
                assert!(refused, "{parameter}: {}", error.render());
                assert!(error.render().contains(name), "{parameter}: {}", error.render());
            }
        }
    }
}

#[test]
fn the_password_file_is_read_only_when_nobody_else_can_and_for_each_server() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pass");
    std::fs::write(&path, "# comment\nother:*:*:*:no\ndb:5432:w:u:a\\:b\ndc:*:*:*:c\n").unwrap();
    let environment = Environment::from([("PGPASSFILE", path.to_str().unwrap())]);
    let passwords = || {
        let dsn = Dsn::resolve("postgresql://u@db,dc,dd/w", &environment).unwrap();
        dsn.servers.iter().map(|server| dsn.password(server).map(str::to_owned)).collect::<Vec<_>>()
    };
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(passwords(), [None, None, None]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(passwords(), [Some("a:b".to_owned()), Some("c".to_owned()), None]);
}

#[test]
fn a_service_stands_between_the_address_and_the_variables() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("services");
    std::fs::write(&path, "[other]\nhost=no\n# comment\n[w]\nhost=db\nuser = of_service\nport=6000\n[z]\nhost=no\n")
        .unwrap();
    let file = path.to_str().unwrap();
    let environment = Environment::from([("PGSERVICEFILE", file), ("PGSERVICE", "w"), ("PGUSER", "of_variable")]);
    let shown = |text: &str| Dsn::resolve(text, &environment).unwrap().to_string();
    assert_eq!(shown(""), "postgresql://of_service@db:6000/of_service?sslmode=verify-full");
    assert_eq!(shown("port=7000 user=u"), "postgresql://u@db:7000/u?sslmode=verify-full");
    assert_eq!(shown("service=other"), "postgresql://of_variable@no:5432/of_variable?sslmode=verify-full");
    let error = Dsn::resolve("service=none", &environment).unwrap_err();
    assert!(error.render().contains(file), "{}", error.render());
}

#[test]
fn certificates_in_the_home_folder_are_found_as_libpq_finds_them() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".postgresql")).unwrap();
    for name in ["root.crt", "postgresql.crt", "postgresql.key"] {
        std::fs::write(home.path().join(".postgresql").join(name), "").unwrap();
    }
    let environment = Environment::from([("HOME", home.path().to_str().unwrap())]);
    let protection = Dsn::resolve("host=db", &environment).unwrap().protection;
    assert_eq!(protection.roots, Roots::File(home.path().join(".postgresql/root.crt")));
    assert!(protection.certificate.is_some());
    let protection = Dsn::resolve("host=db sslrootcert=system", &environment).unwrap().protection;
    assert_eq!(protection.roots, Roots::System);
}

/// Whether a message has a part of a secret that would help somebody who guesses.
fn leaks(shown: &str, secret: &str) -> bool {
    let secret: Vec<char> = secret.chars().collect();
    secret.windows(4).any(|part| shown.contains(&part.iter().collect::<String>()))
}

#[test]
fn a_delimiter_in_a_password_shows_no_part_of_it() {
    for text in [
        "postgresql://u:Qz7/Wk9xJ@db:5432/w",
        "postgresql://u:Qz7Wk9?xJ@db/w",
        "postgresql://u:Qz7Wk9#xJ@db:p/w",
        "postgresql://u:Qz7W@k9xJ@db:p/w",
        "postgresql://u:Qz7W%k9xJ@db/w",
        "postgresql://u:Qz7W:k9xJ/a@db/w",
        "postgresql://u:5432/Qz7Wk9xJ?a=b@db/w",
        "postgresql://u:5432/x?Qz7Wk9xJ=b@db/w",
        "postgresql://u:5432/x?sslmode=Qz7Wk9xJ@db/w",
        "postgresql://u:[Qz7Wk9xJ@db/w",
        "postgres:/u:Qz7Wk9xJ@db/w?sslmode=disable",
        "Postgresql://u:Qz7Wk9xJ@db/w?sslmode=disable",
        "host=db password=Qz7W k9xJ=1",
        "host=db password='Qz7Wk9xJ",
        "host=db password=x Qz7Wk9xJ",
    ] {
        let shown = match Dsn::parse(text) {
            Ok(dsn) => format!("{dsn} {dsn:?} {}", dsn.shown_servers()),
            Err(error) => format!("{} {error:?}", error.render()),
        };
        assert!(!leaks(&shown, "Qz7Wk9xJ"), "{text}: {shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever stands where in a URL: what evo says of it, right or wrong, has no part of the password.
    #[test]
    fn no_part_of_a_password_is_ever_shown(
        before in "[QXZ][0-9QXZ]{3}",
        between in "[/?#@%:&=,\\[\\] ']{0,2}",
        after in "[0-9QXZ]{0,6}",
        host in "(db|\\[::1\\]|a,b|)(:5432|:p|)",
        tail in "(/w|/|)(\\?sslmode=(disable|none)|)",
        is_url in any::<bool>(),
    ) {
        let password = format!("{before}{between}{after}");
        let text = match is_url {
            true => format!("postgresql://u:{password}@{host}{tail}"),
            false => format!("host=db user=u password={password} dbname=w"),
        };
        let shown = match Dsn::parse(&text) {
            Ok(dsn) => format!("{dsn} {dsn:?}"),
            Err(error) => format!("{} {error:?}", error.render()),
        };
        prop_assert!(!leaks(&shown, &before) && !leaks(&shown, &password), "{} {}", text, shown);
    }
}
