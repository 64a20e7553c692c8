//! What users have: plain, gzip and zstd; NDJSON, arrays and CSV; whole and broken.

use std::path::Path;

use crate::support::{Database, Evo, Run, counts, gz, write};

const TOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy");
/// Documents as evo writes them for CSV: compact, in the order of the header, every value but the key a text.
const DOCUMENTS: [&str; 4] = [
    r#"{"idVisit":1,"at":"2024-03-18T06:12:45","note":"a, \"b\"\nc"}"#,
    r#"{"idVisit":-2,"at":null,"note":""}"#,
    r#"{"idVisit":9007199254740993,"at":"2024-03-18","note":"São João \\ \u0001"}"#,
    r#"{"idVisit":4,"at":null,"note":"[{},"}"#,
];
const CSV: &str = "idVisit,at,note\r\n1,2024-03-18T06:12:45,\"a, \"\"b\"\"\nc\"\r\n-2,,\"\"\r\n\
                   9007199254740993,2024-03-18,São João \\ \u{1}\r\n\"4\",,\"[{},\"";

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(text, 3).unwrap()
}

/// Halves the text and compresses each half: several members, or frames, in one object.
fn twice(compress: fn(&[u8]) -> Vec<u8>, text: &[u8]) -> Vec<u8> {
    let (one, two) = text.split_at(text.len() / 2);
    [compress(one), compress(two)].concat()
}

fn path(run: usize, file: &str) -> String {
    format!("bronze/evo/entity=visits/ingestion_date=2026-01-10/run_id=2026011{run}T020501Z/{file}")
}

/// The toy entity with an `[input]` of its own.
struct Toy {
    evo: Evo,
    extend: String,
}

impl Toy {
    fn new(input: &str) -> Self {
        let evo = Evo { dir: tempfile::tempdir().unwrap(), db: Database::bare() };
        std::fs::create_dir(evo.lake()).unwrap();
        let extend = evo.dir.path().join("toy");
        copy(Path::new(TOY), &extend);
        let toml = extend.join("models/visits/entity.toml");
        let declared = std::fs::read_to_string(&toml).unwrap();
        std::fs::write(&toml, format!("{declared}\n[input]\n{input}\n")).unwrap();
        let toy = Self { evo, extend: extend.display().to_string() };
        toy.evo.run(&["migrate", "--extend", &toy.extend]).exits(0);
        toy
    }

    fn write(&self, run: usize, file: &str, bytes: &[u8]) {
        write(&self.evo.lake(), &path(run, file), bytes);
    }

    #[track_caller]
    fn loads(&self) -> String {
        counts(&self.evo.entity(&["load", "visits", "--extend", &self.extend]))
    }

    fn load_with(&self, settings: &[(&str, &str)]) -> Run {
        let mut command = self.evo.command(&["load", "visits", "--extend", &self.extend]);
        command.envs(settings.iter().copied()).output().unwrap().into()
    }

    fn keys(&self) -> String {
        self.evo.db.one("select string_agg(visit_id::text, ',' order by visit_id) from stg_evo.visits_raw")
    }

    /// File name and reason of each quarantined object.
    fn quarantined(&self) -> Vec<Vec<String>> {
        self.evo.db.sql(
            "select regexp_replace(path, '.*/', ''), reason from evo.objects where state = 'quarantined' order by path",
        )
    }

    /// Line number, offset, kept line and reason of each reject.
    fn rejects(&self) -> Vec<Vec<String>> {
        self.evo.db.sql(
            "select line_number, byte_offset, encode(line, 'escape'), reason from evo.rejects order by path, line_number",
        )
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => std::fs::copy(entry.path(), target).map(|_| ()).unwrap(),
        }
    }
}

