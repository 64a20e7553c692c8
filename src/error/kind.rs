//! The kinds of errors, in one table: disposition, exit code, meaning and advice.
//!
//! `docs/errors.md` shows the same table; a test compares both.

/// How a job reacts to an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Drop the connection, wait for the database, connect again, repeat the work.
    Reconnect,
    /// Reconnect, then ask the ledger whether the batch is committed before repeating it.
    AskLedger,
    /// Repeat the work after a short pause.
    RetryNow,
    /// Repeat the work after a longer pause.
    RetryLater,
    /// Repeat the work with a smaller batch.
    Shrink,
    /// Find the bad row, reject it, continue with the others.
    RejectRow,
    /// Set the object aside, continue with the others.
    Quarantine,
    /// Leave the object out, continue with the others; the next execution tries it again.
    LeaveOut,
    /// Leave the object to the next listing, which knows its new version.
    ListAgain,
    /// End the work: repeating it would not help.
    Abort,
}

impl Disposition {
    /// Whether the error may pass by itself, so that repeating the same work makes sense.
    pub fn is_repeatable(self) -> bool {
        use Disposition as D;
        matches!(self, D::Reconnect | D::AskLedger | D::RetryNow | D::RetryLater)
    }

    /// The reaction in a few words, for an operator.
    pub fn does(self) -> &'static str {
        match self {
            Disposition::Reconnect => "wait until it takes writes, repeat",
            Disposition::AskLedger => "reconnect, ask the ledger, repeat if it is not committed",
            Disposition::RetryNow => "repeat immediately",
            Disposition::RetryLater => "repeat later",
            Disposition::Shrink => "repeat with half the batch",
            Disposition::RejectRow => "reject the row",
            Disposition::Quarantine => "set the object aside",
            Disposition::LeaveOut => "leave the object out, load the others",
            Disposition::ListAgain => "list the lake again",
            Disposition::Abort => "stop",
        }
    }
}

/// A signal that asks a job to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: the terminal was closed.
    Hangup,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM, from a container platform, a service manager or `kill`.
    Terminate,
}

impl Signal {
    /// Its number, which is the same on all platforms.
    pub fn number(self) -> u8 {
        match self {
            Signal::Hangup => 1,
            Signal::Interrupt => 2,
            Signal::Terminate => 15,
        }
    }
}

/// Everything that follows from a kind.
#[derive(Debug)]
pub struct Facts {
    /// The kind that this is about.
    pub kind: Kind,
    /// How a job reacts to such an error.
    pub disposition: Disposition,
    /// The exit code when it ends the command; 128 means 128 plus the number of the signal.
    pub exit_code: u8,
    /// The event in a few words, for an operator. No full stop at its end.
    pub meaning: &'static str,
    /// The operator's next step when evo could not recover. No full stop at its end.
    pub advice: &'static str,
}

/// Declares [`Kind`] and [`KINDS`] from one table.
macro_rules! kinds {
    ($($kind:ident: $disposition:ident, exit $exit:literal, $meaning:literal, $advice:literal;)*) => {
        /// The class of an error, no matter who noticed it. It decides how a job reacts and with which code
        /// it exits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = $meaning] $kind,)*
        }

        /// Every kind with what follows from it, in the order of [`Kind`].
        pub static KINDS: &[Facts] = &[$(Facts {
            kind: Kind::$kind,
            disposition: Disposition::$disposition,
            exit_code: $exit,
            meaning: $meaning,
            advice: $advice,
        },)*];
    };
}

kinds! {
    DatabaseUnavailable: Reconnect, exit 5,
        "the server cannot be reached, is starting, stopping or recovering, or has become a standby",
        "check host and port and that the server runs; then run the same command again";
    CommitUnknown: AskLedger, exit 5,
        "the connection was lost during COMMIT",
        "nothing: the next run asks the ledger whether the batch is committed";
    TransactionConflict: RetryNow, exit 5,
        "serialization failure or deadlock with another writer",
        "run it again; the server's log names the other writer";
    DatabaseBusy: RetryLater, exit 5,
        "too many connections, or a lock not granted in time",
        "look for long transactions in pg_stat_activity; lower --workers";
    DatabaseFull: Abort, exit 8,
        "the disk is full, or the platform made the server read-only because it nearly is",
        "free or add storage, then run the same command again";
    OutOfMemory: Shrink, exit 5,
        "the server could not allocate memory",
        "use a smaller --batch-size; check work_mem";
    StatementCanceled: Abort, exit 5,
        "a person, or statement_timeout, canceled a statement",
        "ask who canceled it; behind a pooler VACUUM and REINDEX run under the role's statement_timeout";
    BadRow: RejectRow, exit 6,
        "a value that the server refuses",
        "see evo.rejects or evo.issues; with --strict the transform stops here";
    AccessDenied: Abort, exit 5,
        "credentials, privileges or a certificate",
        "check the address's user, password and sslmode; grants on evo, stg_evo, core; the lake's credentials";
    StatementInvalid: Abort, exit 1,
        "a statement that the server does not understand: a changed schema, or a defect",
        "compare the schema with the migrations; report it";
    SourceUnavailable: RetryLater, exit 4,
        "the lake or an API cannot be reached or is throttling, or a body was cut; a window could not be extracted",
        "check the network, and the lake or the source that the message names; then run the same command again";
    SourceChanged: ListAgain, exit 4,
        "an object was replaced, deleted, or loaded by another execution in the meantime",
        "run the command again";
    SourceCorrupt: Quarantine, exit 6,
        "broken or truncated gzip data, an endless line, an object that is not what its manifest describes",
        "extract the object again: a replaced object is loaded";
    SourceUnreadable: LeaveOut, exit 4,
        "an object that is archived or locked, a file that this user may not read",
        "rehydrate it, or grant the right to read it; the next run tries it again";
    SourceInvalid: Abort, exit 4,
        "the lake or the entity's prefix is missing or empty; an API refuses a request, or does not answer as declared",
        "check --lake, or the source's declaration and credentials: `evo extract --try` shows one page";
    CheckFailed: Abort, exit 6,
        "too many rejects, a new generation with too few rows, or a [check](checks.md) that returned rows",
        "the old generation serves; see evo.rejects, or the check's hint";
    Refused: Abort, exit 6,
        "a constraint, trigger or policy in the warehouse refused a row, or an event trigger a statement",
        "the message names it: correct the rows at the source, or change what refused them";
    AlreadyRunning: Abort, exit 7,
        "another execution has the entity's lock",
        "wait for it";
    Usage: Abort, exit 2,
        "the command line",
        "`evo COMMAND --help`";
    Config: Abort, exit 3,
        "settings, entity declarations, or the schema's version",
        "the hint names the setting; `evo config show`";
    Stopped: Abort, exit 128,
        "a signal asked the job to stop: SIGHUP, SIGINT or SIGTERM",
        "run the same command again: it continues where it stopped";
    Internal: Abort, exit 1,
        "a defect of evo; nothing was committed",
        "report it";
}

impl Kind {
    /// Everything that follows from this kind.
    pub fn facts(self) -> &'static Facts {
        // Both come from the same table, in the same order.
        &KINDS[self as usize]
    }

    /// How a job reacts to an error of this kind.
    pub fn disposition(self) -> Disposition {
        self.facts().disposition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_finds_its_own_row() {
        for row in KINDS {
            assert_eq!(row.kind.facts().kind, row.kind);
        }
        assert_eq!(Kind::SourceCorrupt.disposition(), Disposition::Quarantine);
    }
}
