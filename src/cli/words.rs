//! Plain words for a mistake on the command line: what was typed, what is expected, what to type next.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use crate::error::{Error, Kind};
use crate::suggest::did_you_mean;

/// Placeholders of flags whose values may begin with a hyphen by mistake: `--workers -5` should be answered
/// with the range.
const MEASURES: [&str; 8] = ["N", "F", "SHARE", "TIME", "DURATION", "N|P%", "YYYY-MM-DD", "YYYY-MM-DD|TIME"];

/// These commands, changed so that `-5` is a wrong number and not an unknown flag.
pub(super) fn with_hyphens(command: Command) -> Command {
    let is_measure = |arg: &Arg| {
        let names = arg.get_value_names().unwrap_or_default();
        names.iter().any(|name| MEASURES.contains(&name.as_str()) || name.as_str() == "YEAR")
    };
    command
        .mut_args(|arg| match (arg.is_positional(), is_measure(&arg)) {
            (true, _) if !arg.is_trailing_var_arg_set() => arg.allow_negative_numbers(true),
            (false, true) => arg.allow_hyphen_values(true),
            _ => arg,
        })
        .mut_subcommands(with_hyphens)
}

/// Whether help or the version was asked for, or so little was typed that help is the answer.
pub(super) fn is_help(e: &clap::Error) -> bool {
    use ErrorKind as K;
    matches!(
        e.kind(),
        K::DisplayHelp | K::DisplayVersion | K::DisplayHelpOnMissingArgumentOrSubcommand | K::MissingSubcommand
    )
}

/// The error for a person. `line` is the command line as typed.
pub(super) fn plain(e: &clap::Error, line: &[OsString], tree: &Command) -> Error {
    // The commands before a word that is none: `evo sales load` is about `evo`.
    let unknown = texts(e, ContextKind::InvalidSubcommand).pop();
    let end = line.iter().position(|word| word.to_str().is_some() && word.to_str() == unknown.as_deref());
    let typed = Typed::find(&line[..end.unwrap_or(line.len())], tree);
    let argument = texts(e, ContextKind::InvalidArg);
    let name = argument.first().map(|text| flag(text)).unwrap_or_default();
    let value = texts(e, ContextKind::InvalidValue).pop().unwrap_or_default();
    let path = &typed.path;
    match e.kind() {
        ErrorKind::UnknownArgument => typed.unknown(&argument.first().cloned().unwrap_or_default(), tree),
        ErrorKind::InvalidSubcommand => typed.no_command(&unknown.unwrap_or_default(), line, tree),
        ErrorKind::MissingRequiredArgument => {
            let missing: Vec<String> = argument.iter().map(|text| flag(text)).collect();
            let verb = if missing.len() > 1 { "are" } else { "is" };
            typed.usage(format!("{path}: {} {verb} missing", missing.join(" and ")))
        }
        ErrorKind::InvalidValue | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues if value.is_empty() => {
            let wanted = argument.first().map(|text| placeholder(text)).unwrap_or("value");
            typed.usage(format!("{name} needs a value: {wanted}"))
        }
        ErrorKind::InvalidValue => {
            let known = texts(e, ContextKind::ValidValue);
            let error = typed.usage(format!("{name}: expected {}, found {value:?}", either(&known)));
            match did_you_mean(&value, known.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean {near:?}?")),
                None => error,
            }
        }
        ErrorKind::ValueValidation => match std::error::Error::source(e) {
            Some(cause) => {
                let error = typed.usage(format!("{name}: {cause}"));
                let hint = cause.downcast_ref::<Error>().and_then(Error::hint_text).map(str::to_owned);
                hint.map(|hint| typed.usage(error.message().to_owned()).hint(hint)).unwrap_or(error)
            }
            None => typed.usage(format!("{name}: {value:?} is not understood")),
        },
        ErrorKind::ArgumentConflict => {
            let others: Vec<String> = texts(e, ContextKind::PriorArg).iter().map(|text| flag(text)).collect();
            let twice = others.is_empty() || others.contains(&name);
            typed.usage(match twice {
                true => format!("{name} is given twice"),
                false => format!("{name} and {} cannot be used together", others.join(", ")),
            })
        }
        ErrorKind::TooManyValues | ErrorKind::NoEquals => typed.usage(format!("{name} does not take {value:?}")),
        ErrorKind::InvalidUtf8 => typed.usage("an argument is not UTF-8".to_owned()),
        _ => {
            let text = e.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            typed.usage(first.strip_prefix("error: ").unwrap_or(first).to_owned())
        }
    }
}

/// The deepest command that was typed and exists.
struct Typed<'a> {
    /// The words of the command: `evo rejects list`.
    path: String,
    command: &'a Command,
    /// Its flags are flags of every command.
    root: &'a Command,
}

