use std::io::Write;

use bytes::Bytes;
use flate2::write::GzEncoder;
use tokio::sync::mpsc;

use super::*;
use crate::bronze::records::KEPT_BYTES;
use crate::entity::Compression;

const LIMITS: Limits = Limits { line_bytes: 100_000, ratio: 500 };

fn gz(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(text, 3).unwrap()
}

/// An object as it arrives: in chunks of that many bytes.
fn object(name: &str, content: &[u8], chunk: usize) -> ChunkReader {
    let (sender, receiver) = mpsc::channel(content.len() + 2);
    for part in content.chunks(chunk) {
        sender.try_send(Ok(Bytes::copy_from_slice(part))).unwrap();
    }
    sender.try_send(Ok(Bytes::new())).unwrap();
    ChunkReader::new(name, receiver)
}

/// Number, offset and text of a line; a refused one with its reason.
type Seen = (i64, i64, Result<String, String>);

fn all(mut lines: Lines) -> Result<Vec<Seen>> {
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line()? {
        let text = String::from_utf8_lossy(line.bytes).into_owned();
        let raw = String::from_utf8_lossy(line.raw).into_owned();
        seen.push((line.number, line.offset, line.refused.map_or(Ok(text), |reason| Err(format!("{reason}: {raw}")))));
    }
    Ok(seen)
}

fn read(name: &str, content: &[u8]) -> Result<Vec<Seen>> {
    let expected = all(Lines::new(object(name, content, 100_000), &Input::default(), LIMITS));
    let chunks = if content.len() < 10_000 { [1, 2, 7] } else { [1_000, 4_099, 70_000] };
    for chunk in chunks {
        let seen = all(Lines::new(object(name, content, chunk), &Input::default(), LIMITS));
        match (&seen, &expected) {
            (Ok(seen), Ok(expected)) => assert_eq!(seen, expected, "in chunks of {chunk}"),
            (Err(seen), Err(expected)) => {
                // How far a decompressor got before it noticed depends on the chunks.
                let what = |error: &Error| error.message().split("(after").next().map(str::to_owned);
                assert_eq!(what(seen), what(expected), "in chunks of {chunk}");
            }
            _ => panic!("{seen:?} in chunks of {chunk}, but {expected:?}"),
        }
    }
    expected
}

#[track_caller]
fn corrupt(name: &str, content: &[u8]) -> String {
    let error = read(name, content).expect_err("read to its end");
    assert_eq!(error.kind(), Kind::SourceCorrupt);
    error.message().to_owned()
}

fn ok(number: i64, offset: i64, text: &str) -> Seen {
    (number, offset, Ok(text.to_owned()))
}

#[test]
fn lines_keep_number_and_offset_with_and_without_a_final_line_feed() {
    let expected = [ok(1, 0, "a"), ok(3, 3, "bc")];
    for text in [&b"a\n\nbc"[..], b"a\n\nbc\n", b"a\n\nbc\n\n  \n"] {
        assert_eq!(read("x.jsonl.gz", &gz(text)).unwrap(), expected);
        assert_eq!(read("x.jsonl.zst", &zstd(text)).unwrap(), expected);
        assert_eq!(read("x.jsonl", text).unwrap(), expected);
    }
    assert_eq!(read("x.jsonl", b"\n \n {}\n").unwrap(), [ok(3, 3, " {}")]);
    assert_eq!(read("x.jsonl", b"").unwrap(), []);
    assert_eq!(read("x.jsonl.gz", &gz(b"")).unwrap(), []);
    assert_eq!(read("x.jsonl.zst", &zstd(b" \n")).unwrap(), []);
}

#[test]
fn several_members_are_one_object_and_a_byte_order_mark_is_dropped() {
    let expected = [ok(1, 3, "a"), ok(2, 5, "bc"), ok(3, 8, "d\r")];
    for compress in [gz, zstd] {
        let two = [compress(b"\xef\xbb\xbfa\nb"), compress(b""), compress(b"c\nd\r\n")].concat();
        assert_eq!(read("x.jsonl", &two).unwrap(), expected);
    }
    let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9][..], &zstd(b"a")].concat();
    assert_eq!(read("x.zst", &skippable).unwrap(), [ok(1, 0, "a")]);
}

