//! What breaks a contract.

use super::counts::FieldCounts;
use super::known::KnownFields;
use super::place::SampledLine;
use crate::counted::counted;
use crate::entity::{Entity, FieldContract, Reaction};
use crate::error::{Error, Kind};
use crate::visible;

/// Documents that would have to have a field before it counts as missing that none of them does: chance alone
/// gives none of ten expected ones once in 20,000 times.
const EXPECTED: f64 = 10.0;
/// Breaches that an error lists.
const SHOWN: usize = 10;

/// The rule of a contract that documents break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenRule {
    /// A field that no known document has.
    NewField,
    /// A JSON type that a known field never had.
    TypeChange,
    /// A field that documents had, and none has any more.
    MissingField,
}

impl BrokenRule {
    /// Its key in a declaration.
    pub fn word(self) -> &'static str {
        match self {
            Self::NewField => "new_field",
            Self::TypeChange => "type_change",
            Self::MissingField => "missing_field",
        }
    }
}

/// Something in which documents differ from what is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// The rule that it breaks.
    pub rule: BrokenRule,
    /// What the contract says about that.
    pub reaction: Reaction,
    /// Path of the field: `lines[].price`.
    pub path: String,
    /// The new JSON type; empty for a missing field.
    pub json_type: String,
    /// The types that it had before.
    pub known_types: Vec<String>,
    /// Documents that have the field, or the new type.
    pub documents: u64,
    /// Documents that were looked at.
    pub of: u64,
    /// The share of known documents that have the field, 0 to 1; 0 for a new one.
    pub before: f64,
    /// The first of these documents; `None` for a missing field.
    pub first: Option<SampledLine>,
}

impl Breach {
    /// In one line: what, how many documents, and where first.
    pub fn line(&self) -> String {
        let Self { path, json_type, known_types, documents, of, before, .. } = self;
        let path = visible::line(path);
        let documents = format!("{documents} of {}", counted(*of, "document", "documents"));
        let text = match self.rule {
            BrokenRule::NewField => format!("new field {path} ({json_type}) in {documents}"),
            BrokenRule::TypeChange => {
                format!("{path} is {json_type} in {documents} (was {})", known_types.join(", "))
            }
            BrokenRule::MissingField => {
                format!("{path} is in {documents}; before, {:.0} % had it", before * 100.0)
            }
        };
        match &self.first {
            Some(at) => format!("{text}, first in {} line {}", visible::line(&at.source_file), at.source_line),
            None => text,
        }
    }
}

/// What documents break of a contract, by path. `known` is what was recorded of the entity, `before` what the
/// documents that it has already are like. Where neither says anything, nothing is known and nothing broken.
pub fn breaches(contract: &FieldContract, known: &KnownFields, before: &FieldCounts, now: &FieldCounts) -> Vec<Breach> {
    let sides = Sides { contract, known, before, now, are_data: now.crowded().into_iter().collect() };
    if known.is_empty() && before.documents() == 0 {
        return Vec::new();
    }
    let mut found = sides.new_fields_and_types();
    found.extend(sides.missing_fields());
    found.retain(|breach| breach.reaction != Reaction::Ignore);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// What is compared.
struct Sides<'a> {
    contract: &'a FieldContract,
    known: &'a KnownFields,
    before: &'a FieldCounts,
    now: &'a FieldCounts,
    /// Objects whose names are data.
    are_data: Vec<&'a str>,
}

