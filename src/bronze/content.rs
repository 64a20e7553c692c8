//! Detects content that is not records of text at all, once per object and not on each of its lines.
//!
//! An object that is compressed twice, a spreadsheet, UTF-16 or noise would give thousands of rejected lines,
//! none of which says what is wrong. If a single line of the sample is a JSON document, the object is read
//! line by line as usual.

use serde::de::IgnoredAny;

/// Size of the sample, decompressed bytes.
pub(super) const SAMPLE_BYTES: usize = 64 * 1024;
/// A sample of fewer bytes proves nothing.
const ENOUGH_BYTES: usize = 32;

/// First bytes of files, and what such a file is.
const MAGIC: [(&[u8], &str); 15] = [
    (b"\x1f\x8b\x08", "compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"\x04\x22\x4d\x18", "compressed with lz4"),
    (b"\xff\x06\0\0sNaPpY", "compressed with snappy"),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"PAR1", "Parquet"),
    (b"Obj\x01", "Avro"),
    (b"ORC", "ORC"),
    (b"%PDF-", "PDF"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"Salted__", "encrypted (OpenSSL)"),
    (b"-----BEGIN PGP MESSAGE", "encrypted (PGP)"),
];

/// Why an object that begins with `sample` does not consist of records; `None` if it may. `is_inner` says
/// that the sample was decompressed.
pub(super) fn foreign(sample: &[u8], is_inner: bool) -> Option<String> {
    if let Some(what) = encoding(sample) {
        return Some(format!("its text is {what}, not UTF-8: write it in UTF-8"));
    }
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| begins_with(sample, magic)) {
        let is_compressed = what.starts_with("compressed");
        return Some(match is_compressed && is_inner {
            true => format!("its content is {what} again: it was compressed twice; decompress it once"),
            false => format!("its content is {what}, which is not read"),
        });
    }
    if sample.get(257..262) == Some(b"ustar") {
        return Some("its content is a tar archive, which is not read: put its files into the lake instead".to_owned());
    }
    (is_noise(sample) && !holds_document(sample))
        .then(|| "its content is not text: binary, encrypted, or in another encoding than UTF-8".to_owned())
}

/// Whether the sample begins with `magic`. Letters alone prove nothing if text follows: `ORCAMENTO` may be a
/// column of a CSV.
fn begins_with(sample: &[u8], magic: &[u8]) -> bool {
    let is_word = magic.iter().all(u8::is_ascii_alphanumeric);
    sample.starts_with(magic) && !(is_word && is_text(sample))
}

/// Valid UTF-8 without a zero byte. A character that the end of the sample cuts off is not an error.
fn is_text(sample: &[u8]) -> bool {
    let is_utf8 = std::str::from_utf8(sample).map_or_else(|e| e.error_len().is_none(), |_| true);
    is_utf8 && !sample.contains(&0)
}

/// UTF-16 or UTF-32, by its byte order mark or by the zero bytes between ASCII letters.
fn encoding(sample: &[u8]) -> Option<&'static str> {
    match sample {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some("UTF-16"),
        _ => {}
    }
    let is_letter = |b: u8| b.is_ascii_graphic() || b.is_ascii_whitespace();
    let share = |width: usize, place: usize| {
        let units = sample.chunks_exact(width).take(64);
        let total = units.len();
        let fits = units.filter(|unit| (0..width).all(|i| if i == place { is_letter(unit[i]) } else { unit[i] == 0 }));
        total >= 2 && fits.count() * 10 >= total * 9
    };
    if share(4, 0) || share(4, 3) {
        return Some("UTF-32");
    }
    (share(2, 0) || share(2, 1)).then_some("UTF-16")
}

