//! The error of the whole crate: what happened ([`Kind`]), what a job does about it ([`Disposition`]),
//! and what it tells the operator (primary message, detail, hint and an exit code).
//!
//! A message is lowercase, names the flag or object at fault, and never holds a credential or a cell value.

use std::fmt;
use std::time::Duration;

use crate::visible;

/// What happened, independent of who saw it. One kind has one [`Disposition`] and one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The server cannot be reached, is starting, stopping, recovering, or has become a standby.
    DatabaseUnavailable,
    /// The connection was lost while COMMIT was under way: only the ledger knows what became of it.
    CommitUnknown,
    /// Serialization failure or deadlock: the transaction was rolled back through no fault of its own.
    TransactionConflict,
    /// Too many connections, or a lock that was not granted in time.
    DatabaseBusy,
    /// The disk is full, or the platform made the server read-only because it nearly is.
    DatabaseFull,
    /// The server could not allocate memory for the statement.
    OutOfMemory,
    /// Somebody, or a timeout, canceled the statement.
    StatementCanceled,
    /// A value that the server refuses: one row is bad, not the batch.
    BadRow,
    /// The credentials or the privileges do not allow it.
    AccessDenied,
    /// The statement itself is wrong, or the driver misused: a defect, or a schema that is not evo's.
    StatementInvalid,
    /// The lake cannot be reached or asks for patience.
    SourceUnavailable,
    /// An object is not what the listing promised: replaced or deleted since.
    SourceChanged,
    /// An object cannot be decoded: it is set aside whole.
    SourceCorrupt,
    /// The lake refuses to hand out an object: it is archived, locked, or not for this user. Its content may be all right.
    SourceUnreadable,
    /// The lake, an object or a path is missing or not in the expected layout.
    SourceInvalid,
    /// A check returned rows, or a guard refused to go on.
    CheckFailed,
    /// A constraint, trigger or policy in the warehouse refused a row, or an event trigger a statement.
    Refused,
    /// Another execution holds the lock on the same entity.
    AlreadyRunning,
    /// The command line is at fault.
    Usage,
    /// Settings, entity declarations or the database's schema are at fault.
    Config,
    /// SIGINT asked the job to stop.
    Interrupted,
    /// SIGTERM asked the job to stop.
    Terminated,
    /// A defect of evo.
    Internal,
}

/// What a job does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Drop the connection, wait, connect anew, repeat the batch.
    Reconnect,
    /// Reconnect, then ask the ledger whether the batch is in before repeating it.
    AskLedger,
    /// Repeat the batch after a short jittered pause.
    RetryNow,
    /// Repeat the batch after a longer pause.
    RetryLater,
    /// Repeat with a smaller batch.
    Shrink,
    /// Find the bad row, reject it, go on with the others.
    RejectRow,
    /// Set the object aside, go on with the others.
    Quarantine,
    /// Leave the object out, go on with the others; the next execution tries it again.
    LeaveOut,
    /// List and plan the object again.
    PlanAgain,
    /// Give up.
    Abort,
}

impl Kind {
    /// Every kind, for the documentation and its test.
    pub const ALL: [Kind; 23] = [
        Kind::DatabaseUnavailable,
        Kind::CommitUnknown,
        Kind::TransactionConflict,
        Kind::DatabaseBusy,
        Kind::DatabaseFull,
        Kind::OutOfMemory,
        Kind::StatementCanceled,
        Kind::BadRow,
        Kind::AccessDenied,
        Kind::StatementInvalid,
        Kind::SourceUnavailable,
        Kind::SourceChanged,
        Kind::SourceCorrupt,
        Kind::SourceUnreadable,
        Kind::SourceInvalid,
        Kind::CheckFailed,
        Kind::Refused,
        Kind::AlreadyRunning,
        Kind::Usage,
        Kind::Config,
        Kind::Interrupted,
        Kind::Terminated,
        Kind::Internal,
    ];

    /// What a job does about an error of this kind.
    pub fn disposition(self) -> Disposition {
        use Disposition as D;
        match self {
            Kind::DatabaseUnavailable => D::Reconnect,
            Kind::CommitUnknown => D::AskLedger,
            Kind::TransactionConflict => D::RetryNow,
            Kind::DatabaseBusy | Kind::SourceUnavailable => D::RetryLater,
            Kind::OutOfMemory => D::Shrink,
            Kind::BadRow => D::RejectRow,
            Kind::SourceChanged => D::PlanAgain,
            Kind::SourceCorrupt => D::Quarantine,
            Kind::SourceUnreadable => D::LeaveOut,
            Kind::DatabaseFull
            | Kind::StatementCanceled
            | Kind::AccessDenied
            | Kind::StatementInvalid
            | Kind::SourceInvalid
            | Kind::CheckFailed
            | Kind::Refused
            | Kind::AlreadyRunning
            | Kind::Usage
            | Kind::Config
            | Kind::Interrupted
            | Kind::Terminated
            | Kind::Internal => D::Abort,
        }
    }

