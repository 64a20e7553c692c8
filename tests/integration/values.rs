//! The language of `docs/values.md`: in the casts, in keys, and in random texts.

use evo::entity::DateFormat;
use evo::stage::time;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::support::Database;

const ZONE: &str = "America/Sao_Paulo";
/// A cast as text, "raises" where it refuses the value. Whatever the session thinks of dates.
const PREPARE: &str = "set datestyle = 'German, DMY'; set timezone = 'Asia/Kolkata'; set intervalstyle = 'sql_standard';
    create function pg_temp.said(call text) returns text language plpgsql as $$
    declare r text; begin execute call into r; return coalesce(r, 'null'); exception when data_exception then return 'raises'; end $$;";

/// Rows of the tables: type, text, value.
fn table() -> Vec<[String; 3]> {
    let text = include_str!("../../docs/values.md");
    let rows = text.lines().filter_map(|line| {
        let [_, kind, text, value, _] = <[&str; 5]>::try_from(line.split('|').collect::<Vec<_>>()).ok()?;
        let text = text.trim().strip_prefix('`')?.strip_suffix('`')?;
        let is_value = !kind.contains('`') && !value.trim().is_empty();
        is_value.then(|| [kind.trim().to_owned(), text.replace('␠', " ").replace('⇥', "\t"), value.trim().to_owned()])
    });
    rows.collect()
}

/// Rows of the table of own date formats: format, text, ISO 8601.
fn formats() -> Vec<[String; 3]> {
    let text = include_str!("../../docs/values.md");
    let rows = text.lines().filter_map(|line| {
        let [_, format, text, iso, _] = <[&str; 5]>::try_from(line.split('|').collect::<Vec<_>>()).ok()?;
        let [format, text, iso] = [format, text, iso].map(|cell| cell.trim().trim_matches('`'));
        let is_row = format.starts_with('%') && !format.contains('`') && (iso == "issue" || iso.starts_with('2'));
        is_row.then(|| [format.to_owned(), text.replace('␠', " ").replace('⇥', "\t"), iso.to_owned()])
    });
    rows.collect()
}

/// The call of a family's cast, with the value as a text that says the same in every session.
fn call(family: &str, kind: &str, text: &str) -> String {
    let literal = format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    let zone = if kind == "timestamptz" { format!(", '{ZONE}'") } else { String::new() };
    let call = format!("evo.{family}_{kind}({literal}{zone})");
    let shown = match kind {
        _ if family == "misfit" => call,
        "date" => format!("to_char({call}, 'FMYYYY-MM-DD')"),
        "timestamptz" => {
            format!("rtrim(rtrim(to_char({call} at time zone 'UTC', 'FMYYYY-MM-DD HH24:MI:SS.US'), '0'), '.')")
        }
        _ => format!("({call})::text"),
    };
    format!("select {shown}")
}

/// What each call says.
fn said(session: &str, db: &Database, calls: &[String]) -> Vec<String> {
    let list: Vec<String> = calls.iter().map(|c| format!("($c${c}$c$)")).collect();
    let rows = crate::support::sql(
        &db.url,
        &format!("{PREPARE} {session} select pg_temp.said(c) from (values {}) v (c)", list.join(",")),
    );
    assert_eq!(rows.len(), calls.len());
    rows.into_iter().map(|row| row[0].clone()).collect()
}

/// What the key of an entry says of a text, in the form of the tables.
fn key_says(db: &Database, texts: &[&str]) -> Vec<String> {
    let calls: Vec<String> = texts
        .iter()
        .map(|text| match time::parse(text) {
            None => "select 'issue'".to_owned(),
            Some(event) => {
                let zone = if event.is_utc { "UTC" } else { ZONE };
                // In two parts: the product in microseconds would be rounded.
                let (seconds, rest) = (event.micros.div_euclid(1_000_000), event.micros.rem_euclid(1_000_000));
                let interval = format!("{seconds} * interval '1 second' + {rest} * interval '1 microsecond'");
                let at = format!("(timestamp '2000-01-01' + {interval}) at time zone '{zone}'");
                format!("select rtrim(rtrim(to_char({at} at time zone 'UTC', 'FMYYYY-MM-DD HH24:MI:SS.US'), '0'), '.')")
            }
        })
        .collect();
    said("", db, &calls)
}