#[test]
fn the_content_says_how_it_is_compressed_whatever_the_name() {
    let line = [ok(1, 0, "{}")];
    for name in ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst"] {
        for content in [b"{}\n".to_vec(), gz(b"{}\n"), zstd(b"{}\n")] {
            assert_eq!(read(name, &content).unwrap(), line, "{name}");
        }
    }
}

#[test]
fn broken_cut_or_foreign_bytes_are_corrupt() {
    let whole = gz(b"{\"a\": 1}\nworld\n");
    let mut bad_crc = whole.clone();
    let crc = bad_crc.len() - 6;
    bad_crc[crc] ^= 1;
    let mut bad_header = whole.clone();
    bad_header[0] ^= 1;
    let framed = {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(&b"{\"a\": 1}\n".repeat(100)).unwrap();
        encoder.finish().unwrap()
    };
    let mut bad_checksum = framed.clone();
    *bad_checksum.last_mut().unwrap() ^= 1;
    for (name, content, reason) in [
        ("x.gz", whole[..whole.len() - 5].to_vec(), "ends early"),
        ("x.gz", whole[..7].to_vec(), "ends early"),
        ("x.gz", bad_crc, "is broken"),
        ("x.gz", bad_header, "promises compression gzip, but its content is something else"),
        ("x.gz", [whole.clone(), b"garbage behind it".to_vec()].concat(), "is broken"),
        ("x.gz", Vec::new(), "promises compression gzip, but it is empty"),
        ("x.zst", Vec::new(), "promises compression zstd, but it is empty"),
        ("x.zst", framed[..framed.len() - 6].to_vec(), "ends early"),
        ("x.zst", bad_checksum, "is broken"),
        ("x.zst", [framed.clone(), b"garbage".to_vec()].concat(), "is broken"),
    ] {
        let message = corrupt(name, &content);
        assert!(message.contains(reason), "{message}, not {reason}");
    }
}

#[test]
fn an_object_that_is_not_what_was_declared_is_corrupt() {
    let declared = |compression, format, content: &[u8]| {
        let input = Input { compression: Some(compression), format, ..Input::default() };
        all(Lines::new(object("x", content, 9), &input, LIMITS))
    };
    assert_eq!(declared(Compression::Zstd, None, &zstd(b"a")).unwrap(), [ok(1, 0, "a")]);
    assert_eq!(declared(Compression::Plain, None, b"").unwrap(), []);
    let array = Some(Format::Array);
    for (compression, format, content) in [
        (Compression::Gzip, None, b"{}".to_vec()),
        (Compression::Gzip, None, zstd(b"{}")),
        (Compression::Zstd, None, Vec::new()),
        (Compression::Plain, None, gz(b"{}")),
        (Compression::Plain, array, b"{}\n{}\n".to_vec()),
    ] {
        assert_eq!(declared(compression, format, &content).unwrap_err().kind(), Kind::SourceCorrupt, "{content:?}");
    }
    let ndjson = declared(Compression::Plain, Some(Format::Ndjson), b"[1]\n[2]").unwrap();
    assert_eq!(ndjson, [ok(1, 0, "[1]"), ok(2, 4, "[2]")], "lines of arrays are lines where that is declared");
}

#[test]
fn a_bomb_is_corrupt_and_repetitive_data_is_not() {
    let decompress = |content: &[u8], ratio| {
        let limits = Limits { ratio, ..LIMITS };
        all(Lines::new(object("x", content, 4096), &Input::default(), limits)).map(|lines| lines.len())
    };
    let same = vec![b'x'; 1 << 20];
    let gz = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let bomb = gz(&same).repeat(80);
    let error = decompress(&bomb, 200).unwrap_err();
    assert_eq!(error.kind(), Kind::SourceCorrupt);
    assert!(error.message().contains("load.max_ratio (200)"), "{}", error.message());
    assert_eq!(decompress(&bomb, 1_100).unwrap(), 1);
    let bomb = zstd(&same).repeat(80);
    assert!(decompress(&bomb, 1_100).unwrap_err().message().contains("load.max_ratio (1100)"));
    assert_eq!(decompress(&gz(&same).repeat(60), 200).unwrap(), 1, "nobody minds 60 MiB");
}

