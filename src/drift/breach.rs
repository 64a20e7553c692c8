//! What breaks a contract.

use super::counts::FieldCounts;
use super::data_names::DataNames;
use super::known::KnownFields;
use super::place::SampledLine;
use crate::counted::{count, counted};
use crate::entity::{Entity, FieldContract, Reaction};
use crate::error::{Error, Kind};
use crate::visible;

/// Documents that would have to have a field before it counts as missing that none of them does: chance alone
/// gives none of ten expected ones once in 20,000 times.
const EXPECTED: f64 = 10.0;
/// Breaches that are listed for a person.
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

/// How documents keep a contract.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FieldFindings {
    /// What they break of it, by path.
    pub breaches: Vec<Breach>,
    /// What it could not say anything about, a line each.
    pub notes: Vec<String>,
}

/// The first of these breaches, a line each, and how many there are besides.
pub fn lines<'b>(breaches: impl IntoIterator<Item = &'b Breach>) -> Vec<String> {
    let mut breaches = breaches.into_iter();
    let mut lines: Vec<String> = breaches.by_ref().take(SHOWN).map(Breach::line).collect();
    match breaches.count() {
        0 => {}
        more => lines.push(format!("and {} more", count(more as u64))),
    }
    lines
}

/// What documents break of a contract. `known` is what was recorded of the entity, `before` what the
/// documents that it has already are like. Where neither says anything, nothing is known and nothing broken.
pub fn compared(
    contract: &FieldContract,
    known: &KnownFields,
    before: &FieldCounts,
    now: &FieldCounts,
) -> FieldFindings {
    if known.is_empty() && before.documents() == 0 {
        return FieldFindings::default();
    }
    let sides = Sides { contract, known, before, now, data_names: DataNames::of(known, before, now) };
    let mut breaches = sides.new_fields_and_types();
    breaches.extend(sides.missing_fields());
    breaches.retain(|breach| breach.reaction != Reaction::Ignore);
    breaches.sort_by(|a, b| a.path.cmp(&b.path));
    FieldFindings { breaches, notes: sides.notes() }
}

/// What is compared.
struct Sides<'a> {
    contract: &'a FieldContract,
    known: &'a KnownFields,
    before: &'a FieldCounts,
    now: &'a FieldCounts,
    data_names: DataNames<'a>,
}

impl<'a> Sides<'a> {
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
    fn is_exempt(&self, path: &'a str) -> bool {
        self.contract.leaves_out(path) || self.data_names.object_of(path).is_some()
    }

    /// The objects about whose names it says nothing, although nobody has left them out.
    fn notes(&self) -> Vec<String> {
        let objects = self.data_names.objects().filter(|object| !self.contract.leaves_out(object));
        let objects: Vec<&str> = objects.collect();
        let more = objects.len().saturating_sub(SHOWN);
        let note = |object: &&str| {
            let named = visible::line(object);
            let (of, hint) = match object.is_empty() {
                true => ("documents".to_owned(), String::new()),
                false => (named.to_string(), format!("; ignore = [\"{named}\"] in [contract] says that this is meant")),
            };
            format!("names of {of} that hardly repeat, such as ids, are not compared: there are too many{hint}")
        };
        let notes = objects.iter().take(SHOWN).map(note);
        notes.chain((more > 0).then(|| format!("and {more} more"))).collect()
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
    let changes = counted(fatal.len() as u64, "change of the documents breaks", "changes of the documents break");
    let message = format!("{changes} the contract; nothing was {done}");
    Some(Error::new(Kind::CheckFailed, message).detail(lines(fatal.iter().copied()).join("\n")).hint(format!(
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

    fn found(contract: &FieldContract, known: &[(&str, &[&str])], before: &[&str], now: &[&str]) -> FieldFindings {
        let owned =
            |(path, types): &(&str, &[&str])| ((*path).to_owned(), types.iter().map(|t| (*t).to_owned()).collect());
        let known = KnownFields::of(known.iter().map(owned));
        compared(contract, &known, &counts(before), &counts(now))
    }

    fn lines(contract: &FieldContract, known: &[(&str, &[&str])], before: &[&str], now: &[&str]) -> Vec<String> {
        found(contract, known, before, now).breaches.iter().map(Breach::line).collect()
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
    fn names_that_are_data_break_nothing_and_a_note_says_so() {
        let names = |from: usize| (from..from + 150).map(|i| format!(r#""n{i}": {{"v": 1}}"#)).collect::<Vec<_>>();
        let document = |from: usize| format!(r#"{{"a": 1, "by": {{{}}}}}"#, names(from).join(", "));
        let (one, two, three) = (document(0), document(150), document(300));
        let (fails, none) = (contract(0.0, &[]), Vec::<Breach>::new());
        let note = "names of by that hardly repeat, such as ids, are not compared: there are too many; \
                    ignore = [\"by\"] in [contract] says that this is meant";
        let of_samples = found(&fails, &[], &[&one], &[&two, &three]);
        assert_eq!((&of_samples.breaches, &of_samples.notes[..]), (&none, &[note.to_owned()][..]));
        let recorded: [(&str, &[&str]); 3] = [("a", &["number"]), ("by", &["object"]), ("by.*", &["object"])];
        let of_recorded = found(&fails, &recorded, &[], &[&one]);
        assert_eq!((&of_recorded.breaches, &of_recorded.notes[..]), (&none, &[note.to_owned()][..]));
        let ignored = found(&contract(0.0, &["by"]), &recorded, &[&one], &[&two]);
        assert_eq!(ignored, FieldFindings::default());
        // What is beside them is compared.
        let now = [two.replace(r#""a": 1"#, r#""a": "x", "b": 2"#)];
        let now: Vec<&str> = now.iter().map(String::as_str).collect();
        let beside = [
            "a is string in 1 of 1 document (was number), first in a line 1",
            "new field b (number) in 1 of 1 document, \
              first in a line 1",
        ];
        assert_eq!(lines(&fails, &recorded, &[&one], &now), beside);
    }

    #[test]
    fn a_record_with_hundreds_of_fields_is_compared_field_by_field() {
        let wide = |count: usize, more: &str| {
            let names: Vec<String> = (0..count).map(|i| format!(r#""c{i}": {i}"#)).collect();
            format!("{{{}{more}}}", names.join(", "))
        };
        let (before, now) = (wide(250, ""), wide(249, "").replace(r#""c7": 7"#, r#""c7": "x", "added": true"#));
        let (before, mut now) = ([before.as_str(); 3], vec![now.as_str(); 20]);
        let expected = [
            "new field added (boolean) in 20 of 20 documents, first in a line 1",
            "c249 is in 0 of 20 documents; before, 100 % had it",
            "c7 is string in 20 of 20 documents (was number), first in a line 1",
        ];
        // Their names are too many to be recorded one by one.
        let recorded: [(&str, &[&str]); 1] = [("*", &["number"])];
        for known in [&[][..], &recorded[..]] {
            let found = found(&contract(0.0, &[]), known, &before, &now);
            assert_eq!(found.breaches.iter().map(Breach::line).collect::<Vec<_>>(), expected, "{known:?}");
            assert_eq!(found.notes, Vec::<String>::new());
        }
        // A rare one may have been there before.
        let rare = wide(250, r#", "rare": 1"#);
        now = vec![before[0]; 20];
        now[4] = rare.as_str();
        assert_eq!(lines(&contract(0.0, &[]), &recorded, &before, &now), Vec::<String>::new());
        assert_eq!(lines(&contract(0.0, &[]), &[], &before, &now).len(), 1);
    }
}