#[test]
fn every_row_of_values_md_is_so_in_the_casts() {
    let db = Database::migrated();
    let table = table();
    assert!(table.len() > 200, "{} rows", table.len());
    for (family, misfit) in [("as", "raises"), ("try", "null")] {
        let calls: Vec<String> = table.iter().map(|[kind, text, _]| call(family, kind, text)).collect();
        for ([kind, text, value], said) in table.iter().zip(said("", &db, &calls)) {
            let expected = if value == "issue" { misfit } else { value };
            assert_eq!(&said, expected, "evo.{family}_{kind}({text:?})");
        }
    }
    let calls: Vec<String> = table.iter().map(|[kind, text, _]| call("misfit", kind, text)).collect();
    for ([kind, text, value], said) in table.iter().zip(said("", &db, &calls)) {
        let expected = if value == "issue" { text } else { "null" };
        assert_eq!(&said, expected, "evo.misfit_{kind}({text:?})");
    }
}

#[test]
fn every_row_of_values_md_is_so_in_keys() {
    let db = Database::migrated();
    let table: Vec<_> = table().into_iter().filter(|row| row[0] == "timestamptz" && row[2] != "null").collect();
    let texts: Vec<&str> = table.iter().map(|row| row[1].as_str()).collect();
    for ([_, text, value], said) in table.iter().zip(key_says(&db, &texts)) {
        assert_eq!(&said, value, "{text:?}");
    }
}

#[test]
fn every_row_of_an_own_format_means_what_its_iso_text_means_in_casts_and_keys() {
    let db = Database::migrated();
    let rows = formats();
    assert!(rows.len() > 25, "{} rows", rows.len());
    let format = |row: &[String; 3]| DateFormat::parse(&row[0]).unwrap();
    let quoted = |text: &str| format!("E'{}'", text.replace('\t', "\\t"));
    let call = |value: &str, family: &str, kind: &str| match (family, kind) {
        ("misfit", "timestamptz") => format!("select evo.misfit_timestamptz({value}, '{ZONE}')"),
        ("misfit", _) => format!("select evo.misfit_{kind}({value})"),
        (_, "timestamptz") => format!("select extract(epoch from evo.{family}_timestamptz({value}, '{ZONE}'))::text"),
        (_, "date") => format!("select (evo.{family}_date({value}) - date '2000-01-01')::text"),
        _ => format!("select extract(epoch from evo.{family}_{kind}({value}))::text"),
    };
    for kind in ["date", "local", "timestamptz"] {
        for family in ["as", "try", "misfit"] {
            let own: Vec<String> = rows
                .iter()
                .map(|row| call(&format!("evo.to_iso({}, {})", quoted(&row[1]), format(row).arguments()), family, kind))
                .collect();
            let iso: Vec<String> = rows.iter().map(|row| call(&quoted(&row[2]), family, kind)).collect();
            for ((row, own), iso) in rows.iter().zip(said("", &db, &own)).zip(said("", &db, &iso)) {
                // 24:00 is the end of its day, and the day as it is written.
                let expected = match (family, row[2].as_str()) {
                    ("misfit", "issue") => row[1].clone(),
                    _ if kind == "date" && row[1].contains("24:00") => continue,
                    _ => iso,
                };
                assert_eq!(own, expected, "{row:?} in evo.{family}_{kind}");
            }
        }
    }
    for row in &rows {
        let key = time::parse_in(&row[1], &[format(row)]);
        assert_eq!(key, time::parse(&row[2]), "{row:?}");
        // Beside other formats it is read as well.
        let others = ["%d-%m-%Y", &row[0], "%d_%m_%Y"].map(|format| DateFormat::parse(format).unwrap());
        assert!(key.is_none() || time::parse_in(&row[1], &others) == key, "{row:?}");
    }
}

#[test]
fn what_a_refresh_reads_first_admits_nothing_else() {
    let db = Database::migrated();
    let table = table();
    for (fast, kind) in [("plain_bigint", "bigint"), ("plain_int", "int"), ("at_session_zone", "timestamptz")] {
        let rows: Vec<_> = table.iter().filter(|row| row[0] == kind && row[2] != "null").collect();
        let calls: Vec<String> = rows
            .iter()
            .map(|row| {
                call("as", kind, &row[1]).replace(&format!("as_{kind}"), fast).replace(&format!(", '{ZONE}'"), "")
            })
            .collect();
        let said = said(&format!("set timezone = '{ZONE}';"), &db, &calls);
        assert!(said.iter().any(|said| said != "raises"), "{fast} reads nothing");
        for ([_, text, value], said) in rows.iter().zip(said) {
            assert!(said == "raises" || said == *value, "evo.{fast}({text:?}) is {said}, not {value}");
        }
    }
}

