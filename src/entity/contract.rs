//! `[contract]`: what a change of the documents is worth.

use crate::declaration::{DeclaredKey, DeclaredTable, Document, KeyShape, names};
use crate::error::{Mistakes, Result};

/// The words for what happens.
const REACTIONS: [(&str, Reaction); 3] =
    [("ignore", Reaction::Ignore), ("warn", Reaction::Warn), ("fail", Reaction::Fail)];
const WORDS: KeyShape = KeyShape::Word(&["ignore", "warn", "fail"]);
/// The keys of `[contract]`.
pub(super) const CONTRACT_KEYS: &[DeclaredKey] = &[
    DeclaredKey::new("new_field", WORDS, "a field that no known document has; warn by default"),
    DeclaredKey::new("missing_field", WORDS, "a field that documents had, and none has any more; warn by default"),
    DeclaredKey::new("type_change", WORDS, "a JSON type that a known field never had; warn by default"),
    DeclaredKey::new("share", KeyShape::Text, "smallest share of the documents that matters, such as 2%"),
    DeclaredKey::new("ignore", KeyShape::Texts, "paths of fields that it does not concern, such as lines[].price"),
];

/// What happens when documents change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing.
    Ignore,
    /// The summary says so.
    Warn,
    /// Nothing is loaded or transformed.
    Fail,
}

/// What an entity expects of its documents.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldContract {
    /// A field that no known document has.
    pub new_field: Reaction,
    /// A field that documents had, and none has any more.
    pub missing_field: Reaction,
    /// A JSON type that a known field never had.
    pub type_change: Reaction,
    /// What concerns a smaller share of the documents, 0 to 1, is let through.
    pub share: f64,
    /// Paths of fields about which it says nothing, nor about what is inside of them.
    pub ignore: Vec<String>,
}

impl FieldContract {
    /// One that names every change.
    pub fn watchful() -> Self {
        Self {
            new_field: Reaction::Warn,
            missing_field: Reaction::Warn,
            type_change: Reaction::Warn,
            share: 0.0,
            ignore: Vec::new(),
        }
    }

    /// Whether nothing needs to be looked at.
    pub fn ignores_everything(&self) -> bool {
        [self.new_field, self.missing_field, self.type_change].iter().all(|reaction| *reaction == Reaction::Ignore)
    }

    /// Whether it says nothing about the field at this path.
    pub fn leaves_out(&self, path: &str) -> bool {
        let is_inside = |ignored: &str| path.strip_prefix(ignored).is_some_and(|rest| rest.starts_with(['.', '[']));
        self.ignore.iter().any(|ignored| path == ignored || is_inside(ignored))
    }
}

/// The contract of a declaration; `None` where there is none, or where it is wrong, which is a mistake.
pub(super) fn read(document: Document<'_>, mistakes: &mut Mistakes) -> Option<FieldContract> {
    // A text that is no TOML is a mistake already.
    let root = document.parse().ok()?;
    let known: Vec<&str> = root.get_ref().keys().map(|key| key.get_ref().as_ref()).collect();
    let top = DeclaredTable::new(document, ("the declaration", 0), root.get_ref(), &known).ok()?;
    let table = mistakes.keep(top.table("contract", &names(CONTRACT_KEYS)))??;
    let [new_field, missing_field, type_change] =
        ["new_field", "missing_field", "type_change"].map(|key| mistakes.keep(reaction(&table, key)));
    let share = mistakes.keep(share(&table));
    let ignore = mistakes.keep(table.texts("ignore"));
    Some(FieldContract {
        new_field: new_field?,
        missing_field: missing_field?,
        type_change: type_change?,
        share: share?,
        ignore: ignore?.unwrap_or_default().into_iter().map(str::to_owned).collect(),
    })
}

fn reaction(table: &DeclaredTable<'_>, key: &str) -> Result<Reaction> {
    let Some(word) = table.text(key)? else { return Ok(Reaction::Warn) };
    let known = REACTIONS.iter().find(|(name, _)| *name == word);
    known.map(|(_, reaction)| *reaction).ok_or_else(|| table.wrong(key, "ignore, warn or fail"))
}

fn share(table: &DeclaredTable<'_>) -> Result<f64> {
    let Some(text) = table.text("share")? else { return Ok(0.0) };
    let share = match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.trim().parse::<f64>(),
    };
    let is_share = |share: &f64| (0.0..=1.0).contains(share);
    share.ok().filter(is_share).ok_or_else(|| table.wrong("share", "a share of the documents such as \"2%\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Option<FieldContract>, Vec<String>) {
        let mut mistakes = Mistakes::default();
        let contract = read(Document { file: "entity.toml", text }, &mut mistakes);
        (contract, mistakes.all().iter().map(|mistake| mistake.message().to_owned()).collect())
    }

    #[test]
    fn what_a_contract_leaves_open_is_a_warning() {
        assert_eq!(of("name = \"a\""), (None, Vec::new()));
        assert_eq!(of("[contract]").0, Some(FieldContract::watchful()));
        let (contract, mistakes) =
            of("[contract]\nnew_field = \"fail\"\ntype_change = \"ignore\"\nshare = \"2%\"\nignore = [\"a.b\"]");
        assert_eq!(mistakes, Vec::<String>::new());
        let contract = contract.unwrap();
        assert_eq!(
            (contract.new_field, contract.type_change, contract.share),
            (Reaction::Fail, Reaction::Ignore, 0.02)
        );
        let left_out = ["a", "a.b", "a.b.c", "a.b[].d", "a.bc"].map(|path| contract.leaves_out(path));
        assert_eq!(left_out, [false, true, true, true, false]);
        assert!(!contract.ignores_everything());
    }

    #[test]
    fn every_mistake_in_a_contract_has_its_line() {
        let (contract, mistakes) =
            of("[contract]\nnew_fields = \"fail\"\ntype_change = \"stop\"\nshare = \"200%\"\nignore = 1");
        assert_eq!(contract, None);
        assert_eq!(mistakes, ["entity.toml:2: unknown key \"new_fields\" in contract of the declaration"]);
        let (_, mistakes) = of("[contract]\ntype_change = \"stop\"\nshare = \"200%\"\nignore = 1");
        assert_eq!(
            mistakes,
            [
                "entity.toml:2: type_change in contract of the declaration must be ignore, warn or fail",
                "entity.toml:3: share in contract of the declaration must be a share of the documents such as \"2%\"",
                "entity.toml:4: ignore in contract of the declaration must be a text or a list of texts",
            ]
        );
    }
}
