//! Rejects outside of the database: shown, exported, and read back corrected.
//!
//! A line that is text is a JSON string in `line`; one that is not valid UTF-8 is hexadecimal in `line_hex`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::error::{Error, Kind, Result};
use crate::ids::RejectId;
use crate::ledger::rejects::{self, RejectContent, RejectFilter};
use crate::pg::Pool;
use crate::report::{Outcome, units};
use crate::visible;

/// One reject with its content.
pub(super) fn show(content: &RejectContent) -> Outcome {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut text = format!(
        "{} line {} at byte {}: {}\n{}",
        visible::line(&content.path),
        content.line_number,
        content.byte_offset,
        content.reason,
        shown(&content.line)
    );
    if let Some(fixed) = &content.fixed_line {
        text += &format!("\ncorrected:\n{}", shown(fixed));
    }
    let mut json = to_json(content);
    if let Some(fixed) = &content.fixed_line {
        json["fixed_line"] = json!(shown(fixed));
    }
    Outcome::new(text, json)
}

/// Writes the open rejects to a new file.
pub(super) async fn export(pool: &Pool, filter: &RejectFilter, to: &Path) -> Result<Outcome> {
    let shown = to.display();
    let failed = |e: std::io::Error| Error::new(Kind::Usage, format!("cannot write {shown}: {e}")).caused_by(e);
    // They hold people's data: for this user alone. A link in the file's place is not followed.
    let file = File::options().write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    let mut writer = BufWriter::new(file);
    let count = rejects::export(pool, filter, |content| {
        serde_json::to_writer(&mut writer, &to_json(&content)).map_err(|e| failed(e.into()))?;
        writer.write_all(b"\n").map_err(failed)
    })
    .await?;
    writer.flush().map_err(failed)?;
    let text = format!(
        "{} written to {shown}; correct what \"line\" says, drop what you leave as it is, \
         then:\n  evo rejects replay --file {shown}",
        units::counted(count, "reject", "rejects")
    );
    Ok(Outcome::new(text, json!({ "rejects": count, "file": shown.to_string() })))
}

/// Reads corrected lines: `reject_id` and the new text of each.
pub(super) fn read(from: &Path) -> Result<Vec<(RejectId, Vec<u8>)>> {
    let shown = from.display();
    let file =
        File::open(from).map_err(|e| Error::new(Kind::Usage, format!("cannot read {shown}: {e}")).caused_by(e))?;
    let mut corrected = Vec::new();
    for (i, line) in BufReader::new(file).lines().enumerate() {
        let wrong = |what: &str| {
            Error::new(Kind::Usage, format!("{shown} line {}: {what}", i + 1))
                .hint("each line must be as `evo rejects export` writes it: {\"reject_id\": 17, \"line\": \"…\"}")
        };
        let line = line.map_err(|e| wrong(&e.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(&line).map_err(|e| wrong(&format!("not valid JSON: {e}")))?;
        let id = value["reject_id"].as_i64().map(RejectId).ok_or_else(|| wrong("no integer in reject_id"))?;
        let text = match (&value["line"], &value["line_hex"]) {
            (Value::String(text), _) => text.clone().into_bytes(),
            // A document in the place of its text is as clear.
            (document @ Value::Object(_), _) => document.to_string().into_bytes(),
            (_, Value::String(hex)) => from_hex(hex).ok_or_else(|| wrong("line_hex is not hexadecimal"))?,
            _ => return Err(wrong("no text in line")),
        };
        corrected.push((id, text));
    }
    Ok(corrected)
}

fn to_json(content: &RejectContent) -> Value {
    let mut json = json!({
        "reject_id": content.reject_id.0, "entity": content.entity, "path": content.path,
        "line_number": content.line_number, "byte_offset": content.byte_offset,
        "reason": content.reason, "sqlstate": content.sqlstate,
    });
    match std::str::from_utf8(&content.line) {
        Ok(text) => json["line"] = json!(text),
        Err(_) => json["line_hex"] = json!(to_hex(&content.line)),
    }
    json
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_way_through_hexadecimal() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        assert!(from_hex("abc").is_none() && from_hex("zz").is_none() && from_hex("é1").is_none());
    }

    #[test]
    fn a_file_of_corrections_is_read_or_its_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            let path = dir.path().join("fixed.jsonl");
            std::fs::write(&path, text).unwrap();
            super::read(&path)
        };
        let three = "{\"reject_id\": 1, \"line\": \"a\"}\n\n{\"reject_id\": 2, \"line_hex\": \
                     \"00ff\"}\n{\"reject_id\": 3, \"line\": {\"b\": 1}}";
        let expected =
            [(1, b"a".to_vec()), (2, vec![0, 255]), (3, b"{\"b\":1}".to_vec())].map(|(id, text)| (RejectId(id), text));
        assert_eq!(read(three).unwrap(), expected);
        for wrong in ["{", "{\"line\": \"a\"}", "{\"reject_id\": 1}", "{\"reject_id\": 1, \"line_hex\": \"0\"}"] {
            let error = read(&format!("\n{wrong}")).unwrap_err();
            assert!(error.message().contains("line 2"), "{wrong}: {}", error.message());
        }
    }
}
