//! What a role may not do is said before anything is begun, with the grant; and what a DBA made beforehand
//! will do.

use crate::support::server::Server;
use crate::support::{Database, Evo, object, try_sql};

/// A database whose role owns nothing but what the test gives it.
struct Site {
    evo: Evo,
    /// Address of the role.
    url: String,
    _server: Server,
}

impl Site {
    fn new(prepare: &str) -> Self {
        let server = Server::start(&[("fsync", "off")]);
        server.sql("create role job login");
        server.sql("create database w");
        let evo = Evo::with(Database::on(&server));
        let admin = server.url("w");
        try_sql(&admin, prepare).unwrap();
        object("prospects", "20260110T020501Z", "a").lines(&evo.lake(), &[r#"{"idProspect": 1, "firstName": "Ana"}"#]);
        let url = format!("postgresql://job@127.0.0.1:{}/w", server.port);
        Self { evo, url, _server: server }
    }

    fn admin(&self, statements: &str) {
        try_sql(&self.url.replace("//job@", "//evo@"), statements).unwrap();
    }

    fn run(&self, args: &[&str]) -> crate::support::Run {
        self.evo.command_at(&self.url, args).output().unwrap().into()
    }
}

const SCHEMAS: [&str; 5] = ["evo", "stg_evo", "core", "evo_next", "evo_old"];

#[test]
fn schemas_that_the_dba_made_will_do_without_a_right_on_the_database() {
    let made: String = SCHEMAS.map(|name| format!("create schema {name} authorization job;")).concat();
    let site = Site::new(&made);
    site.run(&["migrate"]).exits(0);
    site.run(&["migrate"]).exits(0).says("up to date");
    site.run(&["load", "prospects"]).exits(0);
    site.run(&["transform", "prospects", "--full-refresh"]).exits(0);
}

#[test]
fn schemas_of_somebody_else_will_do_where_tables_may_be_made_in_them() {
    let made: String =
        SCHEMAS.map(|name| format!("create schema {name}; grant usage, create on schema {name} to job;")).concat();
    let site = Site::new(&made);
    site.admin("revoke create on schema core from job");
    site.run(&["migrate"]).exits(5).says("grant usage, create on schema core to job");
    site.admin("grant create on schema core to job");
    site.run(&["migrate"]).exits(0);
    site.run(&["load", "prospects"]).exits(0);
    site.run(&["transform", "prospects", "--full-refresh"]).exits(0);
}

#[test]
fn a_missing_right_is_named_with_its_grant() {
    let site = Site::new("revoke temporary on database w from public");
    site.run(&["migrate"])
        .exits(5)
        .says("grant create on database w to job")
        .says("create schema evo authorization job");
    site.admin("grant create on database w to job");
    site.run(&["migrate"]).exits(0);
    for args in [&["load", "prospects"][..], &["transform", "prospects"]] {
        site.run(args).exits(5).says("grant temporary on database w to job");
    }
    site.admin("grant temporary on database w to job");
    site.run(&["load", "prospects"]).exits(0);
}

#[test]
fn a_role_that_may_only_read_can_look() {
    let site = Site::new("grant create on database w to job; create role reader login");
    site.run(&["migrate"]).exits(0);
    site.run(&["load", "prospects"]).exits(0);
    site.run(&["transform", "prospects"]).exits(0);
    let reader = site.url.replace("//job@", "//reader@");
    let read = |args: &[&str]| -> crate::support::Run { site.evo.command_at(&reader, args).output().unwrap().into() };
    read(&["status"]).exits(5).says("grant usage on schema evo to the role");
    site.admin("grant usage on schema evo, stg_evo, core to reader");
    read(&["status"]).exits(5).says("grant select on");
    site.admin("grant select on all tables in schema evo, stg_evo, core to reader");
    read(&["status"]).exits(0);
    read(&["check"]).exits(0);
    read(&["transform", "prospects", "--dry-run"]).exits(0);
    read(&["load", "prospects", "--dry-run"]).exits(0).says("nothing was loaded");
    read(&["load", "prospects"]).exits(5).says("permission denied");
}

#[test]
fn a_database_that_cannot_hold_every_character_is_refused() {
    let site = Site::new("select 1");
    for encoding in ["LATIN1", "SQL_ASCII"] {
        site.admin("drop database if exists other");
        site.admin(&format!(
            "create database other encoding '{encoding}' lc_collate 'C' lc_ctype 'C' template template0 owner job"
        ));
        let url = site.url.replace("/w", "/other");
        let run = |args: &[&str]| -> crate::support::Run { site.evo.command_at(&url, args).output().unwrap().into() };
        for args in [&["migrate"][..], &["migrate", "--dry-run"], &["status"], &["load", "prospects"]] {
            run(args).exits(3).says(encoding).says("createdb --encoding=UTF8 --template=template0");
        }
    }
}