#[test]
fn every_compression_of_every_format_gives_the_same_documents() {
    let toy = Toy::new("");
    toy.write(0, "part.jsonl.gz", &gz(DOCUMENTS.join("\n").as_bytes()));
    assert_eq!(toy.loads(), "4/0/0/0/0 of 4");
    let first = toy.evo.db.sql("select visit_id, raw_data, _content_hash from stg_evo.visits_raw order by 1");
    let array = format!(" [\n  {}\n]\n", DOCUMENTS.join(" ,\n  "));
    let files = [("jsonl", DOCUMENTS.join("\r\n")), ("json", array), ("csv", CSV.to_owned())];
    for (run, compression) in [("", 1), (".gz", 2), (".zst", 3)].map(|(name, run)| (run, name)) {
        for (suffix, text) in &files {
            let bytes = match compression {
                ".gz" => twice(gz, text.as_bytes()),
                ".zst" => twice(zstd, text.as_bytes()),
                _ => text.as_bytes().to_vec(),
            };
            toy.write(run, &format!("part.{suffix}{compression}"), &bytes);
        }
        // The same bytes of a document give the same hash: nothing has changed three times.
        let summary = toy.evo.entity(&["load", "visits", "--extend", &toy.extend]);
        assert_eq!((summary["objects"].as_i64(), summary["lines"].as_i64()), (Some(3), Some(12)), "{compression}");
        assert_eq!((summary["inserted"].as_i64(), summary["updated"].as_i64()), (Some(0), Some(0)), "{compression}");
        counts(&summary);
    }
    assert_eq!(toy.evo.db.sql("select visit_id, raw_data, _content_hash from stg_evo.visits_raw order by 1"), first);
    toy.evo.json(&["transform", "visits", "--extend", &toy.extend]);
    assert_eq!(
        toy.evo.db.sql("select visit_id, at at time zone 'UTC' from core.visits where at is not null order by 1"),
        [["1", "2024-03-18 09:12:45"], ["9007199254740993", "2024-03-18 03:00:00"]]
    );
}