impl Sides<'_> {
    fn is_known(&self, path: &str) -> bool {
        path.is_empty() || self.known.types(path).is_some() || self.before.get(path).is_some()
    }

    fn known_types(&self, path: &str) -> Vec<String> {
        let mut types: Vec<String> = self.known.types(path).unwrap_or_default().to_vec();
        let before = self.before.get(path).into_iter().flat_map(|field| field.types.keys());
        types.extend(before.map(|json_type| (*json_type).to_owned()));
        types.sort();
        types.dedup();
        types
    }

    /// Whether the contract says nothing about a field: it is left out, or its name is data.
    fn is_exempt(&self, path: &str) -> bool {
        let is_data = |object: &str| self.known.is_crowded(object) || self.are_data.contains(&object);
        let objects = path.match_indices(['.', '[']).map(|(at, _)| &path[..at]);
        self.contract.leaves_out(path) || is_data("") || objects.into_iter().any(is_data)
    }

    fn new_fields_and_types(&self) -> Vec<Breach> {
        let of = self.now.documents();
        let mut found = Vec::new();
        for (path, field) in self.now.fields().filter(|(path, _)| !self.is_exempt(path)) {
            let (is_known, known_types) = (self.is_known(path), self.known_types(path));
            // What is inside of a new field is new with it.
            if !is_known && !self.is_known(FieldCounts::parent(path, field)) {
                continue;
            }
            let (rule, reaction) = match is_known {
                true => (BrokenRule::TypeChange, self.contract.type_change),
                false => (BrokenRule::NewField, self.contract.new_field),
            };
            for (json_type, (documents, first)) in &field.types {
                let is_new = !known_types.iter().any(|known| known == json_type);
                if is_new && *documents as f64 >= self.contract.share * of as f64 {
                    found.push(Breach {
                        rule,
                        reaction,
                        path: path.to_owned(),
                        json_type: (*json_type).to_owned(),
                        known_types: known_types.clone(),
                        documents: *documents,
                        of,
                        before: 0.0,
                        first: Some(first.clone()),
                    });
                }
            }
        }
        found
    }

    fn missing_fields(&self) -> Vec<Breach> {
        let (of, before) = (self.now.documents(), self.before.documents().max(1));
        let mut found = Vec::new();
        for (path, field) in self.before.fields().filter(|(path, _)| !self.is_exempt(path)) {
            let share = field.documents as f64 / before as f64;
            let parent = FieldCounts::parent(path, field);
            // What was inside of a missing field is missing with it.
            let is_inside = !parent.is_empty() && self.now.get(parent).is_none();
            let matters = share * of as f64 >= EXPECTED && share >= self.contract.share;
            if matters && !is_inside && self.now.get(path).is_none() {
                found.push(Breach {
                    rule: BrokenRule::MissingField,
                    reaction: self.contract.missing_field,
                    path: path.to_owned(),
                    json_type: String::new(),
                    known_types: self.known_types(path),
                    documents: 0,
                    of,
                    before: share,
                    first: None,
                });
            }
        }
        found
    }
}

