//! What separates the fields of a CSV file.

/// Characters that separate fields, likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The delimiter that occurs most often in a header, outside of quotes.
pub(super) fn delimiter(header: &[u8]) -> u8 {
    let mut counts = [0; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in header {
        match DELIMITERS.iter().position(|delimiter| delimiter == byte) {
            Some(i) if !is_quoted => counts[i] += 1,
            _ => is_quoted ^= *byte == b'"',
        }
    }
    let most = (0..DELIMITERS.len()).rev().max_by_key(|i| counts[*i]).unwrap_or(0);
    DELIMITERS[most]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_most_frequent_outside_of_quotes() {
        for (header, expected) in
            [("a,b;c,d", b','), ("a;b;c", b';'), ("a\tb", b'\t'), ("a|b", b'|'), ("a", b','), ("\"a,b,c\";d", b';')]
        {
            assert_eq!(delimiter(header.as_bytes()), expected, "{header}");
        }
    }
}
