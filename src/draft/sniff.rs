//! What separates the fields of a CSV file.

/// Characters that separate fields, likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The delimiter that occurs most often in a header, outside of quotes; `None` if there is none.
pub(super) fn delimiter(header: &[u8]) -> Option<u8> {
    let mut counts = [0; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in header {
        match DELIMITERS.iter().position(|delimiter| delimiter == byte) {
            Some(i) if !is_quoted => counts[i] += 1,
            _ => is_quoted ^= *byte == b'"',
        }
    }
    let most = (0..DELIMITERS.len()).rev().max_by_key(|i| counts[*i]).unwrap_or(0);
    (counts[most] > 0).then_some(DELIMITERS[most])
}

/// Whether a quote is not closed.
pub(super) fn is_open(header: &[u8]) -> bool {
    header.iter().filter(|byte| **byte == b'"').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_most_frequent_outside_of_quotes() {
        for (header, expected) in
            [("a,b;c,d", b','), ("a;b;c", b';'), ("a\tb", b'\t'), ("a|b", b'|'), ("\"a,b,c\";d", b';')]
        {
            assert_eq!(delimiter(header.as_bytes()), Some(expected), "{header}");
        }
        assert_eq!([delimiter(b"a"), delimiter(b"\"a;b\"")], [None, None]);
        assert_eq!([is_open(b"\"a"), is_open(b"\"a \"\"b\"\"\"")], [true, false]);
    }
}
