//! Addresses of pages: slugs of names that may be anything.

use sha2::{Digest, Sha256};

/// Letters of a name that its slug keeps, at most.
const KEPT: usize = 48;

/// The path of a file below the site's folder: `tables/core.evo_sales-1a2b3c4d5e.html`. Only of lowercase
/// letters, digits, `.`, `_`, `-` and `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SitePath(String);

impl SitePath {
    /// A page or an asset that every site has.
    pub(super) fn fixed(path: &'static str) -> Self {
        Self(path.to_owned())
    }

    /// The page of a table or view.
    pub(super) fn table(schema: &str, name: &str) -> Self {
        Self(format!("tables/{}.html", slug(&format!("{schema}.{name}"))))
    }

    /// The page of an entity.
    pub(super) fn entity(name: &str) -> Self {
        Self(format!("entities/{}.html", slug(name)))
    }

    /// The page of an execution.
    pub(super) fn run(id: &str) -> Self {
        Self(format!("runs/{}.html", slug(id)))
    }

    /// Relative to the site's folder.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The way from the page to the site's folder: empty, or `../`.
    pub(super) fn up(&self) -> &'static str {
        if self.0.contains('/') { "../" } else { "" }
    }

    /// The path in a list of files; `None` for a text that no site would have as a path.
    pub(super) fn listed(text: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let is_safe = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(is_plain);
        let parts: Vec<&str> = text.split('/').collect();
        (parts.len() <= 2 && parts.iter().all(|part| is_safe(part))).then(|| Self(text.to_owned()))
    }
}

/// A file name for any text. Two texts have two slugs, also where upper and lower case are the same.
fn slug(text: &str) -> String {
    let keep = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.' => c,
        _ => '-',
    };
    let kept: String = text.chars().take(KEPT).map(keep).collect();
    let kept = kept.trim_matches(['-', '.']);
    let digest: String = Sha256::digest(text.as_bytes())[..5].iter().map(|byte| format!("{byte:02x}")).collect();
    if kept.is_empty() { digest } else { format!("{kept}-{digest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_a_plain_file_name_whatever_the_name_is() {
        for text in
            ["<script>", "../../etc/passwd", "a/b\\c:d", "", "שלום", &"x".repeat(1000), "CON", ".hidden", "a\0b\n"]
        {
            let path = SitePath::table("core", text);
            assert_eq!(SitePath::listed(path.as_str()), Some(path.clone()), "{text:?}");
            assert!(path.as_str().len() < 90, "{path:?}");
            assert!(SitePath::listed(SitePath::entity(text).as_str()).is_some(), "{text:?}");
        }
        assert_ne!(SitePath::entity("Sales"), SitePath::entity("sales"));
        assert_ne!(
            SitePath::entity("Sales").as_str().to_lowercase(),
            SitePath::entity("sales").as_str().to_lowercase()
        );
        assert_ne!(SitePath::entity(&"x".repeat(99)), SitePath::entity(&"x".repeat(98)));
    }

    #[test]
    fn a_list_of_files_leads_nowhere_else() {
        for text in ["../x", "a/../b", "/etc/passwd", "a/b/c", ".ssh/id", "a//b", "", "C:x", "x\\y"] {
            assert_eq!(SitePath::listed(text), None, "{text:?}");
        }
        assert!(SitePath::listed("tables/core.evo_sales-0011223344.html").is_some());
    }
}