    /// The process exit code when an error of this kind ends the command.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Internal | Kind::StatementInvalid => 1,
            Kind::Usage => 2,
            Kind::Config => 3,
            Kind::SourceUnavailable | Kind::SourceChanged | Kind::SourceUnreadable | Kind::SourceInvalid => 4,
            Kind::DatabaseUnavailable
            | Kind::CommitUnknown
            | Kind::TransactionConflict
            | Kind::DatabaseBusy
            | Kind::OutOfMemory
            | Kind::StatementCanceled
            | Kind::AccessDenied => 5,
            Kind::BadRow | Kind::SourceCorrupt | Kind::CheckFailed | Kind::Refused => 6,
            Kind::AlreadyRunning => 7,
            Kind::DatabaseFull => 8,
            Kind::Interrupted => 130,
            Kind::Terminated => 143,
        }
    }

    /// What happened, in a few words for an operator.
    pub fn meaning(self) -> &'static str {
        match self {
            Kind::DatabaseUnavailable => {
                "the server cannot be reached, starts, stops, recovers or has become a standby"
            }
            Kind::CommitUnknown => "the connection was lost during COMMIT",
            Kind::TransactionConflict => "serialization failure or deadlock with a foreign writer",
            Kind::DatabaseBusy => "too many connections, or a lock not granted in time",
            Kind::DatabaseFull => "the disk is full, or the platform made the server read-only because it nearly is",
            Kind::OutOfMemory => "the server could not allocate memory",
            Kind::StatementCanceled => "somebody, or statement_timeout, canceled a statement",
            Kind::BadRow => "a value that the server refuses",
            Kind::AccessDenied => "credentials, privileges or a certificate",
            Kind::StatementInvalid => "a statement that the server does not understand: a changed schema, or a defect",
            Kind::SourceUnavailable => "the lake cannot be reached, or a body was cut",
            Kind::SourceChanged => "an object was replaced, deleted, or loaded by another execution meanwhile",
            Kind::SourceCorrupt => "broken or cut gzip data, an endless line",
            Kind::SourceUnreadable => "an object that is archived or locked, a file that this user may not read",
            Kind::SourceInvalid => "the lake or the entity's prefix is missing or empty",
            Kind::CheckFailed => {
                "too many rejects, a new generation with too few rows, or a [check](checks.md) that returned rows"
            }
            Kind::Refused => {
                "a constraint, trigger or policy in the warehouse refused a row, or an event trigger a statement"
            }
            Kind::AlreadyRunning => "another execution has the entity's lock",
            Kind::Usage => "the command line",
            Kind::Config => "settings, entity declarations, or the schema's version",
            Kind::Interrupted => "SIGINT",
            Kind::Terminated => "SIGTERM",
            Kind::Internal => "a defect of evo; nothing was committed",
        }
    }

    /// What the operator should do when evo did not get over it.
    pub fn advice(self) -> &'static str {
        match self {
            Kind::DatabaseUnavailable => {
                "check host and port and that the server runs; then run the same command again"
            }
            Kind::CommitUnknown => "nothing: the next run finds out by the ledger whether the batch is in",
            Kind::TransactionConflict => "run it again; look for the foreign writer in the server's log",
            Kind::DatabaseBusy => "look for long transactions in pg_stat_activity; lower --workers",
            Kind::DatabaseFull => "free or add storage, then run the same command again",
            Kind::OutOfMemory => "a smaller --batch-size; check work_mem",
            Kind::StatementCanceled => {
                "ask who canceled it; behind a pooler VACUUM and REINDEX run under the role's statement_timeout"
            }
            Kind::BadRow => "see evo.rejects or evo.issues; with --strict the transform stops here",
            Kind::AccessDenied => {
                "check the address's user, password and sslmode; grants on evo, stg_evo, core; the lake's credentials"
            }
            Kind::StatementInvalid => "compare the schema with the migrations; report it",
            Kind::SourceUnavailable => "check the network and the lake",
            Kind::SourceChanged => "run the command again",
            Kind::SourceCorrupt => "extract the object again: a replaced one is loaded",
            Kind::SourceUnreadable => "rehydrate it, or grant the right to read it; the next run tries it again",
            Kind::SourceInvalid => "check --lake; `evo generate` makes one",
            Kind::CheckFailed => "the old generation serves; look at evo.rejects, or at the check's hint",
            Kind::Refused => "the message names it: mend the rows at the source, or change what refused them",
            Kind::AlreadyRunning => "wait for it",
            Kind::Usage => "`evo COMMAND --help`",
            Kind::Config => "the hint names the setting; `evo config show`",
            Kind::Interrupted => "run it again: it goes on where it stopped",
            Kind::Terminated => "the same",
            Kind::Internal => "report it",
        }
    }
}