impl<'a> Typed<'a> {
    fn find(line: &[OsString], tree: &'a Command) -> Self {
        let mut typed = Self { path: tree.get_name().to_owned(), command: tree, root: tree };
        for word in line.iter().skip(1).filter_map(|word| word.to_str()) {
            if let Some(command) = typed.command.find_subcommand(word) {
                typed.path = format!("{} {}", typed.path, command.get_name());
                typed.command = command;
            }
        }
        typed
    }

    /// An error about this command. The hint is the first example in the command's help, if there is one.
    fn usage(&self, message: String) -> Error {
        let help = self.command.get_after_help().map(|text| text.to_string()).unwrap_or_default();
        let example = help.lines().map(str::trim).find(|line| line.starts_with(&format!("{} ", self.path)));
        let example = example.map(|line| line.split("  ").next().unwrap_or(line));
        let error = Error::new(Kind::Usage, message);
        match example {
            Some(example) => error.hint(format!("for example `{example}`; more with `{} --help`", self.path)),
            None => error.hint(format!("see `{} --help`", self.path)),
        }
    }

    /// The error for an unknown flag, or for one word too many.
    fn unknown(&self, argument: &str, tree: &Command) -> Error {
        let path = &self.path;
        let Some(long) = argument.strip_prefix("--") else {
            let what = if argument.starts_with('-') { "no flag" } else { "no further" };
            return self.usage(format!("{path} takes {what} {argument:?}"));
        };
        let error = self.usage(format!("{path} has no --{long}"));
        let own: Vec<&str> = longs(self.command).chain(longs(self.root)).collect();
        // A misspelt flag of this command is likelier than a flag of another command.
        if let Some(near) = did_you_mean(long, own.iter().copied()) {
            return error.hint(format!("did you mean --{near}?"));
        }
        let others = owners(tree, long, tree.get_name());
        match others.is_empty() {
            true => error,
            false => {
                error.hint(format!("{} has it", either(&others.iter().map(|o| format!("`{o}`")).collect::<Vec<_>>())))
            }
        }
    }

    fn no_command(&self, word: &str, line: &[OsString], tree: &Command) -> Error {
        let known: Vec<&str> = self.command.get_subcommands().map(Command::get_name).collect();
        let error = self.usage(format!("{} has no command {word:?}", self.path));
        let error = error.detail(format!("its commands are {}", known.join(", ")));
        let next = line.iter().skip_while(|typed| *typed != word).nth(1).and_then(|next| next.to_str());
        let is_swapped = next.is_some_and(|next| known.contains(&next));
        if let (true, Some(next)) = (is_swapped && did_you_mean(word, known.iter().copied()).is_none(), next) {
            return error.hint(format!("did you mean `{} {next} {word}`?", self.path));
        }
        let elsewhere = tree.get_subcommands().find(|c| c.find_subcommand(word).is_some()).map(Command::get_name);
        match (did_you_mean(word, known.iter().copied()), elsewhere) {
            (Some(near), _) => error.hint(format!("did you mean `{} {near}`?", self.path)),
            (None, Some(parent)) => error.hint(format!("did you mean `evo {parent} {word}`?")),
            // A line that begins with an entity probably lacks its command.
            (None, None) if ["members", "sales", "entries", "prospects", "all"].contains(&word) => {
                error.hint(format!("did you mean `evo load {word}` or `evo transform {word}`?"))
            }
            (None, None) => error,
        }
    }
}

/// The long flags of a command.
fn longs(command: &Command) -> impl Iterator<Item = &str> {
    command.get_arguments().filter_map(Arg::get_long)
}

/// The commands that have a flag.
fn owners(command: &Command, long: &str, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for sub in command.get_subcommands() {
        let path = format!("{path} {}", sub.get_name());
        if longs(sub).any(|known| known == long) {
            found.push(path.clone());
        }
        found.extend(owners(sub, long, &path));
    }
    found
}

