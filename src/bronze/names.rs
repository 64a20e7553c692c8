//! Names of objects: one text for each, from the listing through the ledger to the request, byte for byte.
//!
//! A name is what the lake calls the object. It is never encoded, decoded or normalized on the way: `%3A` in a name is
//! three characters, `ç` in one letter or in two are different names. Only a request encodes it, and only for the wire.

/// The longest path that the ledger's index can hold beside the other columns, bytes.
const MAX_PATH_BYTES: usize = 2_000;
/// The longest run id, bytes: it stands in indexes together with the path.
const MAX_RUN_ID_BYTES: usize = 300;

/// What cannot be kept or asked for under a name, if it is so. `path` is the whole of it, `run_id` what stands in it.
pub(super) fn unusable(path: &str, run_id: Option<&str>) -> Option<String> {
    let bytes = path.len();
    if bytes > MAX_PATH_BYTES {
        return Some(format!("its path has {bytes} bytes, more than the {MAX_PATH_BYTES} that can be kept of it"));
    }
    if let Some(n) = run_id.map(str::len).filter(|n| *n > MAX_RUN_ID_BYTES) {
        return Some(format!("its run_id has {n} bytes, more than the {MAX_RUN_ID_BYTES} that can be kept of it"));
    }
    path.contains('\0').then(|| "its name holds a zero byte, which no text in the database can hold".to_owned())
}

/// Why a blob cannot be asked for, if it cannot.
pub(super) fn unaskable(blob: &str) -> Option<String> {
    let dots = |segment: &str| matches!(segment, "." | "..");
    blob.split('/').any(dots).then(|| "its name holds a segment . or .., which no web address can name".to_owned())
}

/// The name as the path of a web address: everything is encoded that is not certain to mean itself there.
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

/// A value of a query.
pub(super) fn encoded_value(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Undoes percent-encoding, which a listing announces for names that XML cannot carry.
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
            // What a client makes of an address before it sends it must not change a byte.
            if unaskable(&name).is_none() {
                let url = url::Url::parse(&format!("http://host/container/{wire}")).unwrap();
                prop_assert_eq!(url.path(), format!("/container/{wire}"));
            }
        }
    }

    #[test]
    fn what_cannot_be_kept_or_asked_for_is_said() {
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
    fn an_odd_percent_sign_means_itself() {
        assert_eq!(decoded("%2"), b"%2");
        assert_eq!(decoded("100%"), b"100%");
        assert_eq!(decoded("%zz%EF%BF%BE"), "%zz\u{fffe}".as_bytes());
        assert_eq!(decoded("%é"), "%é".as_bytes());
    }
}
