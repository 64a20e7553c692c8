//! Keeping cell values out of the server's messages.
//!
//! Messages of the server itself name objects only, except those about values (class 22). Text that a
//! function of the database raises was written by its author and may hold anything.

/// The message of an error about a value (class 22) without the value, which is quoted in every language:
/// `invalid input syntax for type integer: "…"`. Other messages as they are.
pub(super) fn without_values(code: &str, message: &str) -> String {
    if !code.starts_with("22") {
        return message.to_owned();
    }
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((open, close)) =
        QUOTES.into_iter().filter(|(open, _)| rest.contains(*open)).min_by_key(|q| rest.find(q.0))
    {
        let Some((before, quoted)) = rest.split_once(open) else { break };
        shown.push_str(before);
        shown.push_str("\"…\"");
        // The value may hold quotes itself: drop everything up to the last one.
        rest = quoted.rsplit_once(close).map_or("", |(_, after)| after);
    }
    // A message about an encoding shows the bytes after a colon.
    shown.push_str(rest.split_once(": 0x").map_or(rest, |(before, _)| before));
    shown
}

/// The quotation marks of the server's translations.
const QUOTES: [(char, char); 4] = [('"', '"'), ('«', '»'), ('„', '“'), ('“', '”')];

/// Whether the message is a text that a function raised. `routine` is the server's own function that reported
/// the error, `function` the one of the database that was running.
pub(super) fn is_raised(code: &str, routine: Option<&str>, function: Option<&str>) -> bool {
    let is_of_evo = function.is_some_and(|name| name.starts_with("evo."));
    let is_text_of_a_function = routine == Some("exec_stmt_raise") || routine == Some("exec_stmt_assert");
    !is_of_evo && (is_text_of_a_function || ["P0", "38", "39", "2F"].contains(&code.get(..2).unwrap_or_default()))
}

/// The function that an error's context names, whatever language the server speaks: `PL/pgSQL function
/// public.f(text) line 1 at RAISE`. The first line is where it happened, the last one the function that was
/// called first. Lines between them, and those of a COPY, may hold values.
pub(super) fn function_in(context: &str) -> Option<&str> {
    let innermost = context.lines().next().and_then(named_in);
    let outermost = || context.lines().last().filter(|_| !context.contains("COPY ")).and_then(named_in);
    innermost.or_else(outermost)
}

fn named_in(line: &str) -> Option<&str> {
    let line = Some(line).filter(|line| !line.contains(['\'', ':']))?;
    let open = line.find('(')?;
    let close = open + line[open..].find(')')?;
    let mut is_quoted = false;
    let begins = line[..open].rfind(|c: char| {
        is_quoted ^= c == '"';
        c == ' ' && !is_quoted
    });
    Some(&line[begins.map_or(0, |at| at + 1)..=close])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_about_a_value_does_not_show_it() {
        for (message, shown) in [
            (
                r#"invalid input syntax for type integer: "390.533-"44""#,
                r#"invalid input syntax for type integer: "…""#,
            ),
            (
                r#"value "39053344705" is out of range for type integer"#,
                r#"value "…" is out of range for type integer"#,
            ),
            (
                "sintaxe de entrada é inválida para tipo integer: «390»",
                "sintaxe de entrada é inválida para tipo integer: \"…\"",
            ),
            (r#"invalid byte sequence for encoding "UTF8": 0xe7 0xe3"#, r#"invalid byte sequence for encoding "…""#),
            ("division by zero", "division by zero"),
        ] {
            assert_eq!(without_values("22P02", message), shown);
        }
        assert_eq!(without_values("42P01", r#"relation "x" does not exist"#), r#"relation "x" does not exist"#);
    }

    #[test]
    fn the_function_that_raised_is_found_in_the_context_in_any_language() {
        let found = |context| function_in(context);
        assert_eq!(found("PL/pgSQL function public.f(text) line 1 at RAISE"), Some("public.f(text)"));
        assert_eq!(found("função PL/pgSQL s.\"a f\"(a, b) linha 3 em RAISE\nmore g()"), Some("s.\"a f\"(a, b)"));
        assert_eq!(found("SQL statement \"select f('Ana')\"\nPL/pgSQL function f() line 1"), Some("f()"));
        let copied = "SQL statement \"select f('Ana')\"\nPL/pgSQL function f() line 1\nCOPY t, line 1";
        assert_eq!(found(copied), None);
        assert_eq!(found("COPY t, line 1, column a: \"x(y)\""), None);
        assert_eq!(found("nothing"), None);
    }

    #[test]
    fn text_that_a_function_raises_is_told_from_messages_of_the_server() {
        assert!(is_raised("P0001", Some("exec_stmt_raise"), Some("public.f()")));
        assert!(is_raised("22023", Some("exec_stmt_raise"), Some("f()")));
        assert!(is_raised("38000", None, None));
        assert!(!is_raised("22023", Some("exec_stmt_raise"), Some("evo.raise_misfit(text)")));
        assert!(!is_raised("23514", Some("ExecConstraints"), None));
    }
}
