//! Reads `[[extract]]` of an `entity.toml`.

use toml::de::DeValue;

use super::{End, Length, Paging, Query, Since, TokenPlace, WindowRule};
use crate::declaration::{DeclaredKey, DeclaredTable, Document, KeyShape, names};
use crate::error::{Error, Kind, Mistakes, Result};

/// The keys of `[[extract]]`.
pub(in crate::entity) const KEYS: &[DeclaredKey] = &[
    DeclaredKey::new("name", KeyShape::Text, "tells further queries apart; the first has none"),
    DeclaredKey::required("source", KeyShape::Text, "name of the source: [source.NAME] in evo.toml"),
    DeclaredKey::required("path", KeyShape::Text, "path below the address of the source"),
    DeclaredKey::new("query", KeyShape::Pairs, "parameters of every request"),
    DeclaredKey::new(
        "records",
        KeyShape::Texts,
        "JSON pointers to the array of records; the first that is there counts",
    ),
    DeclaredKey::new("page", KeyShape::Table(PAGE_KEYS), "how pages follow each other"),
    DeclaredKey::new("window", KeyShape::Table(WINDOW_KEYS), "how a stretch of days is requested"),
    DeclaredKey::new("since", KeyShape::Table(SINCE_KEYS), "how everything since a day is requested"),
    DeclaredKey::new("lookback", KeyShape::Text, "days that are read again, such as 3 days"),
    DeclaredKey::new("empty", KeyShape::WordOrStatuses(&["missing"]), "what means that there are no records"),
    DeclaredKey::new("part", KeyShape::Whole(1, 1_000_000), "records of an object at most"),
];
const PAGE_KEYS: &[DeclaredKey] = &[
    DeclaredKey::new("offset", KeyShape::Text, "parameter with the number of records to skip"),
    DeclaredKey::new("number", KeyShape::Text, "parameter with the number of the page"),
    DeclaredKey::new("cursor", KeyShape::Text, "where an answer has the token of the next page"),
    DeclaredKey::new("next", KeyShape::Text, "where an answer has the address of the next page"),
    DeclaredKey::new("limit", KeyShape::Text, "parameter with the page size"),
    DeclaredKey::new("size", KeyShape::Whole(1, 1_000_000), "records on a page"),
    DeclaredKey::new("max", KeyShape::Whole(1, u64::MAX / 2), "largest offset that the vendor accepts"),
    DeclaredKey::new("first", KeyShape::Whole(0, 1), "number of the first page"),
    DeclaredKey::new("total", KeyShape::Text, "where an answer has the number of all records"),
    DeclaredKey::new("as", KeyShape::Text, "parameter with the token"),
];
const WINDOW_KEYS: &[DeclaredKey] = &[
    DeclaredKey::required("from", KeyShape::Text, "parameter with the first day"),
    DeclaredKey::required("to", KeyShape::Text, "parameter with the last day"),
    DeclaredKey::required("format", KeyShape::Text, "format of days, such as %Y-%m-%d"),
    DeclaredKey::new(
        "end",
        KeyShape::Word(&["overlap", "inclusive", "exclusive"]),
        "whether the last day belongs to it",
    ),
    DeclaredKey::required("length", KeyShape::Text, "length of a window, such as 1 month"),
];
const SINCE_KEYS: &[DeclaredKey] = &[
    DeclaredKey::required("param", KeyShape::Text, "parameter with the time"),
    DeclaredKey::required("field", KeyShape::Text, "JSON pointer to the time of a change in a record"),
    DeclaredKey::required("format", KeyShape::Text, "format of the time"),
    DeclaredKey::new("template", KeyShape::Text, "text around the time, with one {}"),
];

