//! The local verdict on a line is PostgreSQL's own, asked of the server.

use evo::stage::json::scan;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use tokio_postgres::NoTls;

use crate::support::{Database, Evo, counts, gz, object, write};

/// JSON-like texts, most of them nearly right: values nested in objects, with every kind of escape and
/// number, then perhaps a byte dropped, doubled or exchanged.
fn line() -> impl Strategy<Value = String> {
    let text = prop::collection::vec(
        prop_oneof![
            Just("a"),
            Just("ção"),
            Just("😀"),
            Just(" "),
            Just("\\n"),
            Just("\\\\"),
            Just("\\\""),
            Just("\\/"),
            Just("\\u0041"),
            Just("\\u0000"),
            Just("\\\\u0000"),
            Just("\\ud83d\\ude00"),
            Just("\\ud83d"),
            Just("\\ude00"),
            Just("\\ud83d\\u0041"),
            Just("\\x"),
            Just("\t"),
            Just("\\uD8"),
        ],
        0..6,
    )
    .prop_map(|parts| format!("\"{}\"", parts.concat()));
    let number = prop_oneof![
        Just("0"),
        Just("-0"),
        Just("1.10"),
        Just("1e5"),
        Just("1E+5"),
        Just("-1.5e-3"),
        Just("1e400"),
        Just("01"),
        Just("1."),
        Just(".5"),
        Just("+1"),
        Just("1e"),
        Just("NaN"),
        Just("Infinity"),
        Just("0x1"),
        Just("12345678901234567890123"),
    ]
    .prop_map(str::to_owned);
    let word =
        prop_oneof![Just("true"), Just("false"), Just("null"), Just("True"), Just("nul")].prop_map(str::to_owned);
    let value = prop_oneof![3 => text.clone(), 2 => number, 1 => word].prop_recursive(4, 24, 4, move |inner| {
        let text = text.clone();
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(", "))),
            prop::collection::vec((text, inner), 0..4).prop_map(|v| format!(
                "{{{}}}",
                v.iter().map(|(k, v)| format!("{k}: {v}")).collect::<Vec<_>>().join(",")
            )),
        ]
    });
    (value, 0..4_u8, any::<prop::sample::Index>()).prop_map(|(value, damage, at)| {
        let line = format!("{{\"id\": 1, \"v\": {value}}}");
        let mut chars: Vec<char> = line.chars().collect();
        let at = at.index(chars.len());
        match damage {
            1 => drop(chars.remove(at)),
            2 => chars.insert(at, chars[at]),
            3 => chars[at] = ['}', '"', ',', '\\', '0'][at % 5],
            _ => {}
        }
        chars.into_iter().collect()
    })
}

#[test]
fn fault_14_the_local_verdict_is_the_servers_for_thousands_of_generated_lines() {
    let db = Database::migrated();
    let mut runner = TestRunner::new(Config { source_file: None, ..Config::default() });
    let lines: Vec<String> =
        (0..6_000).map(|_| line().new_tree(&mut runner).unwrap().current()).filter(|l| !l.contains('\0')).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let errors: Vec<Option<String>> = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&db.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let sql = "select evo.jsonb_error(l) from unnest($1::text[]) with ordinality as x (l, n) order by n";
        client.query(sql, &[&lines]).await.unwrap().iter().map(|row| row.get(0)).collect()
    });
    let (mut taken, mut refused) = (0, 0);
    for (line, error) in lines.iter().zip(errors) {
        let mut found = Vec::new();
        // A text that is no object is legal jsonb; evo refuses it for want of a key, without an SQLSTATE.
        let local = scan(line.as_bytes(), &["id"], &mut found).err().and_then(|r| r.sqlstate).map(str::to_owned);
        assert_eq!(local.is_some(), error.is_some(), "{line}\nevo says {local:?}, PostgreSQL says {error:?}");
        if error.is_some() { refused += 1 } else { taken += 1 }
    }
    assert!(taken > 500 && refused > 500, "{taken} taken, {refused} refused: the lines are not worth their name");
}