#[test]
fn a_zstd_window_that_needs_too_much_memory_is_refused_by_name() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(&[b'x'; 100]).unwrap();
    let content = encoder.finish().unwrap();
    assert!(corrupt("x.zst", &content).contains("window of more than 8 MiB"));
}

#[test]
fn a_line_that_is_too_long_is_refused_with_its_beginning_and_the_next_one_is_read() {
    for (length, is_refused) in [(100_000, false), (100_001, true), (130_000, true), (1_000_000, true)] {
        let long = "x".repeat(length);
        for text in [format!("{{}}\n{long}\n{{}}"), format!("[{{}},\n\"{}\",\n{{}}]", &long[2..])] {
            let seen = read("x.json", text.as_bytes()).unwrap();
            assert_eq!((seen.len(), seen[1].0, seen[2].0), (3, 2, 3));
            assert_eq!((&seen[0].2, &seen[2].2), (&Ok("{}".to_owned()), &Ok("{}".to_owned())));
            match &seen[1].2 {
                Ok(line) => assert!(!is_refused && line.len() == length),
                Err(refused) => {
                    let (reason, kept) = refused.split_once(": ").unwrap();
                    assert!(is_refused && kept.len() == KEPT_BYTES, "{}", kept.len());
                    assert!(reason.contains(&format!("has {length} bytes")), "{reason}");
                }
            }
        }
    }
}

#[test]
fn an_array_is_read_element_by_element_byte_for_byte() {
    let text =
        "\u{feff} \n[\n  {\"a\": [1, {\"b\": \"],}\\\"\"}],\r\n \"c\": 1.10}\t,\"te,xt\",-1.50,null ,[],{}\n]\n ";
    let expected: Vec<&str> =
        vec!["{\"a\": [1, {\"b\": \"],}\\\"\"}],\r\n \"c\": 1.10}", "\"te,xt\"", "-1.50", "null", "[]", "{}"];
    for content in [text.as_bytes().to_vec(), gz(text.as_bytes()), zstd(text.as_bytes())] {
        let seen = read("x.json", &content).unwrap();
        let texts: Vec<&str> = seen.iter().map(|line| line.2.as_deref().unwrap()).collect();
        assert_eq!(texts, expected);
        for (i, (number, offset, line)) in seen.iter().enumerate() {
            assert_eq!(*number, i as i64 + 1);
            assert!(text[*offset as usize..].starts_with(line.as_deref().unwrap()), "offset {offset}");
        }
    }
    assert_eq!(read("x.json", b" [ ] ").unwrap(), []);
    let long = format!("[{}]", vec!["{\"id\": 1}"; 100_000].join(","));
    assert_eq!(all(Lines::new(object("x", long.as_bytes(), 5_000), &Input::default(), LIMITS)).unwrap().len(), 100_000);
}