/// Reads the queries of a declaration. `None` when one of them is wrong, with its mistakes, which name file
/// and line.
pub(in crate::entity) fn read(file: &str, text: &str, mistakes: &mut Mistakes) -> Option<Vec<Query>> {
    let document = Document { file, text };
    let before = mistakes.all().len();
    let root = mistakes.keep(document.parse())?;
    let Some((_, value)) = root.get_ref().iter().find(|(name, _)| name.get_ref() == "extract") else {
        return Some(Vec::new());
    };
    let misplaced = |at: usize| {
        let message = format!("{file}:{}: extract is a list of tables", document.line(at));
        Error::new(Kind::Config, message).hint("write [[extract]]")
    };
    let DeValue::Array(tables) = value.get_ref() else {
        mistakes.add(misplaced(value.span().start));
        return None;
    };
    let mut queries = Vec::new();
    for value in tables {
        let DeValue::Table(table) = value.get_ref() else {
            mistakes.add(misplaced(value.span().start));
            continue;
        };
        let table =
            DeclaredTable::listing(document, ("[[extract]]", value.span().start), table, &names(KEYS), mistakes);
        let Some(query) = query(&table, mistakes) else { continue };
        if queries.iter().any(|other: &Query| other.name == query.name) {
            let error = table.fault("has the name of another");
            mistakes.add(error.hint("a second query needs a name of its own: name = \"…\""));
        }
        queries.push(query);
    }
    (mistakes.all().len() == before).then_some(queries)
}

/// A query; `None` with its mistakes.
fn query(table: &DeclaredTable<'_>, mistakes: &mut Mistakes) -> Option<Query> {
    let name = mistakes.keep(name(table));
    let source = mistakes.keep(table.required("source"));
    let path = mistakes.keep(path(table));
    let parameters = mistakes.keep(table.pairs("query"));
    let records = mistakes.keep(records(table));
    let paging = mistakes.keep(paging(table));
    let (window, since) = (mistakes.keep(window(table)), mistakes.keep(since(table)));
    if let (Some(Some(_)), Some(Some(_))) = (&window, &since) {
        mistakes.add(table.fault("has both window and since").hint("one of them, or a second [[extract]]"));
    }
    let lookback_days = mistakes.keep(lookback(table));
    let empty_when_missing = matches!(table.text("empty"), Ok(Some("missing")));
    let empty = if empty_when_missing { Some(None) } else { mistakes.keep(table.statuses("empty")) };
    let part = mistakes.keep(table.whole("part", 1..=1_000_000));
    Some(Query {
        name: name?,
        source: source?.to_owned(),
        path: path?,
        parameters: parameters?,
        records: records?,
        paging: paging?,
        window: window?,
        since: since?,
        lookback_days: lookback_days?,
        empty_statuses: empty?.unwrap_or_default(),
        empty_when_missing,
        part_records: part?.unwrap_or(5_000),
    })
}

fn name(table: &DeclaredTable<'_>) -> Result<String> {
    let name = table.text("name")?.unwrap_or_default();
    match name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        true => Ok(name.to_owned()),
        false => Err(table.wrong("name", "lowercase letters, digits and hyphens")),
    }
}

fn records(table: &DeclaredTable<'_>) -> Result<Vec<String>> {
    let pointers = table.texts("records")?.unwrap_or_else(|| vec![""]);
    match !pointers.is_empty() && pointers.iter().all(|pointer| is_pointer(pointer)) {
        true => Ok(pointers.into_iter().map(str::to_owned).collect()),
        false => Err(table.wrong("records", "a JSON pointer such as \"/results\", or \"\" for the whole answer")),
    }
}

fn is_pointer(text: &str) -> bool {
    text.is_empty() || text.starts_with('/')
}

fn path(table: &DeclaredTable<'_>) -> Result<String> {
    let path = table.required("path")?;
    match path.starts_with('/') && !path.contains(['?', '#']) {
        true => Ok(path.to_owned()),
        false => Err(table.wrong("path", "a path that begins with / and has no parameters; those go into query")),
    }
}

fn lookback(table: &DeclaredTable<'_>) -> Result<u64> {
    let Some(text) = table.text("lookback")? else { return Ok(0) };
    let time = humantime::parse_duration(text).map_err(|_| table.wrong("lookback", "a duration such as \"3 days\""))?;
    Ok(time.as_secs().div_ceil(86_400))
}

