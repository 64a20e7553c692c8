//! Names of objects: the same text, byte for byte, in the listing, in the ledger and in the request.
//!
//! A name is what the lake calls the object. It is never encoded, decoded or normalized: `%3A` in a name is
//! three characters, and `ç` as one character and as two are different names. Only a request encodes it, for
//! the wire.

/// Longest path that the ledger's index can hold beside the other columns, bytes.
const MAX_PATH_BYTES: usize = 2_000;
/// Longest run id, bytes: it is in indexes together with the path.
const MAX_RUN_ID_BYTES: usize = 300;

/// Why an object of this path, with this run id in it, cannot be recorded in the ledger; `None` if it can.
pub(super) fn unusable(path: &str, run_id: Option<&str>) -> Option<String> {
    let bytes = path.len();
    if bytes > MAX_PATH_BYTES {
        return Some(format!("its path has {bytes} bytes, more than the {MAX_PATH_BYTES} that can be recorded"));
    }
    if let Some(n) = run_id.map(str::len).filter(|n| *n > MAX_RUN_ID_BYTES) {
        return Some(format!("its run_id has {n} bytes, more than the {MAX_RUN_ID_BYTES} that can be recorded"));
    }
    path.contains('\0').then(|| "its name has a zero byte, which no text in the database can hold".to_owned())
}

/// Why a blob cannot be requested; `None` if it can.
pub(super) fn unaskable(blob: &str) -> Option<String> {
    let dots = |segment: &str| matches!(segment, "." | "..");
    blob.split('/').any(dots).then(|| "its name has a segment . or .., which no URL can name".to_owned())
}

/// The name as the path of a URL. Everything is encoded that is not certain to stand for itself there.
pub(super) fn encoded(blob: &str) -> String {
    let mut path = String::with_capacity(blob.len() * 2);
    for byte in blob.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => path.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'/' | b'=' | b':' | b'@' | b',' | b';' | b'(' | b')' | b'!' | b'$' => {
                path.push(char::from(byte));
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

/// A value in the query of a URL.
pub(super) fn encoded_value(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Decodes percent-encoding, which a listing announces for names that XML cannot hold.
pub(super) fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut name = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
        match (bytes[at], code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'%', Some(byte)) => {
                name.push(byte);
                at += 3;
            }
            (byte, _) => {
                name.push(byte);
                at += 1;
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_survives_its_encoding(name in any::<String>()) {
            let wire = encoded(&name);
            prop_assert!(wire.is_ascii() && !wire.contains(['?', '#', ' ', '%', '\\']) || wire.contains('%'));
            prop_assert_eq!(decoded(&wire), name.as_bytes());
            // Parsing the URL, as a client does, must not change a byte.
            if unaskable(&name).is_none() {
                let url = url::Url::parse(&format!("http://host/container/{wire}")).unwrap();
                prop_assert_eq!(url.path(), format!("/container/{wire}"));
            }
        }
    }

    #[test]
    fn a_name_that_cannot_be_recorded_or_requested_is_reported() {
        for (path, says) in [("a/\0b", "zero byte"), (&"x".repeat(2_001)[..], "2001 bytes")] {
            assert!(unusable(path, None).unwrap().contains(says));
        }
        assert!(unusable("a", Some(&"r".repeat(301))).unwrap().contains("run_id"));
        assert_eq!(unusable("a\t%2F\u{301}//b~", Some("2026-01-11T02%3A05%3A01Z")), None);
        for blob in ["..", "a/./b", "../a", "a/.."] {
            assert!(unaskable(blob).is_some(), "{blob}");
        }
        assert_eq!(unaskable("a/.../b..c/.d//"), None);
    }

    #[test]
    fn a_percent_sign_that_encodes_nothing_stands_for_itself() {
        assert_eq!(decoded("%2"), b"%2");
        assert_eq!(decoded("100%"), b"100%");
        assert_eq!(decoded("%zz%EF%BF%BE"), "%zz\u{fffe}".as_bytes());
        assert_eq!(decoded("%é"), "%é".as_bytes());
    }
}