/// The texts that clap keeps under a kind.
fn texts(e: &clap::Error, kind: ContextKind) -> Vec<String> {
    match e.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// `--workers <N>` → `--workers`; an argument without a flag is its placeholder.
fn flag(text: &str) -> String {
    match text.split([' ', '=', '[']).next() {
        Some(word) if word.starts_with('-') => word.to_owned(),
        _ => placeholder(text).to_owned(),
    }
}

/// `--workers <N>` → `N`, `<ENTITY>...` → `ENTITY`.
fn placeholder(text: &str) -> &str {
    let start = text.find(['<', '[']).map_or(0, |i| i + 1);
    let rest = &text[start..];
    &rest[..rest.find(['>', ']']).unwrap_or(rest.len())]
}

/// `text or json`, `a, b or c`.
fn either(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Cli, Parsed};

    fn refused(line: &str) -> (String, String) {
        let error = Cli::read(std::iter::once("evo").chain(line.split_whitespace())).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        (error.message().to_owned(), error.hint_text().unwrap_or_default().to_owned())
    }

    #[test]
    fn every_obvious_mistake_is_answered_in_plain_words() {
        for (line, message, hint) in [
            ("lode sales", "evo has no command \"lode\"", "did you mean `evo load`?"),
            ("sales", "evo has no command \"sales\"", "did you mean `evo load sales` or `evo transform sales`?"),
            ("replay", "evo has no command \"replay\"", "did you mean `evo rejects replay`?"),
            ("db strat", "evo db has no command \"strat\"", "did you mean `evo db start`?"),
            ("load", "evo load: ENTITY is missing", "for example `evo load sales`"),
            ("extract sales --to 2026-01-31", "evo extract: --from is missing", "for example"),
            ("load sales --full-refresh", "evo load has no --full-refresh", "`evo transform` has it"),
            ("load sales --worker 8", "evo load has no --worker", "did you mean --workers?"),
            ("load sales --lkae x", "evo load has no --lkae", "did you mean --lake?"),
            ("load sales --workers", "--workers needs a value: N", "for example"),
            ("load sales --since yesterday", "--since: expected a day such as 2026-01-31, found \"yesterday\"", ""),
            ("load sales -x", "evo load takes no flag \"-x\"", ""),
            ("migrate now", "evo migrate takes no further \"now\"", ""),
            (
                "transform sales --year -5 --full-refresh",
                "--year: expected a whole number from 1 to 9999, found \"-5\"",
                "",
            ),
            (
                "transform sales --max-shrink -5%",
                "--max-shrink: expected a share from 0% to 100%, such as 2% or 0.02, found \"-5%\"",
                "",
            ),
            (
                "transform sales --max-shrink 20",
                "--max-shrink: expected a share from 0% to 100%, such as 2% or 0.02, found \"20\"",
                "did you mean 20%?",
            ),
            (
                "optimize-storage --reindex --max-wait 99999d",
                "--max-wait: expected a duration from 0s to 7days, such as 5s or 1m30s, found \"99999d\"",
                "",
            ),
            (
                "load sales --max-rejects many",
                "--max-rejects: expected a number of lines such as 100, or a share of them such as 1%, found \"many\"",
                "",
            ),
            (
                "transform sales --full-refresh --incremental",
                "--full-refresh and --incremental cannot be used together",
                "",
            ),
            ("generate saels", "ENTITY: expected all, members, sales, entries or prospects, found \"saels\"", "sales"),
            ("rejects show x", "ID: expected a whole number from 1 to 9223372036854775807, found \"x\"", ""),
        ] {
            let (said, hinted) = refused(line);
            assert_eq!(said, message, "{line}");
            assert!(hinted.contains(hint) && !hinted.is_empty(), "{line}: {hinted}");
        }
    }

    #[test]
    fn swapped_words_and_values_of_another_shape_are_answered_too() {
        for (line, message, hint) in [
            ("sales load", "evo has no command \"sales\"", "did you mean `evo load sales`?"),
            ("-v sales transform --workers 2", "evo has no command \"sales\"", "did you mean `evo transform sales`?"),
            ("db url start", "evo db url takes no further \"start\"", ""),
            ("new", "evo new: --from and ENTITY are missing", "for example"),
            (
                "generate --serve localhost",
                "--serve: expected an address and a port such as 127.0.0.1:8080, found \"localhost\"",
                "",
            ),
            (
                "generate --serve 127.0.0.1:0 --clock noon",
                "--clock: expected a time such as 2026-01-31T12:00:00Z, found \"noon\"",
                "",
            ),
            (
                "extract sales --rate fast",
                "--rate: expected a limit such as 40/min, 10/s, 10000/h or \"40/min 05:00-24:00\", found \"fast\"",
                "",
            ),
        ] {
            let (said, hinted) = refused(line);
            assert_eq!(said, message, "{line}");
            assert!(hinted.contains(hint) && !hinted.is_empty(), "{line}: {hinted}");
        }
    }

    #[test]
    fn a_number_that_begins_with_a_hyphen_reaches_the_setting() {
        let Parsed::Run(cli) = Cli::read(["evo", "load", "sales", "--workers", "-5"]).unwrap() else { panic!() };
        assert_eq!(cli.global.of_command, [("workers", "-5".to_owned())]);
        let Parsed::Run(cli) = Cli::read(["evo", "load", "-5"]).unwrap() else { panic!() };
        let crate::cli::Command::Load(args) = cli.command else { panic!() };
        assert_eq!(args.entities, ["-5"], "an entity of that name is then looked for");
    }
}
