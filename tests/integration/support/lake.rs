//! Bronze objects written by hand.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// One object: entity, date, run, file name.
pub struct Object<'a> {
    pub entity: &'a str,
    pub date: &'a str,
    pub run: &'a str,
    pub file: &'a str,
}

/// The usual object of a run: `object("sales", "20260110T020501Z", "2025-12_part-00001")`.
pub fn object<'a>(entity: &'a str, run: &'a str, file: &'a str) -> Object<'a> {
    Object { entity, date: "2026-01-10", run, file }
}

impl Object<'_> {
    /// Path below the lake.
    pub fn path(&self) -> String {
        format!(
            "bronze/evo/entity={}/ingestion_date={}/run_id={}/{}.jsonl.gz",
            self.entity, self.date, self.run, self.file
        )
    }

    /// Writes the lines joined with LF, without one behind the last, as the predecessor does.
    pub fn lines(&self, lake: &Path, lines: &[&str]) {
        write(lake, &self.path(), &gz(lines.join("\n").as_bytes()));
    }
}

pub fn gz(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub fn write(lake: &Path, path: &str, bytes: &[u8]) {
    let path = lake.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}
