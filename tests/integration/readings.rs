//! A batch of known keys reads its objects twice. Both readings must be of one version.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::support::{Evo, object, write};

const RUN_1: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";
/// Lines of an object: enough that the download is far from the middle when the first document is sent.
const LINES: usize = 60_000;

/// Documents of one length, so that every line of every version begins at the same byte. Those that the
/// second run brings again have another `v`.
fn document(id: usize, v: char) -> String {
    format!(r#"{{"idSale": {id:06}, "v": "{v}", "filling": "{}"}}"#, "x".repeat(60))
}

fn text(changed: &[(usize, usize)]) -> String {
    let line = |n: usize| match changed.iter().find(|(line, _)| *line == n) {
        // JSON knows no zeros in front of a number.
        Some((_, id)) => document(100_000 + id, 'b'),
        None => document(100_000 + n, 'a'),
    };
    (0..LINES).map(line).collect::<Vec<_>>().join("\n")
}

/// Objects of the second run have names of their own: they are not compared with those of the first.
fn path(run: &str) -> String {
    object("sales", run, if run == RUN_1 { "a" } else { "b" }).path().replace(".gz", "")
}

#[test]
fn an_object_that_is_overwritten_in_place_during_the_second_reading_leaves_no_row_with_anothers_document() {
    let evo = Evo::new();
    write(&evo.lake(), &path(RUN_1), text(&[]).as_bytes());
    evo.json(&["load", "sales", "--workers", "1"]);
    // The second run changes the first line and one in the middle. While its documents are sent, it is
    // overwritten: the line in the middle is another sale then.
    let middle = LINES / 2;
    write(&evo.lake(), &path(RUN_2), text(&[(0, 0), (middle, middle)]).as_bytes());
    let mut load = evo
        .command(&["load", "sales", "--workers", "1"])
        .env("EVO_FAILPOINTS", "load.after_document=sleep(1500)@1")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(load.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("failpoint load.after_document") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "no document was sent in a second reading");
    }
    let rewritten = text(&[(0, 0), (middle, LINES)]);
    let mut file = std::fs::File::options().write(true).open(evo.lake().join(path(RUN_2))).unwrap();
    file.write_all(rewritten.as_bytes()).unwrap();
    drop(file);
    let rest = std::io::read_to_string(stderr).unwrap();
    assert!(load.wait().unwrap().success(), "{rest}");
    let torn = "select count(*) from stg_evo.sales_raw where sale_id <> (raw_data ->> 'idSale')::bigint";
    assert_eq!(evo.db.one(torn), "0", "a row with the document of another\n{rest}");
    let changed =
        "select string_agg(sale_id::text, ',' order by sale_id) from stg_evo.sales_raw where raw_data ->> 'v' = 'b'";
    assert_eq!(evo.db.one(changed), format!("100000,{}", 100_000 + LINES), "the version that is there now\n{rest}");
}
