//! A page of a container's listing, parsed from XML name by name: one that cannot be used does not hide the
//! others.
//!
//! <https://learn.microsoft.com/en-us/rest/api/storageservices/list-blobs#response-body>

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::names;

/// A blob, or a folder, in a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Blob {
    /// Its name, in lossy form if it is not text.
    pub name: String,
    /// Whether the name is not text, so the blob cannot be requested.
    pub is_garbled: bool,
    pub etag: String,
    pub size_bytes: u64,
    /// A folder of a hierarchical namespace, which is listed among the blobs.
    pub is_folder: bool,
}

impl Blob {
    /// Why it cannot be read; `None` if it can, as far as the listing shows.
    pub(super) fn unaskable(&self) -> Option<String> {
        match self.is_garbled {
            true => Some("its name is not text, so it can neither be recorded nor requested".to_owned()),
            // Another content of the same name would pass for the one that is known.
            false if self.etag.is_empty() => Some("the listing shows no etag, so its version is not known".to_owned()),
            false => names::unaskable(&self.name),
        }
    }
}

/// A page, and the marker of the next one.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    pub blobs: Vec<Blob>,
    pub next: Option<String>,
}

/// Parses the answer to a listing.
///
/// # Errors
/// The reason why the answer as a whole cannot be used.
pub(super) fn parse(xml: &[u8]) -> Result<Blobs, String> {
    let xml = xml.strip_prefix(b"\xef\xbb\xbf").unwrap_or(xml);
    let mut reader = Reader::from_reader(xml);
    let mut page = Blobs::default();
    let mut path: Vec<Vec<u8>> = Vec::new();
    let (mut blob, mut text, mut is_encoded) = (Blob::default(), Vec::new(), false);
    let mut is_listing = false;
    loop {
        match reader.read_event().map_err(|e| format!("its listing is not XML: {e}"))? {
            Event::Start(start) => {
                path.push(start.local_name().as_ref().to_vec());
                is_listing |= path.len() == 1 && path[0] == b"EnumerationResults";
                text.clear();
                match start.local_name().as_ref() {
                    b"Blob" => blob = Blob::default(),
                    b"Name" => {
                        let attribute = start.try_get_attribute("Encoded").ok().flatten();
                        is_encoded = attribute.is_some_and(|a| a.value.eq_ignore_ascii_case(b"true"));
                    }
                    _ => {}
                }
            }
            Event::Text(part) => text.extend_from_slice(&part),
            Event::CData(part) => text.extend_from_slice(&part),
            Event::GeneralRef(reference) => text.extend_from_slice(resolved(&reference).as_bytes()),
            Event::End(_) => {
                let ended = path.pop().unwrap_or_default();
                let parent = path.last().map_or(&b""[..], Vec::as_slice);
                match (parent, ended.as_slice()) {
                    (b"Blob", b"Name") => name(&mut blob, std::mem::take(&mut text), is_encoded),
                    (b"Properties", b"Etag") => blob.etag = lossy(&text),
                    (b"Properties", b"Content-Length") => {
                        blob.size_bytes =
                            lossy(&text).trim().parse().map_err(|_| "the size of a blob is not a number")?;
                    }
                    (b"Properties", b"ResourceType") => blob.is_folder = text == b"directory",
                    (b"Blobs", b"Blob") => page.blobs.push(std::mem::take(&mut blob)),
                    (_, b"NextMarker") => page.next = Some(lossy(&text)).filter(|marker| !marker.is_empty()),
                    _ => {}
                }
            }
            Event::Eof if is_listing && path.is_empty() => return Ok(page),
            Event::Eof => return Err("its listing is cut, or not a listing".to_owned()),
            _ => {}
        }
    }
}

fn name(blob: &mut Blob, text: Vec<u8>, is_encoded: bool) {
    let bytes = if is_encoded { names::decoded(&String::from_utf8_lossy(&text)) } else { text };
    match String::from_utf8(bytes) {
        Ok(name) => blob.name = name,
        Err(e) => (blob.name, blob.is_garbled) = (lossy(e.as_bytes()), true),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The character that `&amp;` or `&#xD;` stands for; an unknown reference stands for itself.
fn resolved(reference: &BytesRef<'_>) -> String {
    let name = lossy(reference);
    let by_name = match name.as_str() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    };
    let number = || match name.strip_prefix("#x").or(name.strip_prefix("#X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => name.strip_prefix('#')?.parse().ok(),
    };
    by_name.or_else(|| char::from_u32(number()?)).map_or_else(|| format!("&{name};"), String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &str) -> String {
        format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<EnumerationResults \
             ServiceEndpoint=\"http://x/\"><Prefix>a</Prefix>\
             <Blobs>{names}</Blobs><NextMarker>2!a&amp;b</NextMarker></EnumerationResults>"
        )
    }

    fn blob(name: &str) -> String {
        format!("<Blob>{name}<Properties><Etag>0x8D</Etag><Content-Length>12</Content-Length></Properties></Blob>")
    }

    #[test]
    fn names_are_kept_as_they_are() {
        let xml: String = [
            "<Name> a  b.jsonl </Name>",
            "<Name>&lt;a&gt; &amp;amp; &#x9;&#10;&#13; &quot;</Name>",
            "<Name>p%20q</Name>",
            "<Name Encoded=\"true\">x%EF%BF%BE%25</Name>",
            "<Name Encoded=\"true\">x%FF</Name>",
            "<Name>e\u{301}//~</Name>",
        ]
        .map(blob)
        .concat();
        let page = parse(listing(&xml).as_bytes()).unwrap();
        let names: Vec<&str> = page.blobs.iter().map(|b| b.name.as_str()).collect();
        let expected = [" a  b.jsonl ", "<a> &amp; \t\n\r \"", "p%20q", "x\u{fffe}%", "x\u{fffd}", "e\u{301}//~"];
        assert_eq!(names, expected);
        let garbled: Vec<bool> = page.blobs.iter().map(|b| b.is_garbled).collect();
        assert_eq!(garbled, [false, false, false, false, true, false]);
        let unaskable: Vec<bool> = page.blobs.iter().map(|b| b.unaskable().is_some()).collect();
        assert_eq!(unaskable, garbled);
        assert!(page.blobs.iter().all(|b| b.size_bytes == 12 && b.etag == "0x8D"));
        assert_eq!(page.next.as_deref(), Some("2!a&b"));
    }

    #[test]
    fn a_folder_of_a_hierarchical_namespace_is_told_apart() {
        let xml = "<Blob><Name>f</Name><Properties><Content-Length>0</Content-Length>\
            <ResourceType>directory</ResourceType></Properties></Blob>";
        assert!(parse(listing(xml).as_bytes()).unwrap().blobs[0].is_folder);
    }

    #[test]
    fn a_blob_without_an_etag_is_not_read_because_its_versions_could_not_be_told_apart() {
        let xml = "<Blob><Name>a</Name><Properties><Content-Length>12</Content-Length></Properties></Blob>";
        let page = parse(listing(xml).as_bytes()).unwrap();
        assert!(page.blobs[0].unaskable().unwrap().contains("no etag"));
    }

    #[test]
    fn a_listing_that_is_not_whole_is_refused() {
        let whole = listing(&blob("<Name>a</Name>"));
        for text in [&whole[..whole.len() - 30], "<html></html>", "", "{}", "<a><b></a>"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
