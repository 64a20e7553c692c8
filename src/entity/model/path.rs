//! Where values are in the document: `d."status" ->> 'id'` is `status.id`.

use std::ops::Range;

use crate::entity::scan::TokenKind;
use crate::entity::scan::Tokens;

/// The part of a document that an alias of the from clause stands for.
#[derive(Debug, Clone)]
pub(super) enum AliasTarget {
    /// A row of staging; its document is `raw_data`.
    Staged,
    /// An element of `array`; its id is the field `id`.
    Child { array: String, id: String },
    /// An object at this path, taken apart into columns.
    Record { path: String, columns: Vec<String> },
    /// A value at this path, and the column that has it.
    Element { path: String, column: String },
}

impl AliasTarget {
    /// The path of one of its columns; `None` if it is no value of the document.
    fn path(&self, column: &str) -> Option<String> {
        match self {
            AliasTarget::Staged => (column == "raw_data").then(String::new),
            AliasTarget::Child { array, .. } if column == "value" => Some(format!("{array}[]")),
            AliasTarget::Child { array, id } => (column == "id").then(|| format!("{array}[].{id}")),
            AliasTarget::Record { path, .. } => Some(below(path, column)),
            AliasTarget::Element { path, column: own } => (own == column).then(|| path.clone()),
        }
    }

    /// Whether a name without an alias may mean a column of it.
    fn has(&self, name: &str) -> bool {
        match self {
            AliasTarget::Record { columns, .. } => columns.iter().any(|column| column == name),
            AliasTarget::Element { column, .. } => column == name,
            AliasTarget::Staged | AliasTarget::Child { .. } => false,
        }
    }
}

/// The path of a field of what is at a path.
pub(super) fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// The aliases known so far, by name.
pub(super) type Aliases = Vec<(String, AliasTarget)>;

/// The paths of all values of the document that a range reads, in its order, each once.
pub(super) fn paths(tokens: &Tokens<'_>, range: Range<usize>, aliases: &Aliases) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for i in range.clone() {
        let Some((reference, path)) = reference(tokens, i, range.end, aliases) else { continue };
        let path = steps(tokens, reference, range.end, path);
        if !path.is_empty() && !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// The column of an alias that a token begins to name, or names alone, and its path.
fn reference(tokens: &Tokens<'_>, i: usize, end: usize, aliases: &Aliases) -> Option<(Range<usize>, String)> {
    let name = tokens.name(i).filter(|_| !tokens.is_qualified(i))?;
    if tokens.is_mark(i + 1, ".") {
        let column = tokens.name(i + 2).filter(|_| i + 2 < end && !tokens.is_mark(i + 3, "("))?;
        let (_, origin) = aliases.iter().find(|(alias, _)| *alias == name)?;
        return Some((i..i + 3, origin.path(&column)?));
    }
    let (_, origin) = aliases.iter().find(|(_, origin)| tokens.is_bare(i) && origin.has(&name))?;
    Some((i..i + 1, origin.path(&name)?))
}

/// The path with what `->`, `->>`, `#>` and brackets after the reference add to it; brackets around it are
/// skipped.
fn steps(tokens: &Tokens<'_>, reference: Range<usize>, end: usize, mut path: String) -> String {
    let (mut start, mut next) = (reference.start, reference.end);
    loop {
        if next >= end {
            return path;
        }
        let is_around = tokens.is_mark(next, ")") && start > 0 && tokens.partner(next) == start - 1;
        if is_around {
            start -= 1;
            // evo.as_object( comes before it
            if start >= 3 && tokens.is_mark(start - 2, ".") {
                start -= 3;
            }
            next += 1;
            continue;
        }
        let is_subscript = tokens.is_mark(next, "[") && tokens.partner(next) == next + 2;
        let is_step = is_subscript || ["->", "->>"].contains(&tokens.str(next));
        match (is_step, tokens.literal(next + 1), tokens.kind(next + 1)) {
            (true, Some(field), _) => path = below(&path, &field),
            (true, None, Some(TokenKind::Number)) => path = format!("{path}[{}]", tokens.str(next + 1)),
            (false, Some(list), _) if ["#>", "#>>"].contains(&tokens.str(next)) => {
                let fields = list.trim_matches(['{', '}']).split(',').map(str::trim);
                path = fields.fold(path, |path, field| below(&path, field));
            }
            _ => return path,
        }
        next += if is_subscript { 3 } else { 2 };
    }
}