/// The error for breaches that the contract of an entity does not let through, `CheckFailed`. `None` if
/// there is none. `done` says what was not done.
pub fn failure(entity: &Entity, breaches: &[Breach], (command, done): (&str, &str)) -> Option<Error> {
    let fatal: Vec<&Breach> = breaches.iter().filter(|breach| breach.reaction == Reaction::Fail).collect();
    if fatal.is_empty() {
        return None;
    }
    let name = &entity.name;
    let mut lines: Vec<String> = fatal.iter().take(SHOWN).map(|breach| breach.line()).collect();
    if fatal.len() > SHOWN {
        lines.push(format!("and {} more", fatal.len() - SHOWN));
    }
    let count = counted(fatal.len() as u64, "change of the documents breaks", "changes of the documents break");
    let message = format!("{count} the contract; nothing was {done}");
    Some(Error::new(Kind::CheckFailed, message).detail(lines.join("\n")).hint(format!(
        "correct the source; or take the change into the model (evo drift {name}); or let it through, once: evo \
         {command} {name} --accept contract, or for good: [contract] in {}",
        entity.file()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(documents: &[&str]) -> FieldCounts {
        let mut counts = FieldCounts::default();
        for (document, line) in documents.iter().zip(1..) {
            let at = SampledLine { run_id: "1".to_owned(), source_file: "a".to_owned(), source_line: line };
            counts.add(document, at);
        }
        counts
    }

    fn contract(share: f64, ignore: &[&str]) -> FieldContract {
        FieldContract {
            new_field: Reaction::Fail,
            missing_field: Reaction::Warn,
            type_change: Reaction::Fail,
            share,
            ignore: ignore.iter().map(|path| (*path).to_owned()).collect(),
        }
    }

    fn lines(contract: &FieldContract, known: &[(&str, &[&str])], before: &[&str], now: &[&str]) -> Vec<String> {
        let owned =
            |(path, types): &(&str, &[&str])| ((*path).to_owned(), types.iter().map(|t| (*t).to_owned()).collect());
        let known = KnownFields::of(known.iter().map(owned));
        breaches(contract, &known, &counts(before), &counts(now)).iter().map(Breach::line).collect()
    }

    const BEFORE: &str = r#"{"a": 1, "o": {"x": "s"}, "l": [{"p": 1}]}"#;

    #[test]
    fn what_documents_did_not_have_before_is_named_at_its_top() {
        let now = [BEFORE, r#"{"a": "1", "o": {"x": null, "y": {"z": 1}}, "l": [{"p": true}, {"q": {"r": 1}}]}"#];
        let expected = [
            "a is string in 1 of 2 documents (was number), first in a line 2",
            "l[].p is boolean in 1 of 2 documents (was number), first in a line 2",
            "new field l[].q (object) in 1 of 2 documents, first in a line 2",
            "new field o.y (object) in 1 of 2 documents, first in a line 2",
        ];
        assert_eq!(lines(&contract(0.0, &[]), &[], &[BEFORE], &now), expected);
        // What was recorded is known as well as what is there.
        let known: [(&str, &[&str]); 2] = [("a", &["number", "string"]), ("o.y", &["object"])];
        assert_eq!(lines(&contract(0.0, &[]), &known, &[BEFORE], &now)[0], expected[1]);
        assert_eq!(lines(&contract(0.0, &["l", "o.y", "a"]), &[], &[BEFORE], &now), Vec::<String>::new());
        assert_eq!(lines(&contract(0.6, &[]), &[], &[BEFORE], &now), Vec::<String>::new(), "a half is less");
        assert_eq!(lines(&contract(0.0, &[]), &[], &[], &now), Vec::<String>::new(), "nothing is known");
    }

    #[test]
    fn a_field_is_missing_only_where_chance_cannot_be_why() {
        let now = [r#"{"a": 1, "l": [{"p": 1}]}"#; 20];
        let missing = ["o is in 0 of 20 documents; before, 100 % had it"];
        assert_eq!(lines(&contract(0.0, &[]), &[], &[BEFORE; 3], &now), missing);
        assert_eq!(lines(&contract(0.0, &[]), &[], &[BEFORE; 3], &now[..9]), Vec::<String>::new());
        let rare = [BEFORE, now[0], now[0]];
        assert_eq!(lines(&contract(0.0, &[]), &[], &rare, &now), Vec::<String>::new(), "seven were expected");
        assert_eq!(lines(&contract(0.0, &["o"]), &[], &[BEFORE; 3], &now), Vec::<String>::new());
    }

    #[test]
    fn names_that_are_data_break_nothing() {
        let names = |from: usize| (from..from + 150).map(|i| format!(r#""n{i}": {{"v": 1}}"#)).collect::<Vec<_>>();
        let document = |from: usize| format!(r#"{{"by": {{{}}}}}"#, names(from).join(", "));
        let (one, two, three) = (document(0), document(150), document(300));
        assert_eq!(lines(&contract(0.0, &[]), &[], &[&one], &[&two, &three]), Vec::<String>::new());
        let recorded: [(&str, &[&str]); 2] = [("by", &["object"]), ("by.*", &["object"])];
        assert_eq!(lines(&contract(0.0, &[]), &recorded, &[], &[&one]), Vec::<String>::new());
    }
}