#[test]
fn fault_14_odd_lines_are_taken_or_refused_as_the_server_does_whatever_stands_around_them() {
    let nested =
        |id: u32, depth: usize| format!(r#"{{"idSale": {id}, "v": {}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    // The last of two names counts; depth is a matter of the server's stack.
    let lines = [
        r#"{"idSale": 1, "v": 1, "idSale": 2, "v": 2}"#.to_owned(),
        nested(3, 5_000),
        nested(4, 10_000),
        nested(5, 500_000),
        r#"{"idSale": 6, "v": ""}"#.to_owned(),
    ];
    let evo = Evo::new();
    // A byte order mark, blank lines, both kinds of line ends, and none behind the last line.
    let text = format!("\u{feff}{}\r\n\n{}\n \t\r\n{}\r\n{}\n\r\n{}", lines[0], lines[1], lines[2], lines[3], lines[4]);
    write(&evo.lake(), &object("sales", "20260110T020501Z", "a").path(), &gz(text.as_bytes()));
    let summary = evo.entity(&["load", "sales", "--max-rejects", "100%"]);
    let verdicts: Vec<bool> =
        lines.iter().map(|line| evo.db.one(&format!("select evo.jsonb_error('{line}') is null")) == "t").collect();
    assert!(verdicts[1] && !verdicts[3], "{verdicts:?}: not deep, or not deep enough");
    let taken = verdicts.iter().filter(|is_taken| **is_taken).count();
    assert_eq!(counts(&summary), format!("{taken}/0/0/0/{} of 5", 5 - taken));
    let expected: Vec<&str> =
        ["2", "3", "4", "5", "6"].into_iter().zip(&verdicts).filter(|(_, taken)| **taken).map(|(id, _)| id).collect();
    let keys = "select string_agg(sale_id::text, ',' order by sale_id) from stg_evo.sales_raw";
    assert_eq!(evo.db.one(keys), expected.join(","));
    assert_eq!(evo.db.one("select raw_data ->> 'v' from stg_evo.sales_raw where sale_id = 2"), "2");
    let kept = evo.db.sql("select line_number, encode(line, 'escape') from evo.rejects order by 1");
    let refused = lines.iter().zip([1, 3, 5, 6, 8]).zip(&verdicts).filter(|(_, taken)| !**taken);
    assert_eq!(kept, refused.map(|((line, number), _)| vec![number.to_string(), line.clone()]).collect::<Vec<_>>());
}

#[test]
fn whatever_the_server_says_of_a_single_document_that_line_alone_is_refused() {
    // More elements than the server allocates in one piece (XX000, an internal error by its name), a number
    // beyond numeric (22003), nesting beyond its stack (54001): known first, then on a table that holds rows,
    // then beside known keys.
    let array = |id: u32| format!(r#"{{"idSale": {id}, "v": [{}0]}}"#, "0,".repeat(17_000_000));
    let deep = |id: u32| format!(r#"{{"idSale": {id}, "v": {}{}}}"#, "[".repeat(500_000), "]".repeat(500_000));
    let evo = Evo::new();
    for (i, run) in ["20260110T020501Z", "20260111T020501Z"].into_iter().enumerate() {
        let id = |n: u32| n + 10 * i as u32;
        let text = [
            format!(r#"{{"idSale": {}}}"#, id(1)),
            array(id(2)),
            r#"{"idSale": 1}"#.to_owned(),
            format!(r#"{{"idSale": {}, "v": 1e999999}}"#, id(3)),
            deep(id(4)),
            format!(r#"{{"idSale": {}}}"#, id(5)),
        ];
        write(&evo.lake(), &object("sales", run, "a").path(), &gz(text.join("\n").as_bytes()));
        let summary = evo.entity(&["load", "sales", "--max-rejects", "100%"]);
        assert_eq!(summary["rejected"], 3, "{summary}");
        let codes = "select line_number, sqlstate, octet_length(line) > 1000000 from evo.rejects \
            where path like '%'||'RUN'||'%' order by line_number";
        let expected = [["2", "XX000", "t"], ["4", "22003", "f"], ["5", "54001", "t"]];
        assert_eq!(evo.db.sql(&codes.replace("RUN", run)), expected);
    }
    let keys = "select string_agg(sale_id::text, ',' order by sale_id) from stg_evo.sales_raw";
    assert_eq!(evo.db.one(keys), "1,5,11,15");
}
