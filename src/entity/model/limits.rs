//! Limits: a model's select whose values fit what the columns and indexes of its table can hold. A value
//! beyond a limit does not fit: it becomes null and an issue, and the rest of the record lives.

use super::column::Column;

/// A limit on the values of a column, which its model may exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// A text of at most this many bytes, because an index holds it.
    Bytes(i32),
    /// `varchar(n)`, at most this many characters.
    Characters(i32),
    /// `char(n)`, at most this many characters; blanks at its end do not count.
    Padded(i32),
    /// `name` or `"char"`, which cut a text after this many bytes.
    Cut(i32),
    /// `smallint`, an integer of two bytes.
    Smallint,
    /// `integer`, four bytes.
    Integer,
    /// `numeric(precision, scale)`.
    Numeric {
        /// Digits in total.
        precision: i32,
        /// Digits after the decimal point; below zero where whole digits are rounded.
        scale: i32,
    },
    /// `real`, four bytes.
    Real,
    /// `double precision`, eight bytes.
    Double,
    /// `timestamp(digits)` or `timestamptz(digits)`, with digits of a second.
    Seconds(i32),
    /// `date`, without a time of day.
    Day,
    /// `time`, without a day.
    Time,
    /// An integer whose range the server watches: it rounds a fraction without a word.
    Whole,
}

/// Digits of the values that `evo.as_decimal` gives: before the decimal point, and after it.
const DECIMAL: (i32, i32) = (13, 2);
/// Digits of the largest `bigint` and `integer`.
const INTEGERS: (i32, i32) = (19, 10);

