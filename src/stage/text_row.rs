//! Rows of a staging table in PostgreSQL's text COPY format.
//!
//! Citus hands text on as it is, and parses what is binary: a document would be parsed on the coordinator and
//! again on the server that keeps it.

use chrono::NaiveDate;

use super::time::instant;
use crate::ids::{BatchId, RowKey};

/// The columns of an object's rows that are all alike, with the tabs between them and the one behind.
pub(super) fn lineage(path: &str, run_id: &str, ingestion_date: Option<NaiveDate>, batch_id: BatchId) -> Vec<u8> {
    let mut text = Vec::new();
    for column in [path, run_id] {
        escape(column.as_bytes(), |piece| text.extend_from_slice(piece));
        text.push(b'\t');
    }
    let date = ingestion_date.map_or("\\N".to_owned(), |date| date.format("%Y-%m-%d").to_string());
    text.extend_from_slice(format!("{date}\t{}\t", batch_id.0).as_bytes());
    text
}

/// The columns before the lineage: the key, and its time in microseconds since 2000-01-01 UTC.
pub(super) fn key(id: &RowKey, micros: Option<i64>) -> Vec<u8> {
    let mut text = String::new();
    match id {
        RowKey::Integer(id) => text.push_str(&id.to_string()),
        RowKey::Uuid(id) => text.push_str(&id.to_string()),
        RowKey::Text(id) => {
            let mut bytes = Vec::new();
            escape(id.as_bytes(), |piece| bytes.extend_from_slice(piece));
            // Only whole characters were put in between.
            text = String::from_utf8(bytes).unwrap_or_default();
        }
    }
    text.push('\t');
    if let Some(micros) = micros {
        text.push_str(&format!("{}\t", instant(micros).format("%Y-%m-%d %H:%M:%S%.6f+00")));
    }
    text.into_bytes()
}

/// The columns between the lineage and the document.
pub(super) fn place(line_no: i64, hash: u128) -> Vec<u8> {
    format!("{line_no}\t{hash:032x}\t").into_bytes()
}

/// Gives a value in pieces, with what the format reserves escaped.
pub(super) fn escape(mut value: &[u8], mut put: impl FnMut(&[u8])) {
    while let Some(at) = value.iter().position(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r')) {
        put(&value[..at]);
        put(match value[at] {
            b'\\' => b"\\\\",
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            _ => b"\\r",
        });
        value = &value[at + 1..];
    }
    put(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(value: &str) -> String {
        let mut bytes = Vec::new();
        escape(value.as_bytes(), |piece| bytes.extend_from_slice(piece));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_the_format_reserves_is_escaped() {
        assert_eq!(escaped(r#"{"a":"x\ny\\",	"b": 1}"#), r#"{"a":"x\\ny\\\\",\t"b": 1}"#);
        assert_eq!(escaped("a\r\n"), "a\\r\\n");
        assert_eq!((escaped(""), escaped("é")), (String::new(), "é".to_owned()));
    }

    #[test]
    fn keys_times_and_lineage_are_texts_that_the_server_reads_back() {
        assert_eq!(key(&RowKey::Integer(-5), Some(1_500_000)), b"-5\t2000-01-01 00:00:01.500000+00\t");
        assert_eq!(key(&RowKey::Text("a\\b\tc".into()), None), b"a\\\\b\\tc\t");
        let of = |date| lineage("a/b", "r", date, BatchId(7));
        assert_eq!(of(None), b"a/b\tr\t\\N\t7\t");
        assert_eq!(of(NaiveDate::from_ymd_opt(2026, 1, 2)), b"a/b\tr\t2026-01-02\t7\t");
        assert_eq!(place(3, 0xab), b"3\t000000000000000000000000000000ab\t");
    }
}
