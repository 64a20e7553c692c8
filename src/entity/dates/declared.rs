//! The formats that an entity declares, checked.

use serde::Deserialize;
use toml::Spanned;

use super::conflict::{conflict, iso_8601};
use super::format::{DateFormat, refused};
use crate::error::{Context, Result};

/// The formats as they are declared, with their place in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct DeclaredDates(Vec<Spanned<String>>);

impl DeclaredDates {
    /// The formats of `file`, whose content is `text`. Those that only repeat ISO 8601 are left out.
    ///
    /// # Errors
    /// `Config` that names file and line of a format that is not understood, or that reads a text differently
    /// than ISO 8601 or another format does.
    pub(crate) fn check(self, file: &str, text: &str) -> Result<Vec<DateFormat>> {
        let iso = iso_8601();
        let mut formats: Vec<DateFormat> = Vec::new();
        for declared in self.0 {
            let line = text[..declared.span().start.min(text.len())].matches('\n').count() + 1;
            let at = format!("{file}:{line}");
            let format = DateFormat::parse(declared.get_ref()).context(&at)?;
            let others = iso.iter().map(|iso| ("ISO 8601", iso)).chain(formats.iter().map(|f| (f.text.as_str(), f)));
            if let Some((name, example)) =
                others.filter_map(|(name, other)| Some((name, conflict(&format, other)?))).next()
            {
                let reason = format!("and {name} read {example:?} as two different times");
                return Err(refused(&format.text, &reason, "keep the one in which documents are written").context(at));
            }
            if !iso.iter().any(|iso| iso.pieces == format.pieces) && !formats.contains(&format) {
                formats.push(format);
            }
        }
        Ok(formats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str) -> Result<Vec<DateFormat>> {
        #[derive(Deserialize)]
        struct File {
            dates: DeclaredDates,
        }
        let text = format!("# a comment\ndates = [\n{list}\n]");
        toml::from_str::<File>(&text).unwrap().dates.check("visits/entity.toml", &text)
    }

    #[test]
    fn a_format_that_is_not_understood_is_refused_with_file_and_line() {
        for (format, says) in [
            ("%d/%m/%y", "%y"),
            ("%d %b %Y", "language"),
            ("%d/%m/%Y %I:%M %p", "24 hours"),
            ("%d/%m", "whole day"),
            ("%d/%m/%Y %H", "whole time"),
            ("%d/%m/%Y %H:%M.%f", "whole time"),
            ("%d/%m/%Y%z", "whole time"),
            ("%d/%d/%m/%Y", "twice"),
            ("%-d%m%Y", "where one field ends"),
            ("%d/%m/%Y ", "blank"),
            ("%d/%m/%Y %H:%M%z.", "after its offset"),
            ("%d'%m'%Y", "holds \"'\""),
            ("%d/%m/2024", "digit"),
            ("%d/%m/%Y%", "ends in %"),
            ("", "whole day"),
        ] {
            let error = check(&format!("\"%d/%m/%Y\",\n{format:?}")).expect_err(format);
            assert!(error.message().starts_with("visits/entity.toml:4: "), "{}", error.render());
            assert!(error.render().contains(says), "{format}: {}", error.render());
        }
    }

    #[test]
    fn formats_that_contradict_each_other_or_iso_are_refused() {
        for (list, says) in [
            ("'%d/%m/%Y', '%m/%d/%Y'", "%d/%m/%Y"),
            ("'%-m/%-d/%Y', '%d/%m/%Y'", "%-m/%-d/%Y"),
            ("'%d/%m/%Y %H:%M', '%d/%m/%Y %M:%H'", "07:06"),
            ("'%Y-%d-%m'", "ISO 8601"),
            ("'%Y%d%m'", "ISO 8601"),
        ] {
            let error = check(list).expect_err(list);
            assert!(error.message().contains(says), "{}", error.render());
        }
        let texts = |list: &str| check(list).unwrap().into_iter().map(|format| format.text).collect::<Vec<_>>();
        assert_eq!(texts("'%Y-%m-%d', '%d/%m/%Y', '%d/%m/%Y', '%-d/%-m/%Y'"), ["%d/%m/%Y", "%-d/%-m/%Y"]);
        assert_eq!(texts("'%d%m%Y', '%d/%m/%Y %H:%M'"), ["%d%m%Y", "%d/%m/%Y %H:%M"]);
    }
}