fn window(table: &DeclaredTable<'_>) -> Result<Option<WindowRule>> {
    let Some(window) = table.table("window", &names(WINDOW_KEYS))? else { return Ok(None) };
    let format = window.required("format")?.to_owned();
    check_format(&window, &format)?;
    let end = match window.text("end")? {
        None | Some("overlap") => End::Overlap,
        Some("inclusive") => End::Inclusive,
        Some("exclusive") => End::Exclusive,
        Some(_) => return Err(window.wrong("end", "\"inclusive\", \"exclusive\" or \"overlap\"")),
    };
    if end == End::Inclusive && ["%H", "%T", "%X", "%R", "%s", "%+"].iter().any(|letters| format.contains(letters)) {
        let hint = "23:59:59 would miss what happened half a second later: write end = \"overlap\"";
        return Err(window.wrong("end", "\"overlap\" or \"exclusive\" where the format has a time").hint(hint));
    }
    let length = window.required("length")?;
    let length = length_of(length).ok_or_else(|| window.wrong("length", "such as \"7 days\" or \"1 month\""))?;
    Ok(Some(WindowRule {
        from: window.required("from")?.to_owned(),
        to: window.required("to")?.to_owned(),
        format,
        end,
        length,
    }))
}

fn length_of(text: &str) -> Option<Length> {
    let (count, unit) = text.trim().split_once(' ')?;
    let count = count.parse().ok().filter(|n| (1..=1_200).contains(n))?;
    match unit.trim() {
        "day" | "days" => Some(Length::Days(count)),
        "month" | "months" => Some(Length::Months(count)),
        _ => None,
    }
}

fn check_format(table: &DeclaredTable<'_>, format: &str) -> Result<()> {
    let is_known = !chrono::format::StrftimeItems::new(format).any(|item| item == chrono::format::Item::Error);
    match is_known && format.contains('%') {
        true => Ok(()),
        false => Err(table.wrong("format", "in strftime's letters, such as \"%Y-%m-%d\"")),
    }
}

fn since(table: &DeclaredTable<'_>) -> Result<Option<Since>> {
    let Some(since) = table.table("since", &names(SINCE_KEYS))? else { return Ok(None) };
    let (format, template) = (since.required("format")?.to_owned(), since.text("template")?.unwrap_or("{}").to_owned());
    check_format(&since, &format)?;
    if template.matches("{}").count() != 1 {
        return Err(since.wrong("template", "a text with one {}"));
    }
    let field = since.required("field")?;
    if !is_pointer(field) {
        return Err(since.wrong("field", "a JSON pointer such as \"/updatedAt\""));
    }
    Ok(Some(Since { parameter: since.required("param")?.to_owned(), field: field.to_owned(), format, template }))
}

fn paging(table: &DeclaredTable<'_>) -> Result<Paging> {
    let Some(page) = table.table("page", &names(PAGE_KEYS))? else { return Ok(Paging::Once) };
    let size = page.whole("size", 1..=1_000_000)?;
    let limit = match (page.text("limit")?, size) {
        (Some(limit), Some(size)) => Some((limit.to_owned(), size)),
        (None, None) => None,
        _ => return Err(table.wrong("page", "declared with both limit and size, or neither")),
    };
    let forms = "one of { offset, limit, size }, { number, limit, size }, { cursor, as } and { next }";
    let allowed = |keys: &[&str]| PAGE_KEYS.iter().all(|key| !page.has(key.name) || keys.contains(&key.name));
    let own = |name: &str| Ok::<_, crate::error::Error>(page.required(name)?.to_owned());
    if page.has("offset") && allowed(&["offset", "limit", "size", "max"]) {
        let Some((limit, size)) = limit.filter(|(_, size)| *size > 1) else {
            return Err(table.wrong("page", "declared with limit and a size over 1 where it has offset"));
        };
        let max = page.whole("max", 1..=u64::MAX / 2)?;
        return Ok(Paging::Offset { offset: own("offset")?, limit, size, max });
    }
    if page.has("number") && allowed(&["number", "limit", "size", "first", "total"]) {
        let first = page.whole("first", 0..=1)?.unwrap_or(1);
        let total = if page.has("total") { Some(place(&page, "total")?) } else { None };
        return Ok(Paging::Number { number: own("number")?, limit, first, total });
    }
    if page.has("cursor") && allowed(&["cursor", "as", "limit", "size"]) {
        return Ok(Paging::Cursor { at: place(&page, "cursor")?, parameter: own("as")?, limit });
    }
    if page.has("next") && allowed(&["next", "limit", "size"]) {
        return Ok(Paging::Next { at: place(&page, "next")?, limit });
    }
    Err(table.wrong("page", forms))
}