/// Whether at least a tenth of the sample is what text does not hold: control characters, and bytes that are
/// not UTF-8. Valid UTF-8 without a zero byte is text whatever control characters it holds: some tools
/// separate fields with them.
fn is_noise(sample: &[u8]) -> bool {
    if sample.len() < ENOUGH_BYTES || is_text(sample) {
        return false;
    }
    let controls = sample.iter().filter(|b| b.is_ascii_control() && !b.is_ascii_whitespace()).count();
    let mut strange = controls;
    let mut rest = sample;
    while let Err(e) = std::str::from_utf8(rest) {
        // A character that the end of the sample cuts off is not an error.
        let Some(length) = e.error_len() else { break };
        strange += length;
        rest = &rest[e.valid_up_to() + length..];
    }
    strange * 10 >= sample.len()
}

fn holds_document(sample: &[u8]) -> bool {
    let is_document = |line: &[u8]| {
        let line = line.trim_ascii();
        line.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(line).is_ok()
    };
    sample.split(|b| *b == b'\n').any(is_document)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(bytes: usize) -> Vec<u8> {
        (0..bytes / 8).flat_map(|i| xxhash_rust::xxh3::xxh3_64(&i.to_le_bytes()).to_le_bytes()).collect()
    }

    #[test]
    fn content_that_is_not_records_is_named() {
        let text = "{\"idSale\": 1, \"observations\": \"ação\"}\n{\"idSale\": 2}\n".repeat(20);
        let utf16 = |of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<u8>>();
        let utf32 = |of: fn(u32) -> [u8; 4]| text.chars().flat_map(|c| of(u32::from(c))).collect::<Vec<u8>>();
        let mut tar = vec![b'a'; 300];
        tar[257..262].copy_from_slice(b"ustar");
        for (sample, says) in [
            (utf16(u16::to_le_bytes), "UTF-16"),
            (utf16(u16::to_be_bytes), "UTF-16"),
            ([&[0xff, 0xfe][..], &utf16(u16::to_le_bytes)].concat(), "UTF-16"),
            ([&[0xfe, 0xff][..], &utf16(u16::to_be_bytes)].concat(), "UTF-16"),
            (utf32(u32::to_le_bytes), "UTF-32"),
            (utf32(u32::to_be_bytes), "UTF-32"),
            ([&[0xff, 0xfe, 0, 0][..], &utf32(u32::to_le_bytes)].concat(), "UTF-32"),
            ([&b"\x1f\x8b\x08"[..], &noise(100)].concat(), "compressed twice"),
            (b"\x28\xb5\x2f\xfd____".to_vec(), "compressed twice"),
            (b"PK\x03\x04".to_vec(), "ZIP"),
            (b"PAR1abc\0".to_vec(), "Parquet"),
            (b"BZh91AY\x80".to_vec(), "bzip2"),
            (b"\xfd7zXZ\0".to_vec(), "xz"),
            (b"Salted__".to_vec(), "encrypted"),
            (tar, "tar"),
            (noise(10_000), "not text"),
        ] {
            let what = foreign(&sample, true).unwrap_or_default();
            assert!(what.contains(says), "{says}: {what:?}");
        }
        assert!(foreign(b"BZh91AY\x80", false).unwrap().contains("compressed with bzip2, which is not read"));
    }

    #[test]
    fn text_is_read_however_broken_its_lines_are() {
        let good = b"{\"idSale\": 1}\n";
        for sample in [
            b"".to_vec(),
            good.to_vec(),
            b"\xff\xfd\xfc".to_vec(),
            b"no json at all\nnor here\n".repeat(100),
            "ação\tem português; 日本語 🏋\n".repeat(100).into_bytes(),
            [&good[..], &noise(5_000)].concat(),
            "{\"a\": \""
                .bytes()
                .chain(std::iter::repeat_n(0xe7, 5))
                .chain(*b"........................................\"}")
                .collect(),
            vec![b' '; 1_000],
            b"\0".to_vec(),
            b"ORCAMENTO,BZh\n1,2\n".to_vec(),
            "1\x01Ana\x012026-01-10\n".repeat(100).into_bytes(),
            "ç".repeat(SAMPLE_BYTES / 2).into_bytes()[..SAMPLE_BYTES - 1].to_vec(),
        ] {
            assert_eq!(foreign(&sample, true), None, "{:?}", String::from_utf8_lossy(&sample[..sample.len().min(40)]));
        }
    }
}
