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
    obey(&site, "reader", &["status"]);
    read(&["status"]).exits(0);
    read(&["check"]).exits(0);
    read(&["transform", "prospects", "--dry-run"]).exits(0);
    read(&["load", "prospects", "--dry-run"]).exits(0).says("nothing was loaded");
    let refused = read(&["load", "prospects"]).exits(5).says("reader may not write");
    assert_eq!(grants(&refused.stderr), ["grant job to reader;"]);
}

/// The statements that a message shows, as they are.
fn grants(message: &str) -> Vec<String> {
    let lines = message.lines().map(|line| line.trim().trim_start_matches("hint: ").trim_start_matches("fix").trim());
    let is_statement = |line: &&str| ["grant ", "alter role "].iter().any(|word| line.starts_with(word));
    lines.filter(|line| is_statement(line) && line.ends_with(';')).map(str::to_owned).collect()
}

/// Runs a command as a role and executes the grants that it asks for, until it works.
fn obey(site: &Site, role: &str, args: &[&str]) {
    let url = site.url.replace("//job@", &format!("//{role}@"));
    for _ in 0..4 {
        let run: crate::support::Run = site.evo.command_at(&url, args).output().unwrap().into();
        if run.code != 5 {
            assert!([0, 6].contains(&run.code), "{args:?}\n{}", run.stderr);
            return;
        }
        let statements = grants(&run.stderr);
        assert!(!statements.is_empty(), "{args:?}\n{}", run.stderr);
        site.admin(&statements.concat());
    }
    panic!("{args:?} still fails after four rounds of grants");
}

#[test]
fn the_grants_that_each_command_asks_for_are_enough_for_it() {
    let site = Site::new("grant create on database w to job; revoke temporary on database w from public");
    site.admin("grant temporary on database w to job");
    site.run(&["migrate"]).exits(0);
    site.run(&["load", "prospects"]).exits(0);
    site.run(&["transform", "prospects"]).exits(0);
    let commands: [&[&str]; 12] = [
        &["status"],
        &["runs"],
        &["check", "prospects"],
        &["verify", "prospects"],
        &["objects", "list"],
        &["rejects", "list"],
        &["load", "prospects", "--dry-run"],
        &["transform", "prospects", "--dry-run"],
        &["load", "prospects"],
        &["transform", "prospects", "--full-refresh"],
        &["optimize-storage", "prospects", "--vacuum"],
        &["reset", "prospects", "--yes"],
    ];
    for (i, args) in commands.iter().enumerate() {
        // A role that inherits nothing by itself needs another grant.
        let options = if i % 2 == 0 { "login" } else { "login noinherit" };
        site.admin(&format!("create role r{i} {options}"));
        obey(&site, &format!("r{i}"), args);
    }
}

#[test]
fn what_the_doctor_shows_is_what_a_job_asks_for() {
    let site = Site::new("grant create on database w to job; create role other login");
    site.run(&["migrate"]).exits(0);
    let other = site.url.replace("//job@", "//other@");
    let run = |args: &[&str]| -> crate::support::Run { site.evo.command_at(&other, args).output().unwrap().into() };
    // Tables of others in the same schemas are not evo's.
    site.admin("create role stranger; create table core.theirs (id int); alter table core.theirs owner to stranger");
    let script = run(&["doctor", "--fix-sql"]).exits(6).stdout;
    assert!(script.contains("grant job to other;") && !script.contains("stranger"), "{script}");
    site.admin(&grants(&script).concat());
    run(&["load", "prospects"]).exits(0);
    run(&["transform", "prospects", "--full-refresh"]).exits(0);
    let text = run(&["doctor"]).stdout;
    assert!(!text.contains("breaks  "), "{text}");
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