#[test]
fn a_time_that_the_server_has_parsed_already_is_what_its_text_says() {
    let db = Database::migrated();
    let mut runner = TestRunner::new(Config { source_file: None, ..Config::default() });
    let random = (0..3_000).map(|_| text().new_tree(&mut runner).unwrap().current());
    let written = table().into_iter().filter(|row| row[0] == "timestamptz").map(|[_, text, _]| text);
    let texts: Vec<String> = random.chain(written).collect();
    let calls: Vec<String> = texts.iter().map(|text| call("as", "timestamptz", text)).collect();
    let with_clock = |call: &String| {
        let (before, rest) = call.split_once("evo.as_timestamptz(").unwrap();
        let (value, after) = rest.split_once(&format!(", '{ZONE}'")).unwrap();
        format!("{before}evo.at_session_zone({value}, nullif({value}, '')::timestamp{after}")
    };
    let with_clocks: Vec<String> = calls.iter().map(with_clock).collect();
    let session = format!("set timezone = '{ZONE}'; set datestyle = 'ISO, YMD';");
    let mut fitting = 0;
    for ((text, said), expected) in texts.iter().zip(said(&session, &db, &with_clocks)).zip(said(&session, &db, &calls))
    {
        assert!(said == "raises" || said == expected, "{text:?} is {said}, not {expected}");
        fitting += usize::from(said != "raises" && said != "null");
    }
    assert!(fitting > 100, "{fitting}");
}

/// Texts that are nearly dates, times and numbers: true ones with a piece dropped, doubled or exchanged, and
/// soup of their parts.
fn text() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "2024", "1999", "0001", "12", "03", "18", "29", "02", "31", "24", "00", "60", "59", "7", "0", "-", "-", ":",
        ":", "T", " ", "t", "Z", "z", "+03", "-0300", "+03:00", ".", ".5", ".123456", ".9999999", "e", "E5", "_", "0x",
        "0b1", "+", "/", ",", "x", "PM", "BC", "UTC", "NaN", "inf", "true", "of", "yes", "\t", "\u{a0}", "é", "jan",
        "J", "W12", "'", "\\",
    ]);
    let soup = prop::collection::vec(part.clone(), 1..7).prop_map(|parts| parts.concat());
    let whole = prop::sample::select(vec![
        "2024-03-18T06:12:45",
        "2024-03-18 06:12:45.123",
        "20240318T061245Z",
        "2024-02-29",
        "2023-12-31T24:00:00",
        "20240318",
        "2016-12-31T23:59:60Z",
        "2024-03-18T06:12+03:00",
        "2018-11-04T00:30:00",
        "-12.50",
        "1e3",
        "9223372036854775807",
        "2147483648",
        "99999999999999.999",
        "1_000",
        "0x1F",
        "TRUE",
        "off",
        "9999-12-31T23:59:59.999999",
    ]);
    let broken = (whole, any::<prop::sample::Index>(), part, 0..5_u8).prop_map(|(whole, at, part, damage)| {
        let mut chars: Vec<String> = whole.chars().map(String::from).collect();
        let at = at.index(chars.len());
        match damage {
            0 => {}
            1 => drop(chars.remove(at)),
            2 => chars[at] = part.to_owned(),
            3 => chars.insert(at, part.to_owned()),
            _ => chars[at] = part.chars().next().unwrap_or('0').to_string(),
        }
        chars.concat()
    });
    prop_oneof![1 => soup, 3 => broken]
}

#[test]
fn keys_and_all_families_of_casts_agree_about_thousands_of_generated_texts() {
    let db = Database::migrated();
    let mut runner = TestRunner::new(Config { source_file: None, ..Config::default() });
    let texts: Vec<String> = (0..3_000).map(|_| text().new_tree(&mut runner).unwrap().current()).collect();
    for kind in ["bigint", "int", "decimal", "bool", "date", "timestamptz"] {
        let of = |family: &str| {
            let calls: Vec<String> = texts.iter().map(|text| call(family, kind, text)).collect();
            said("", &db, &calls)
        };
        let (fast, careful, misfits) = (of("as"), of("try"), of("misfit"));
        let fitting = fast.iter().filter(|said| *said != "raises").count();
        assert!(
            fitting > 30 && fitting < texts.len() - 300,
            "{fitting} of {kind} fit: the texts are not worth their name"
        );
        for (i, text) in texts.iter().enumerate() {
            let expected = match fast[i].as_str() {
                "raises" => ("null", text.as_str()),
                value => (value, "null"),
            };
            assert_eq!((careful[i].as_str(), misfits[i].as_str()), expected, "{kind} {text:?}, as_ says {}", fast[i]);
        }
        if kind == "timestamptz" {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for ((text, key), cast) in texts.iter().zip(key_says(&db, &texts)).zip(&fast) {
                assert_eq!(key.replace("issue", "raises"), *cast, "{text:?}");
            }
        }
    }
}
