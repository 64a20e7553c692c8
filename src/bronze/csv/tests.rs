use bytes::Bytes;
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::*;
use crate::bronze::{ChunkReader, Limits, Lines};

fn input() -> Input {
    Input { needed_columns: vec!["id".into()], integer_column: Some("id".into()), ..Input::default() }
}

/// A row's document, or what a reject keeps and why.
type Row = Result<String, (String, String)>;

fn read_as(input: &Input, text: &[u8], chunk: usize) -> Result<Vec<Row>> {
    let (sender, receiver) = mpsc::channel(text.len() + 2);
    for part in text.chunks(chunk) {
        sender.try_send(Ok(Bytes::copy_from_slice(part))).unwrap();
    }
    sender.try_send(Ok(Bytes::new())).unwrap();
    let mut lines = Lines::new(ChunkReader::new("x.csv", receiver), input, Limits { line_bytes: 2_000, ratio: 500 });
    let mut rows = Vec::new();
    while let Some(line) = lines.next_line()? {
        let raw = String::from_utf8_lossy(line.raw).into_owned();
        assert_eq!(line.number, rows.len() as i64 + 1);
        assert!(text[line.offset as usize..].starts_with(line.raw), "row {} is not at {}", line.number, line.offset);
        rows.push(match line.refused {
            None => Ok(String::from_utf8_lossy(line.bytes).into_owned()),
            Some(reason) => Err((reason, raw)),
        });
    }
    Ok(rows)
}

fn read(text: &str) -> Vec<Row> {
    let rows = read_as(&input(), text.as_bytes(), 10_000).unwrap();
    for chunk in [1, 3] {
        assert_eq!(read_as(&input(), text.as_bytes(), chunk).unwrap(), rows, "in chunks of {chunk}");
    }
    rows
}

fn corrupt(input: &Input, text: &[u8]) -> String {
    let error = read_as(input, text, 5).expect_err("read to its end");
    assert_eq!(error.kind(), Kind::SourceCorrupt);
    error.message().to_owned()
}

fn documents(rows: &[&str]) -> Vec<Row> {
    rows.iter().map(|row| Ok((*row).to_owned())).collect()
}

