//! Patterns of paths as they are typed.

/// A pattern of SQL's `like` for a path in which `*` stands for anything.
pub(super) fn like(path: &str) -> String {
    path.chars().fold(String::new(), |mut pattern, c| {
        match c {
            '*' => pattern.push('%'),
            '%' | '_' | '\\' => pattern.extend(['\\', c]),
            _ => pattern.push(c),
        }
        pattern
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_star_stands_for_anything() {
        assert_eq!(like("*/a_b%c\\d?.gz"), "%/a\\_b\\%c\\\\d?.gz");
    }
}