fn place(page: &DeclaredTable<'_>, key: &str) -> Result<TokenPlace> {
    let text = page.required(key)?;
    match text.strip_prefix("header:") {
        Some(name) if !name.is_empty() => Ok(TokenPlace::Header(name.to_owned())),
        None if text.starts_with('/') => Ok(TokenPlace::Body(text.to_owned())),
        _ => Err(page.wrong(key, "a JSON pointer such as \"/paging/next\", or \"header:Link\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, text: &str) -> Result<Vec<Query>> {
        let mut mistakes = Mistakes::default();
        let queries = super::read(file, text, &mut mistakes);
        mistakes.into_result(queries)
    }

    const SALES: &str = r#"
[[extract]]
source = "evo"
path = "/api/v2/sales"
query = { showReceivables = "true" }
page = { offset = "skip", limit = "take", size = 100 }
window = { from = "dateSaleStart", to = "dateSaleEnd", format = "%Y-%m-%d", length = "1 month" }
lookback = "3 days"
"#;

    #[test]
    fn a_query_is_read_with_its_defaults() {
        let query = read("e", SALES).unwrap().remove(0);
        assert_eq!(query.records, [""]);
        assert_eq!(query.parameters, [("showReceivables".to_owned(), "true".to_owned())]);
        assert_eq!((query.lookback_days, query.part_records), (3, 5_000));
        assert_eq!(query.window.map(|w| (w.end, w.length)), Some((End::Overlap, Length::Months(1))));
        assert!(read("e", "name = \"x\"").unwrap().is_empty());
    }

    #[test]
    fn a_fault_names_file_line_and_what_to_write() {
        for (from, to, says) in [
            ("lookback", "lookbak", "e:8: unknown key \"lookbak\" in [[extract]]"),
            ("path = \"/", "path = \"", "e:4: path in [[extract]] must be"),
            ("size = 100", "size = 1", "e:6: page in [[extract]] must be"),
            ("limit = \"take\", ", "", "e:6: page"),
            ("offset = \"skip\"", "offset = \"skip\", cursor = \"/x\"", "e:6: page in [[extract]] must be one of"),
            ("size = 100", "size = \"x\"", "e:6: size in page of [[extract]] must be a whole number"),
            ("1 month", "1 moon", "e:7: length in window"),
            ("%Y-%m-%d\"", "%Q\"", "e:7: format in window"),
            ("%Y-%m-%d\"", "%Y-%m-%dT%H:%M:%S\", end = \"inclusive\"", "e:7: end in window"),
            ("3 days", "soon", "e:8: lookback"),
            ("source = \"evo\"", "", "e:2: [[extract]] has no source"),
            ("[[extract]]", "[extract]", "extract is a list of tables"),
        ] {
            let error = read("e", &SALES.replace(from, to)).expect_err(says);
            assert!(error.message().contains(says), "{says}\n{}", error.message());
        }
    }

    #[test]
    fn every_form_of_paging_is_read_and_no_two_at_once() {
        let paging =
            |text: &str| read("e", &SALES.replace("{ offset = \"skip\", limit = \"take\", size = 100 }", text));
        let of = |text: &str| paging(text).unwrap().remove(0).paging;
        assert!(matches!(of("{ number = \"page\", first = 0 }"), Paging::Number { first: 0, limit: None, .. }));
        let total = of("{ number = \"page\", total = \"header:X-Total\" }");
        assert!(matches!(total, Paging::Number { total: Some(TokenPlace::Header(at)), .. } if at == "X-Total"));
        let cursor = of("{ cursor = \"/paging/next/after\", as = \"after\", limit = \"limit\", size = 100 }");
        assert!(matches!(cursor, Paging::Cursor { at: TokenPlace::Body(at), .. } if at == "/paging/next/after"));
        assert!(
            matches!(of("{ next = \"header:Link\" }"), Paging::Next { at: TokenPlace::Header(at), .. } if at == "Link")
        );
        assert!(paging("{ next = \"header:\" }").is_err() && paging("{ number = \"a\", next = \"/b\" }").is_err());
    }
}