#[test]
fn a_row_becomes_an_object_of_strings_in_the_order_of_the_header() {
    let rows = [r#"{"id":1,"na\"me":"Ana","at":"2024-01-01"}"#, r#"{"id":2,"na\"me":"São João","at":" x "}"#];
    for text in [
        "id,\"na\"\"me\",at\n1,Ana,2024-01-01\n2,São João, x \n",
        "\u{feff}id,\"na\"\"me\",at\r\n1,Ana,2024-01-01\r\n2,\"São João\", x ",
        "\n\nid,na\"me,at\r1,\"Ana\",2024-01-01\r\r\n\n\"2\",São João,\" x \"\r\n\r\n",
    ] {
        assert_eq!(read(text), documents(&rows), "{text:?}");
    }
    for empty in ["", "\n\n", "id,name", "id,name\n", "id,name\r\n\r\n"] {
        assert_eq!(read(empty), [], "{empty:?}");
    }
}

#[test]
fn quotes_hold_delimiters_line_feeds_and_quotes() {
    let text =
        "id,t\n1,\"a,b\"\n2,\"a\r\nb\n\"\n3,\"he said \"\"hi\"\"\"\n4,\"\"\"\"\n5,5\" disk\n6,back\\slash\t\u{1}\n";
    let rows = [
        r#"{"id":1,"t":"a,b"}"#,
        r#"{"id":2,"t":"a\r\nb\n"}"#,
        r#"{"id":3,"t":"he said \"hi\""}"#,
        r#"{"id":4,"t":"\""}"#,
        r#"{"id":5,"t":"5\" disk"}"#,
        r#"{"id":6,"t":"back\\slash\t\u0001"}"#,
    ];
    assert_eq!(read(text), documents(&rows));
}

#[test]
fn an_empty_field_is_null_and_an_empty_text_in_quotes_is_a_text() {
    assert_eq!(
        read("id,a,b\n1,,\"\"\n2,\"\",\n"),
        documents(&[r#"{"id":1,"a":null,"b":""}"#, r#"{"id":2,"a":"","b":null}"#])
    );
}

#[test]
fn the_key_is_a_number_where_it_is_a_plain_integer_and_nothing_else_is() {
    for (field, value) in [
        ("42", "42"),
        ("\"42\"", "42"),
        ("0", "0"),
        ("-7", "-7"),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "\"9223372036854775808\""),
        ("007", "\"007\""),
        ("-0", "\"-0\""),
        ("+1", "\"+1\""),
        ("1.0", "\"1.0\""),
        ("1e3", "\"1e3\""),
        (" 1", "\" 1\""),
        ("-", "\"-\""),
        ("", "null"),
    ] {
        assert_eq!(read(&format!("id,n\n{field},5\n")), documents(&[&format!("{{\"id\":{value},\"n\":\"5\"}}")]));
    }
}

#[test]
fn a_delimiter_and_a_quote_of_ones_own() {
    let input = Input { delimiter: b';', quote: b'\'', ..input() };
    let rows = read_as(&input, b"id;t\n1;'a;\"''b'\n2;a,b\n", 4).unwrap();
    assert_eq!(rows, documents(&[r#"{"id":1,"t":"a;\"'b"}"#, r#"{"id":2,"t":"a,b"}"#]));
    let tabs = Input { delimiter: b'\t', ..self::input() };
    assert_eq!(read_as(&tabs, b"id\tt\n1\tx\n", 4).unwrap(), documents(&[r#"{"id":1,"t":"x"}"#]));
}

#[test]
fn a_row_that_does_not_fit_is_refused_verbatim_and_the_next_one_is_read() {
    let text = "id,a,b\n1,2\n1,\"x\n\",3,4\r\n1,\"he said \"hi\" to me\",3\n1,\"x\" ,3\n5,x,y\n";
    let refused = |reason: &str, raw: &str| Err((reason.to_owned(), raw.to_owned()));
    assert_eq!(
        read(text),
        [
            refused("the row has 2 fields, the header 3", "1,2"),
            refused("the row has 4 fields, the header 3", "1,\"x\n\",3,4"),
            refused("field 2 has text after its closing quote", "1,\"he said \"hi\" to me\",3"),
            refused("field 2 has text after its closing quote", "1,\"x\" ,3"),
            Ok(r#"{"id":5,"a":"x","b":"y"}"#.to_owned()),
        ]
    );
    let bytes = read_as(&input(), b"id,a\n1,\xff\n2,x\n", 4).unwrap();
    assert_eq!(bytes[0].as_ref().unwrap_err().0, "not valid UTF-8 at byte 3 of the row");
    assert!(bytes[1].is_ok());
}

#[test]
fn a_header_that_names_no_documents_breaks_the_object() {
    for (text, reason) in [
        (&b"id,,b\n1,2,3\n"[..], "name 2 of the header is empty"),
        (b"id,a,\n", "name 3 of the header is empty"),
        (b"id,a,id\n", "names 1 and 3 of the header are the same"),
        (b"id,\xff\n", "name 2 of the header is not valid UTF-8"),
        (b"id,\"a\"b\n", "name 2 of the header has text after its closing quote"),
        (b"id;a\n1;2\n", "no column \"id\", which the key needs; 1 names were read with the delimiter ','"),
        (b"1,Ana\n2,Rui\n", "no column \"id\""),
        (b"id,\"a", "ends within a quoted field of the header"),
    ] {
        let message = corrupt(&input(), text);
        assert!(message.contains(reason), "{message}, not {reason}");
    }
    let wide = vec!["x"; MAX_COLUMNS + 1].join(",");
    assert!(corrupt(&input(), &[wide.as_bytes(), b"\n"].concat()).contains("longer than load.max_line_bytes"));
}

#[test]
fn a_quote_that_is_never_closed_breaks_the_object() {
    for text in ["id,a\n1,x\n2,\"y\n3,z\n", "id,a\n1,\"x\"\"", "id,a\n1,2,\"x\n"] {
        assert!(corrupt(&input(), text.as_bytes()).contains("ends within a quoted field of row"), "{text}");
    }
    let far = format!("id,a\n1,\"x\n{}2,\"y\"\n", "3,z\n".repeat(1_000));
    assert!(corrupt(&input(), far.as_bytes()).contains("row 1 at byte 5 is longer than load.max_line_bytes"));
}

#[test]
fn a_million_delimiters_cost_no_memory() {
    let text = format!("id,a\n{}\n7,x\n", ",".repeat(1_900));
    let rows = read(&text);
    assert_eq!(rows[0].as_ref().unwrap_err().0, "the row has 1901 fields, the header 2");
    assert_eq!(rows[1], documents(&[r#"{"id":7,"a":"x"}"#])[0]);
}

proptest! {
    /// Whatever a writer of RFC 4180 writes comes out as it went in.
    #[test]
    fn what_was_written_is_read(
        rows in proptest::collection::vec(
            proptest::collection::vec(proptest::option::of("[a-c,;\"'\\\\\r\n\u{1}é ]{0,6}"), 2), 0..6),
        chunk in 1_usize..40,
        feed in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        last in any::<bool>(),
    ) {
        let mut text = format!("id,a,b{feed}");
        let mut expected = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            let fields = row.iter().map(|field| match field {
                None => String::new(),
                Some(value) => format!("\"{}\"", value.replace('"', "\"\"")),
            });
            text += &format!("{i},{}", fields.collect::<Vec<_>>().join(","));
            if last || i + 1 < rows.len() {
                text += feed;
            }
            expected.push(serde_json::json!({ "id": i, "a": row[0], "b": row[1] }));
        }
        let read = read_as(&input(), text.as_bytes(), chunk).unwrap();
        let read: Vec<serde_json::Value> =
            read.into_iter().map(|row| serde_json::from_str(&row.unwrap()).unwrap()).collect();
        prop_assert_eq!(read, expected);
    }
}