#[test]
fn fault_13_broken_objects_are_set_aside_with_their_reasons_and_the_others_load() {
    let toy = Toy::new("");
    let line = br#"{"idVisit": 1}"#;
    let flipped = |mut bytes: Vec<u8>, at: usize| {
        let at = bytes.len() - at;
        bytes[at] ^= 0x55;
        bytes
    };
    let cut = |bytes: Vec<u8>, by: usize| bytes[..bytes.len() - by].to_vec();
    let broken: [(&str, Vec<u8>, &str); 14] = [
        ("a-crc.jsonl.gz", flipped(gz(line), 6), "the gzip data is broken"),
        ("b-cut.jsonl.gz", cut(gz(line), 5), "the gzip data ends early"),
        (
            "c-trailing.jsonl.gz",
            [gz(line), b"garbage behind the last member".to_vec()].concat(),
            "the gzip data is broken",
        ),
        ("d-empty.jsonl.gz", Vec::new(), "it is empty"),
        ("e-header.jsonl.gz", flipped(gz(line), gz(line).len()), "its content is something else"),
        ("f-cut.jsonl.zst", cut(zstd(line), 3), "the zstd data ends early"),
        ("g-trailing.jsonl.zst", [zstd(line), b"garbage".to_vec()].concat(), "the zstd data is broken"),
        ("h-cut.json", br#"[{"idVisit": 1}, {"idVi"#.to_vec(), "ends within the element that begins at byte 17"),
        ("i-comma.json.gz", gz(br#"[{"idVisit": 1} {"idVisit": 2}]"#), "broken at byte 16"),
        ("j-more.json.zst", zstd(br#"[{"idVisit": 1}] [{"idVisit": 2}]"#), "nothing more should be there"),
        ("k-header.csv", b"idVisit,at,at\n1,,\n".to_vec(), "names 2 and 3 of the header are the same"),
        ("l-header.csv.gz", gz(b"idVisit,,at\n1,,\n"), "name 2 of the header is empty"),
        ("m-dialect.csv", b"idVisit;at\n1;2\n".to_vec(), "the header has no column \"idVisit\""),
        ("n-quote.csv.zst", zstd(b"idVisit,at\n1,\"x\n2,y\n"), "ends within a quoted field of row 1"),
    ];
    for (i, (name, bytes, _)) in broken.iter().enumerate() {
        toy.write(0, name, bytes);
        toy.write(0, &format!("{}-good.jsonl", &name[..1]), format!("{{\"idVisit\": {}}}", 100 + i).as_bytes());
    }
    // Whole, with little or nothing in them.
    toy.write(0, "x-1.jsonl", b"");
    toy.write(0, "x-2.json", b" [ ] ");
    toy.write(0, "x-3.csv", b"idVisit,at\n");
    toy.write(0, "x-4.csv", b"");
    toy.write(0, "x-5.jsonl.gz", &gz(b""));
    toy.write(0, "x-6.jsonl.zst", &zstd(b"\n\n"));
    toy.load_with(&[]).exits(6).says("set aside").says("b-cut.jsonl.gz");
    let quarantined = toy.quarantined();
    assert_eq!(quarantined.len(), broken.len(), "{quarantined:?}");
    for (row, (name, _, reason)) in quarantined.iter().zip(&broken) {
        assert!(row[0] == *name && row[1].contains(reason), "{row:?}, not {reason}");
    }
    let keys: Vec<String> = (100..100 + broken.len()).map(|key| key.to_string()).collect();
    assert_eq!(toy.keys(), keys.join(","));
    // Set aside is set aside: the next load reads none of it, and says so again.
    let again = toy.load_with(&[("EVO_OUTPUT", "json")]).exits(6).json();
    assert_eq!(counts(&again["entities"][0]), "0/0/0/0/0 of 0");
}

#[test]
fn fault_13_a_bomb_is_set_aside_with_its_ratio_and_the_setting() {
    let toy = Toy::new("");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &vec![b' '; 8 << 20]).unwrap();
    toy.write(0, "bomb.jsonl.gz", &encoder.finish().unwrap().repeat(9));
    toy.write(0, "good.jsonl.zst", &zstd(br#"{"idVisit": 1}"#));
    toy.load_with(&[]).exits(6);
    let quarantined = toy.quarantined();
    assert!(
        quarantined[0][0] == "bomb.jsonl.gz" && quarantined[0][1].contains("load.max_ratio (1000)"),
        "{quarantined:?}"
    );
    assert_eq!(toy.keys(), "1");
    // A setting raises the limit.
    toy.write(1, "honest.jsonl.gz", &std::fs::read(toy.evo.lake().join(path(0, "bomb.jsonl.gz"))).unwrap());
    toy.load_with(&[("EVO_LOAD_MAX_RATIO", "2000")]).exits(6).says("/bomb.jsonl.gz");
    assert_eq!(toy.quarantined().len(), 1);
}

#[test]
fn fault_14_bad_records_of_every_format_are_kept_as_they_stand_there_and_the_rest_loads() {
    let toy = Toy::new("");
    toy.write(0, "a.json", b"[{\"idVisit\": 1},\n {'idVisit': 2}, [3],\n{\"idVisit\": \"4\"}, {\"idVisit\": 5,\n \"at\": \"\\u0000\"}, {\"idVisit\": 6}]");
    toy.write(0, "b.csv", b"idVisit,at\n7,x,y\n8,\"a\" b\n9,\xff\n010,\n,x\n11,a\0b\n\"12\",\"x,\n\"\n");
    toy.load_with(&[]).exits(6).says("rejected");
    assert_eq!(toy.keys(), "1,6,12");
    let rejects = toy.rejects();
    let seen: Vec<[&str; 4]> =
        rejects.iter().map(|row| [row[0].as_str(), row[1].as_str(), row[2].as_str(), row[3].as_str()]).collect();
    let has = |i: usize, place: [&str; 3], reason: &str| {
        assert!(seen[i][..3] == place && seen[i][3].contains(reason), "{:?}, not {place:?} {reason}", seen[i]);
    };
    assert_eq!(seen.len(), 10, "{seen:?}");
    has(0, ["2", "18", "{'idVisit': 2}"], "not valid JSON");
    has(1, ["3", "34", "[3]"], "not a JSON object");
    has(2, ["4", "39", "{\"idVisit\": \"4\"}"], "the key idVisit is not an integer");
    has(3, ["5", "57", "{\"idVisit\": 5,\n \"at\": \"\\\\u0000\"}"], "\\u0000 cannot be stored");
    has(4, ["1", "11", "7,x,y"], "the row has 3 fields, the header 2");
    has(5, ["2", "17", "8,\"a\" b"], "field 2 has text after its closing quote");
    has(6, ["3", "25", "9,\\377"], "not valid UTF-8 at byte 3");
    has(7, ["4", "29", "010,"], "the key idVisit is not an integer");
    has(8, ["5", "34", ",x"], "no key: idVisit is missing or null");
    has(9, ["6", "37", "11,a\\000b"], "\\u0000 cannot be stored");
}

#[test]
fn fault_14_a_line_that_is_too_long_is_refused_with_its_beginning_and_the_rest_loads() {
    let toy = Toy::new("");
    let long = format!(r#"{{"idVisit": 2, "note": "{}"}}"#, "x".repeat(200_000));
    let (one, three) = (r#"{"idVisit": 1}"#, r#"{"idVisit": 3}"#);
    toy.write(0, "a.jsonl.gz", &gz([one, &long, three].join("\n").as_bytes()));
    toy.write(0, "b.json.zst", &zstd(format!("[{one},{long},{three}]").as_bytes()));
    toy.load_with(&[("EVO_LOAD_MAX_LINE_BYTES", "100KiB")]).exits(6);
    assert_eq!(toy.keys(), "1,3");
    let rejects = toy.rejects();
    for (reject, offset) in rejects.iter().zip(["15", "16"]) {
        assert_eq!(reject[..2], ["2", offset]);
        assert_eq!(reject[2], long[..65_536]);
        assert_eq!(
            reject[3],
            format!("the line has {} bytes, load.max_line_bytes allows 102400; the first 65536 are kept", long.len())
        );
    }
    assert_eq!(rejects.len(), 2);
    toy.write(1, "a.jsonl", long.as_bytes());
    assert_eq!(toy.loads(), "1/0/0/0/0 of 1");
}

#[test]
fn a_refused_row_is_corrected_as_a_row_or_as_a_document() {
    let toy = Toy::new("");
    toy.write(0, "a.csv", b"idVisit,note\n1,a\n2,b,c\n3\n4,d,\n");
    toy.load_with(&[]).exits(6);
    let file = toy.evo.dir.path().join("corrected.jsonl");
    let ids = toy.evo.db.sql("select reject_id from evo.rejects order by line_number");
    let correction = |i: usize, line: &str| {
        serde_json::json!({ "reject_id": ids[i][0].parse::<i64>().unwrap(), "line": line }).to_string()
    };
    let corrections =
        [correction(0, "2,\"b,c\""), correction(1, r#"{"idVisit": 3, "note": null}"#), correction(2, "4,d,,\n")];
    std::fs::write(&file, corrections.join("\n")).unwrap();
    let replay = ["rejects", "replay", "visits", "--extend", &toy.extend, "--file", file.to_str().unwrap()];
    toy.evo.run(&replay).exits(6).says("1 line is still refused");
    assert_eq!(
        toy.evo.db.sql("select visit_id, raw_data ->> 'note', _source_line from stg_evo.visits_raw order by 1"),
        [["1", "a", "1"], ["2", "b,c", "2"], ["3", "∅", "3"]]
    );
    assert_eq!(
        toy.evo.db.sql("select encode(line, 'escape'), reason from evo.rejects where resolved_at is null"),
        [["4,d,", "the row has 4 fields, the header 2"]]
    );
    // The corrections stand from now on, whichever way the objects are read.
    assert_eq!(
        counts(&toy.evo.entity(&["load", "visits", "--extend", &toy.extend, "--all-runs", "--max-rejects", "9"])),
        "0/0/3/0/1 of 4"
    );
}

#[test]
fn what_an_entity_declares_beats_name_and_content() {
    let toy =
        Toy::new("format = \"csv\"\ndelimiter = \";\"\nquote = \"'\"\ncompression = \"gzip\"\nsuffixes = [\".txt\"]");
    toy.write(0, "a.txt", &gz(b"idVisit;at\n1;'x;y'\n"));
    toy.write(0, "b.txt", b"idVisit;at\n2;x\n");
    toy.write(0, "c.txt", &zstd(b"idVisit;at\n3;x\n"));
    toy.write(0, "d.csv", &gz(b"idVisit;at\n4;x\n"));
    toy.load_with(&[]).exits(6);
    assert_eq!(toy.keys(), "1");
    assert_eq!(toy.evo.db.one("select raw_data ->> 'at' from stg_evo.visits_raw"), "x;y");
    assert_eq!(
        toy.quarantined(),
        [
            ["b.txt", "the entity declares compression gzip, but its content is something else"],
            ["c.txt", "the entity declares compression gzip, but it is zstd"],
        ]
    );
    let typo = Toy::new("");
    std::fs::write(Path::new(&typo.extend).join("models/visits/entity.toml"), "[input]\nformat = \"jsonl\"").unwrap();
    typo.load_with(&[]).exits(3).says("entity.toml");
}

#[test]
fn markers_manifests_and_unfinished_files_are_neither_read_nor_recorded() {
    let toy = Toy::new("");
    toy.write(0, "a.json", br#"[{"idVisit": 1}]"#);
    for name in ["_manifest.json", "_SUCCESS", ".a.json", "_temporary/0/b.json", "a.json.crc", "notes.txt"] {
        toy.write(0, name, b"[");
    }
    assert_eq!(toy.loads(), "1/0/0/0/0 of 1");
    assert_eq!(toy.evo.db.one("select count(*) from evo.objects"), "1");
}