#[test]
fn a_bad_element_with_a_right_end_is_a_line_and_anything_else_breaks_the_array() {
    let texts = |text: &str| {
        read("x.json", text.as_bytes()).unwrap().into_iter().map(|line| line.2.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(
        texts("[{'a': 1}, {\"a\": }, nul, {\"b\": [}}, {}]"),
        ["{'a': 1}", "{\"a\": }", "nul", "{\"b\": [}}", "{}"]
    );
    for (text, reason) in [
        ("[{}, {}", "at byte 7: , or ] should be there, but the object ends"),
        ("[{},", "an element should be there, but the object ends"),
        ("[", "an element or ] should be there, but the object ends"),
        ("[{\"a\": 1", "ends within the element that begins at byte 1"),
        ("[{}, \"a", "ends within the element that begins at byte 5"),
        ("[{} {}]", "at byte 4: , or ] should be there, but there is something else"),
        ("[{},,{}]", "at byte 4: an element"),
        ("[,{}]", "at byte 1: an element or ]"),
        ("[{},]", "at byte 4: an element"),
        ("[{}}]", "at byte 3: , or ]"),
        ("[{}] x", "at byte 5: nothing more"),
        ("[1]\n[2]", "at byte 4: nothing more"),
        ("[{\"a\": \"x}, {\"b\": \"y\"}]", "ends within the element"),
    ] {
        let message = corrupt("x.json", text.as_bytes());
        assert!(message.contains(reason), "{text}: {message}, not {reason}");
    }
}

#[test]
fn only_the_name_or_a_declaration_makes_an_object_csv() {
    let text = b"id,name\n1,Ana\n";
    assert_eq!(read("x.csv", text).unwrap(), [ok(1, 8, "{\"id\":\"1\",\"name\":\"Ana\"}")]);
    assert_eq!(read("x.csv.gz", &gz(text)).unwrap().len(), 1);
    assert_eq!(read("x.jsonl", text).unwrap(), [ok(1, 0, "id,name"), ok(2, 8, "1,Ana")]);
    let input = Input { format: Some(Format::Csv), ..Input::default() };
    assert_eq!(all(Lines::new(object("x.txt", text, 3), &input, LIMITS)).unwrap().len(), 1);
    let input = Input { format: Some(Format::Ndjson), ..Input::default() };
    assert_eq!(all(Lines::new(object("x.csv", text, 3), &input, LIMITS)).unwrap().len(), 2);
}

#[test]
fn a_body_that_stops_without_its_end_mark_is_not_the_end_of_the_object() {
    for content in [gz(b"hello\n"), zstd(b"hello\n"), b"hello\n".to_vec()] {
        let (sender, receiver) = mpsc::channel(8);
        sender.try_send(Ok(Bytes::copy_from_slice(&content))).unwrap();
        drop(sender);
        let error = all(Lines::new(ChunkReader::new("x", receiver), &Input::default(), LIMITS)).unwrap_err();
        assert_eq!(error.kind(), Kind::SourceUnavailable);
    }
}

#[test]
fn zero_bytes_after_gzip_are_padding_and_anything_else_is_broken() {
    let expected = [ok(1, 0, "a"), ok(2, 2, "b")];
    let (one, two) = (gz(b"a\n"), gz(b"b\n"));
    for padding in [1, 2, 511, 70_000] {
        let zeros = vec![0; padding];
        let padded = [&one[..], &two, &zeros].concat();
        assert_eq!(read("x.jsonl.gz", &padded).unwrap(), expected, "{padding} behind");
        let between = [&one[..], &zeros, &two].concat();
        assert_eq!(read("x.jsonl.gz", &between).unwrap(), expected, "{padding} between");
    }
    for garbage in [&b"x"[..], b"\0\0x", b"\0trailing garbage", b"\x1f\x8b"] {
        corrupt("x.jsonl.gz", &[&one[..], garbage].concat());
    }
}

#[test]
fn content_that_is_not_records_is_one_reason_for_the_whole_object() {
    let text = "{\"idSale\": 1}\n".repeat(5_000);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let noise: Vec<u8> =
        (0..9_000_u64).flat_map(|i| xxhash_rust::xxh3::xxh3_64(&i.to_le_bytes()).to_le_bytes()).collect();
    for (content, says) in [
        (gz(text.as_bytes()), "compressed twice"),
        (zstd(text.as_bytes()), "compressed twice"),
        (utf16.clone(), "UTF-16"),
        ([&[0xff, 0xfe][..], &utf16].concat(), "UTF-16"),
        (noise.clone(), "not text"),
        (b"PK\x03\x04rest of it".to_vec(), "ZIP"),
    ] {
        let message = corrupt("x.jsonl.gz", &gz(&content));
        assert!(message.contains(says), "{says}: {message}");
        let message = corrupt("x.jsonl.zst", &zstd(&content));
        assert!(message.contains(says), "{says}: {message}");
    }
    for (content, says) in [(utf16, "UTF-16"), (noise, "not text"), (b"BZh91AY&SY\x80\0 rest".to_vec(), "bzip2")] {
        assert!(corrupt("x.jsonl", &content).contains(says), "{says}");
        // A name that promises gzip is held against the first bytes already, unless they could be JSON.
        let message = corrupt("x.jsonl.gz", &content);
        assert!(message.contains(says) || message.contains("promises compression gzip"), "{says}: {message}");
    }
    assert!(corrupt("x.jsonl.gz", b"PK\x03\x04rest of it").contains("ZIP"), "renamed");
}