impl Disposition {
    /// What a job does, in a few words for an operator.
    pub fn does(self) -> &'static str {
        match self {
            Disposition::Reconnect => "wait until it takes writes again, repeat",
            Disposition::AskLedger => "reconnect, ask the ledger, repeat if it is not in",
            Disposition::RetryNow => "repeat at once",
            Disposition::RetryLater => "repeat later",
            Disposition::Shrink => "repeat with half the batch",
            Disposition::RejectRow => "reject the row",
            Disposition::Quarantine => "set the object aside",
            Disposition::LeaveOut => "leave the object out, load the others",
            Disposition::PlanAgain => "leave it for the next run",
            Disposition::Abort => "give up",
        }
    }
}

/// Objects of the database that the server named beside its message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The table of the row, a partition where there is one: schema and name, not quoted.
    pub table: Option<(String, String)>,
    /// Its column.
    pub column: Option<String>,
    /// Its constraint or unique index.
    pub constraint: Option<String>,
    /// The function that raised the error, as the server writes it: `public.f(text)`.
    pub function: Option<String>,
}

/// An error with everything an operator needs: what happened, where, and what to do next.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    sqlstate: Option<String>,
    named: Box<Named>,
    retry_after: Option<Duration>,
    is_final: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error whose `message` says in one lowercase line what happened.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            detail: None,
            hint: None,
            sqlstate: None,
            named: Box::default(),
            retry_after: None,
            is_final: false,
            source: None,
        }
    }

    /// Adds the circumstances: which object, which setting, what the other side said.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what the operator should do next: a command, a flag, a setting.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the server's SQLSTATE, five characters.
    pub fn with_sqlstate(mut self, code: impl Into<String>) -> Self {
        self.sqlstate = Some(code.into());
        self
    }

    /// Adds the objects that the server named.
    pub fn naming(mut self, named: Named) -> Self {
        self.named = Box::new(named);
        self
    }

    /// Adds how long the other side asks to be left alone.
    pub fn with_retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// Marks that it was waited for and repeated as long as the settings allow: nobody above tries again.
    pub fn given_up(mut self) -> Self {
        self.is_final = true;
        self
    }

    /// Keeps the cause.
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same under another kind, and so with another exit code.
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Puts what evo was doing in front of the message: `context: message`.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// What happened.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The primary line, without detail and hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The circumstances, if any were recorded.
    pub fn detail_text(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The advice, if there is any.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The server's SQLSTATE, if the server reported the error.
    pub fn sqlstate(&self) -> Option<&str> {
        self.sqlstate.as_deref()
    }

    /// The objects that the server named.
    pub fn named(&self) -> &Named {
        &self.named
    }

    /// How long the other side asked to be left alone, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether somebody below has given up on it already.
    pub fn is_given_up(&self) -> bool {
        self.is_final
    }

    /// All lines as printed at the end of a failed command; nothing in them steers a terminal.
    pub fn render(&self) -> String {
        let mut text = format!("error: {}", visible::line(&self.message));
        if let Some(code) = &self.sqlstate {
            text.push_str(&format!(" (SQLSTATE {code})"));
        }
        for (label, line) in [("detail", &self.detail), ("hint", &self.hint)] {
            if let Some(line) = line {
                text.push_str(&format!("\n  {label}: {}", visible::lines(line).replace('\n', "\n          ")));
            }
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

/// Adds what evo was doing to the error of any result of this crate.
pub trait Context<T> {
    /// Puts `context` in front of the error's message.
    fn context(self, context: impl fmt::Display) -> Result<T>;
}

impl<T> Context<T> for Result<T> {
    fn context(self, context: impl fmt::Display) -> Result<T> {
        self.map_err(|e| e.context(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_renders_message_detail_and_hint_on_lines_of_their_own() {
        let error = Error::new(Kind::Config, "unknown key \"worker\" in evo.toml")
            .detail("line 3")
            .hint("did you mean \"workers\"?")
            .context("cannot read settings");
        assert_eq!(
            error.render(),
            "error: cannot read settings: unknown key \"worker\" in evo.toml\n  detail: line 3\n  hint: did you mean \"workers\"?"
        );
        assert_eq!(error.kind().exit_code(), 3);
    }
}
