//! A source of one's own: declared, not programmed.

use super::{RECORDS, World};
use crate::support::{Api, Evo};

const ENTITY: &str = r#"
name = "contacts"
bronze_prefix = "bronze/crm/entity=contacts"
zone = "America/Sao_Paulo"
models = ["contacts"]

[staging]
table = "stg_evo.contacts_raw"
key_column = "contact_id"

[key]
field = "idProspect"

[[extract]]
source = "crm"
path = "/prospects"
records = "/results"
page = { cursor = "/paging/next/after", as = "after", limit = "limit", size = 25 }
since = { param = "updatedAfter", field = "/updatedAt", format = "%Y-%m-%d" }
"#;
const MODEL: &str = "-- grain: one row a contact\n-- source: prospects of the second API\n-- parent key: contact_id\n\
                     -- key: contact_id\nselect s.contact_id, d.\"firstName\"::text as first_name\nfrom {source} s\n\
                     cross join lateral jsonb_to_record(s.raw_data) as d (\"firstName\" text);\n";
const MIGRATION: &str = "create table stg_evo.contacts_raw (like stg_evo.prospects_raw including all);\n\
                         alter table stg_evo.contacts_raw rename column prospect_id to contact_id;\n\
                         create table core.contacts (contact_id bigint not null, first_name text, primary key (contact_id)) \
                         partition by range (contact_id);\n\
                         create table core.contacts_all partition of core.contacts default;\n";

#[test]
fn a_second_api_with_cursors_a_bearer_token_and_pretty_printed_answers_is_loaded_by_declaration() {
    let evo = Evo::new();
    let api = Api::serve(evo.dir.path(), &[&RECORDS[..], &["--limit", "none"]].concat());
    let settings =
        format!("[source.crm]\nurl = \"{}/other\"\nauth = {{ bearer = \"CRM_TOKEN\" }}\nlimit = \"none\"\n", api.url);
    std::fs::write(evo.dir.path().join("evo.toml"), settings).unwrap();
    let folder = evo.dir.path().join("own/models/contacts");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(evo.dir.path().join("own/migrations")).unwrap();
    std::fs::write(folder.join("entity.toml"), ENTITY).unwrap();
    std::fs::write(folder.join("contacts.sql"), MODEL).unwrap();
    std::fs::write(evo.dir.path().join("own/migrations/0001_contacts.up.sql"), MIGRATION).unwrap();
    let world = World { evo, api };
    let run = |args: &[&str]| {
        let mut command = world.command(&[args, &["--extend", "own", "--output", "json"]].concat());
        crate::support::Run::from(command.env("CRM_TOKEN", "token-of-the-imitation").output().unwrap())
    };
    run(&["migrate"]).exits(0);
    run(&["extract", "contacts", "--from", "2023-01-01"]).exits(0);
    run(&["load", "contacts"]).exits(0);
    assert_eq!(world.evo.db.one("select count(*) from stg_evo.contacts_raw"), "60");
    run(&["transform", "contacts"]).exits(0);
    assert_eq!(world.evo.db.one("select count(*) from core.contacts where first_name is not null"), "60");
}