impl Limit {
    /// The column's expression within the limit; `None` if its values are within it in any case, or if
    /// nothing is known of its type.
    pub(super) fn apply(self, column: &Column, expression: &str) -> Option<String> {
        let kind = column.cast.as_ref().map(|cast| cast.kind);
        // Every text is longer than -1 bytes, and none is longer than the other limit.
        let guarded = |is_beyond: String, sql_type: &str| {
            let most = format!("case when {is_beyond} then -1 else 2147483647 end");
            Some(format!("evo.as_short(({expression})::text, {most}){sql_type}"))
        };
        // An integer column would round.
        let fraction = if kind == Some("decimal") { format!("({expression}) % 1 <> 0 or ") } else { String::new() };
        match (self, kind) {
            (Limit::Bytes(most), None | Some("text" | "short")) => Some(format!("evo.as_short({expression}, {most})")),
            // The text of an instant depends on a session's zone: such a column is refused.
            (Limit::Characters(_) | Limit::Padded(_) | Limit::Cut(_), Some("timestamptz")) => None,
            (Limit::Characters(most), _) => guarded(format!("char_length(({expression})::text) > {most}"), ""),
            (Limit::Padded(most), _) => guarded(format!("char_length(rtrim(({expression})::text)) > {most}"), ""),
            (Limit::Cut(most), _) => guarded(format!("octet_length(({expression})::text) > {most}"), ""),
            (Limit::Integer, Some("bigint" | "decimal")) => {
                guarded(format!("{fraction}({expression}) not between -2147483648 and 2147483647"), "::integer")
            }
            (Limit::Smallint, Some("bigint" | "int" | "decimal")) => {
                guarded(format!("{fraction}({expression}) not between -32768 and 32767"), "::smallint")
            }
            (Limit::Whole, Some("decimal")) => guarded(format!("({expression}) % 1 <> 0"), "::numeric"),
            (Limit::Numeric { precision, scale }, Some(kind @ ("decimal" | "bigint" | "int"))) => {
                let (whole, fraction) = match kind {
                    "decimal" => DECIMAL,
                    "bigint" => (INTEGERS.0, 0),
                    _ => (INTEGERS.1, 0),
                };
                let rounded = format!("round(({expression})::numeric, {scale})");
                let is_rounded = (scale < fraction).then(|| format!("{rounded} <> ({expression})"));
                let digits = precision - scale;
                let is_too_large = (digits < whole).then(|| format!("abs({rounded}) >= 1e{digits}"));
                let beyond: Vec<String> = is_rounded.into_iter().chain(is_too_large).collect();
                if beyond.is_empty() { None } else { guarded(beyond.join(" or "), "::numeric") }
            }
            // Up to these every integer has a floating-point number of its own.
            (Limit::Real, Some("bigint" | "int")) => {
                guarded(format!("abs(({expression})::numeric) > 16777216"), "::numeric")
            }
            (Limit::Double, Some("bigint")) => {
                guarded(format!("abs(({expression})::numeric) > 9007199254740992"), "::numeric")
            }
            (Limit::Real, Some("decimal")) => {
                guarded(format!("({expression})::real::numeric <> ({expression})"), "::numeric")
            }
            (Limit::Seconds(digits), Some(kind @ ("timestamptz" | "local"))) => {
                let sql_type = if kind == "local" { "timestamp" } else { kind };
                guarded(format!("({expression})::{sql_type}({digits}) <> ({expression})"), &format!("::{sql_type}"))
            }
            (Limit::Day, Some("local")) => {
                guarded(format!("date_trunc('day', {expression}) <> ({expression})"), "::timestamp")
            }
            // Every value has a day.
            (Limit::Time, Some("local")) => guarded(format!("({expression}) is not null"), "::time"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Select;
    use super::*;

    const FROM: &str = "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (a text, b text)";

    fn limited(list: &str, limits: &[(&str, Limit)]) -> String {
        let limits: Vec<_> = limits.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect();
        let text = format!("select s.id, {list}{FROM}");
        let select = Select::parse("own.sql", &text, &["id".to_owned()]).unwrap().limited(&limits).unwrap();
        select.text().strip_prefix("select s.id, ").unwrap().strip_suffix(FROM).unwrap().to_owned()
    }

    #[test]
    fn a_text_that_an_index_holds_is_not_longer_than_it_can_be() {
        assert_eq!(
            limited("coalesce(d.a, 'x') as x,\n    d.b", &[("x", Limit::Bytes(2600)), ("b", Limit::Bytes(1300))]),
            "evo.as_short(coalesce(d.a, 'x'), 2600) as x,\n    evo.as_short(d.b, 1300) as \"b\""
        );
        assert_eq!(limited("d.a as x", &[("y", Limit::Bytes(1))]), "d.a as x");
        let number = "evo.as_bigint(d.a) as x";
        assert_eq!(limited(number, &[("x", Limit::Bytes(2600))]), number, "its column is a text, its value is not");
    }

    #[test]
    fn a_column_that_is_narrower_than_its_cast_limits_the_value() {
        for (list, limit, expected) in [
            (
                "d.a as x",
                Limit::Characters(5),
                "evo.as_short((d.a)::text, \
                 case when char_length((d.a)::text) > 5 then -1 else 2147483647 end) as x",
            ),
            (
                "d.a as x",
                Limit::Padded(5),
                "evo.as_short((d.a)::text, \
                 case when char_length(rtrim((d.a)::text)) > 5 then -1 else 2147483647 end) as x",
            ),
            (
                "d.a as x",
                Limit::Cut(63),
                "evo.as_short((d.a)::text, \
                 case when octet_length((d.a)::text) > 63 then -1 else 2147483647 end) as x",
            ),
            (
                "evo.as_bigint(d.a) as x",
                Limit::Integer,
                "evo.as_short((evo.as_bigint(d.a))::text, case when (evo.as_bigint(d.a)) not between -2147483648 and \
                 2147483647 then -1 else 2147483647 end)::integer as x",
            ),
            ("evo.as_int(d.a) as x", Limit::Integer, "evo.as_int(d.a) as x"),
            (
                "evo.as_decimal(d.a) as x",
                Limit::Smallint,
                "evo.as_short((evo.as_decimal(d.a))::text, case when (evo.as_decimal(d.a)) % 1 <> 0 or \
                 (evo.as_decimal(d.a)) not between -32768 and 32767 then -1 else 2147483647 end)::smallint as x",
            ),
            ("evo.as_timestamptz(d.a, {zone}) as x", Limit::Characters(9), "evo.as_timestamptz(d.a, {zone}) as x"),
            ("d.a as x", Limit::Integer, "d.a as x"),
            (
                "evo.as_decimal(d.a) as x",
                Limit::Numeric { precision: 5, scale: 1 },
                "evo.as_short((evo.as_decimal(d.a))::text, case when \
                 round((evo.as_decimal(d.a))::numeric, 1) <> (evo.as_decimal(d.a)) or \
                 abs(round((evo.as_decimal(d.a))::numeric, 1)) >= 1e4 then -1 else 2147483647 end)::numeric as x",
            ),
            (
                "evo.as_int(d.a) as x",
                Limit::Numeric { precision: 9, scale: 0 },
                "evo.as_short((evo.as_int(d.a))::text, case when \
                 abs(round((evo.as_int(d.a))::numeric, 0)) >= 1e9 then -1 else 2147483647 end)::numeric as x",
            ),
            (
                "evo.as_timestamptz(d.a, {zone}) as x",
                Limit::Seconds(0),
                "evo.as_short((evo.as_timestamptz(d.a, {zone}))::text, case when \
                 (evo.as_timestamptz(d.a, {zone}))::timestamptz(0) <> (evo.as_timestamptz(d.a, {zone})) \
                 then -1 else 2147483647 end)::timestamptz as x",
            ),
            (
                "evo.as_local(d.a) as x",
                Limit::Time,
                "evo.as_short((evo.as_local(d.a))::text, \
                 case when (evo.as_local(d.a)) is not null then -1 else 2147483647 end)::time as x",
            ),
            (
                "evo.as_decimal(d.a) as x",
                Limit::Whole,
                "evo.as_short((evo.as_decimal(d.a))::text, \
                 case when (evo.as_decimal(d.a)) % 1 <> 0 then -1 else 2147483647 end)::numeric as x",
            ),
            ("evo.as_bigint(d.a) as x", Limit::Whole, "evo.as_bigint(d.a) as x"),
            ("evo.as_decimal(d.a) as x", Limit::Double, "evo.as_decimal(d.a) as x"),
            ("evo.as_decimal(d.a) as x", Limit::Numeric { precision: 15, scale: 2 }, "evo.as_decimal(d.a) as x"),
        ] {
            assert_eq!(limited(list, &[("x", limit)]), expected);
        }
    }

    #[test]
    fn a_limit_keeps_the_bytes_that_the_index_has_room_for() {
        let text = format!("select s.id, d.a as x, d.b as y{FROM}");
        let select = Select::parse("own.sql", &text, &["id".to_owned()]).unwrap();
        let limits = [("x".to_owned(), Limit::Characters(5)), ("x".to_owned(), Limit::Bytes(2600))];
        let select = select.limited(&limits).unwrap();
        let bytes: Vec<_> =
            select.columns().iter().map(|c| c.max_bytes.as_ref().map(|span| select.slice(span))).collect();
        assert_eq!(bytes, [None, Some("2600"), None]);
    }
}
