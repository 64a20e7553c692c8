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
    /// The reaction of each job that meets such an error, in a few words. No full stop at its end.
    pub does: &'static str,
    /// The operator's next step when evo could not recover. No full stop at its end.
    pub advice: &'static str,
}

/// Declares [`Kind`] and [`KINDS`] from one table.
macro_rules! kinds {
    ($($kind:ident: $disposition:ident, exit $exit:literal, $meaning:literal, $does:literal, $advice:literal;)*) => {
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
            does: $does,
            advice: $advice,
        },)*];
    };
}

kinds! {
    DatabaseUnavailable: Reconnect, exit 5,
        "the server cannot be reached, is starting, stopping or recovering, or has become a standby",
        "wait until it takes writes, repeat",
        "check host and port and that the server runs; then run the same command again";
    CommitUnknown: AskLedger, exit 5,
        "the connection was lost during COMMIT",
        "reconnect, ask the ledger, repeat if it is not committed",
        "nothing: the next run asks the ledger whether the batch is committed";
    TransactionConflict: RetryNow, exit 5,
        "serialization failure or deadlock with another writer",
        "repeat immediately",
        "run it again; the server's log names the other writer";
    DatabaseBusy: RetryLater, exit 5,
        "too many connections, or a lock not granted in time",
        "repeat later; a lock for which it has waited as long as `--retry-budget` ends the work on the entity",
        "end the transaction that the message names, or look for long ones in pg_stat_activity; lower --workers";
    DatabaseFull: Abort, exit 8,
        "the disk is full, or the platform made the server read-only because it nearly is",
        "stop",
        "free or add storage, then run the same command again";
    DatabaseFailed: Abort, exit 5,
        "the server failed internally, a page or an index of it is damaged, it may not write its own files, or an \
         extension reported an error",
        "end the work on the entity; other entities continue",
        "see the server's log; rebuild a damaged index (reindex), restore a damaged table; ask who runs the server";
    OutOfMemory: Shrink, exit 5,
        "the server could not allocate memory, or a limit of its settings was reached",
        "a load repeats with half the batch, and sets an object aside that is too much on its own; other jobs end the \
         work on the entity",
        "use a smaller --batch-size; check work_mem";
    StatementCanceled: Abort, exit 5,
        "a person, or a timeout, canceled a statement",
        "end the work on the entity; other entities continue, and what is committed stays",
        "ask who canceled it; behind a pooler VACUUM and REINDEX run under the role's statement_timeout";
    BadRow: RejectRow, exit 6,
        "a value that the server refuses",
        "a load rejects its line; a transform makes it null and an issue, unless it is strict",
        "see evo.rejects or evo.issues; with --strict the transform stops here";
    AccessDenied: Abort, exit 5,
        "credentials, privileges or a certificate",
        "end the work on the entity; a single object that the lake denies is left out",
        "check the address's user, password and sslmode; grants on evo, stg_evo, core; the lake's credentials";
    StatementInvalid: Abort, exit 1,
        "a statement that is wrong in itself: a defect",
        "end the work on the entity; other entities continue",
        "report it, with the statement in the server's log";
    SchemaChanged: Abort, exit 3,
        "a table, column, index, type or function is not as the migrations made it, or something else has its name",
        "end the work on the entity; other entities continue",
        "the message names it: put it back as the migrations make it, or rename what is in its place";
    SourceUnavailable: RetryLater, exit 4,
        "the lake or an API cannot be reached or is throttling, or a body was cut; a window could not be extracted",
        "repeat later; then leave a single object out, load the others",
        "check the network, and the lake or the source that the message names; then run the same command again";
    SourceChanged: ListAgain, exit 4,
        "an object was replaced, deleted, or loaded by another execution in the meantime",
        "list the lake again",
        "run the command again";
    SourceCorrupt: Quarantine, exit 6,
        "broken or truncated gzip data, an endless line, an object that is not what its manifest describes",
        "set the object aside, load the others",
        "extract the object again: a replaced object is loaded";
    SourceUnreadable: LeaveOut, exit 4,
        "an object that is archived or locked, a file that this user may not read",
        "leave the object out, load the others",
        "rehydrate it, or grant the right to read it; the next run tries it again";
    SourceInvalid: Abort, exit 4,
        "the lake or the entity's prefix is missing or empty; an API refuses a request, or does not answer as declared",
        "end the work on the entity; other entities continue",
        "check --lake, or the source's declaration and credentials: `evo extract --try` shows one page";
    CheckFailed: Abort, exit 6,
        "too many rejects, a broken contract, a generation with too few rows, a [check](checks.md) that returned rows",
        "end the work on the entity and on what depends on it; other entities continue",
        "the old generation serves; see evo.rejects, or the check's hint";
    Refused: Abort, exit 6,
        "a constraint, trigger or policy in the warehouse refused a row, or an event trigger a statement",
        "a load rejects the line, an increment leaves the document as it was, and both continue with the others; a \
         full refresh keeps the old generation; [what a failure costs](#what-a-failure-costs)",
        "the message names it: correct the rows at the source, or change what refused them";
    AlreadyRunning: Abort, exit 7,
        "another execution has the entity's lock",
        "leave the entity to it; other entities continue",
        "wait for it";
    Usage: Abort, exit 2,
        "the command line",
        "begin nothing",
        "`evo COMMAND --help`";
    Config: Abort, exit 3,
        "settings, entity declarations, or the schema's version",
        "begin nothing; found later, end the work on the entity",
        "the hint names the setting; `evo config show`";
    Stopped: Abort, exit 128,
        "a signal asked the job to stop: SIGHUP, SIGINT or SIGTERM",
        "finish or roll back what is under way, begin nothing more",
        "run the same command again: it continues where it stopped";
    Internal: Abort, exit 1,
        "a defect of evo; what it was doing was rolled back",
        "end the work on the entity",
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

    /// Whether the error is about a statement or its rows, so that the same written in another way may
    /// succeed; not about the server, the connection or the job.
    pub fn is_of_statement(self) -> bool {
        use Kind as K;
        matches!(self, K::BadRow | K::Refused | K::StatementInvalid | K::SchemaChanged | K::DatabaseFailed)
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
