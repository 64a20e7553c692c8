//! SQLSTATEs that evo acts on, and the kind of every other one.
//!
//! Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use crate::error::Kind;

/// A startup parameter that PgBouncer does not accept.
pub(super) const PROTOCOL_VIOLATION: &str = "08P01";
/// A startup parameter that another pooler does not accept.
pub(super) const FEATURE_NOT_SUPPORTED: &str = "0A000";
/// A value in an encoding, or a value that a function refuses.
pub const INVALID_PARAMETER_VALUE: &str = "22023";
/// A text longer than its column.
pub const STRING_TOO_LONG: &str = "22001";
/// A null in a column that is `not null`.
pub const NOT_NULL_VIOLATION: &str = "23502";
/// A foreign key does not hold.
pub const FOREIGN_KEY_VIOLATION: &str = "23503";
/// A duplicate key.
pub const UNIQUE_VIOLATION: &str = "23505";
/// A check constraint does not hold.
pub const CHECK_VIOLATION: &str = "23514";
/// An exclusion constraint does not hold.
pub const EXCLUSION_VIOLATION: &str = "23P01";
/// A write in a transaction that is read-only.
pub const READ_ONLY_TRANSACTION: &str = "25006";
/// The rules of pg_hba.conf have no line for this kind of connection.
pub(super) const INVALID_AUTHORIZATION: &str = "28000";
/// Wrong user or password.
pub(super) const INVALID_PASSWORD: &str = "28P01";
/// Something depends on what is to be dropped.
pub const DEPENDENTS_EXIST: &str = "2BP01";
/// The database does not exist.
pub(super) const UNKNOWN_DATABASE: &str = "3D000";
/// The schema does not exist.
pub(super) const UNKNOWN_SCHEMA: &str = "3F000";
/// A privilege is missing.
pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// The table does not exist.
pub const UNDEFINED_TABLE: &str = "42P01";
/// The index, setting or other object does not exist.
pub const UNDEFINED_OBJECT: &str = "42704";
/// A value has another type than its column.
pub(super) const DATATYPE_MISMATCH: &str = "42804";
/// The function does not exist.
pub(super) const UNDEFINED_FUNCTION: &str = "42883";
/// The disk is full.
pub(super) const DISK_FULL: &str = "53100";
/// The server, the database or the role has as many connections as it may have.
pub(super) const TOO_MANY_CONNECTIONS: &str = "53300";
/// A limit of the server's settings was reached, `temp_file_limit` as a rule.
pub(super) const CONFIGURATION_LIMIT: &str = "53400";
/// `lock_timeout` expired before the lock was granted.
pub const LOCK_NOT_AVAILABLE: &str = "55P03";
/// The statement was canceled, by a person or by a timeout.
pub const QUERY_CANCELED: &str = "57014";
/// The session was terminated, or the server stops.
pub(super) const ADMIN_SHUTDOWN: &str = "57P01";
/// An internal error of the server.
pub const INTERNAL_ERROR: &str = "XX000";

/// SQLSTATEs, and classes (two characters) for those not named, with their kinds; [`Kind::StatementInvalid`]
/// for the rest.
pub const SQLSTATES: &[(&str, Kind, &str)] = &[
    ("08", Kind::DatabaseUnavailable, "connection exceptions"),
    ("09", Kind::Refused, "a trigger's action failed"),
    ("21", Kind::BadRow, "a model gives several values, or a key twice, where there can be one"),
    ("22", Kind::BadRow, "data exceptions"),
    ("23", Kind::Refused, "a constraint does not hold: not null, foreign key, unique, check, exclusion"),
    (READ_ONLY_TRANSACTION, Kind::DatabaseUnavailable, "read-only transaction: a standby, or a full server"),
    ("25P03", Kind::DatabaseUnavailable, "idle_in_transaction_session_timeout ended the session"),
    ("25P04", Kind::StatementCanceled, "transaction_timeout ended the session"),
    ("27", Kind::Refused, "a trigger changed the row that it was called for"),
    ("28", Kind::AccessDenied, "invalid authorization"),
    (DEPENDENTS_EXIST, Kind::Config, "something of yours depends on a table that evo has to drop"),
    ("2F", Kind::Refused, "a function of the database failed"),
    ("38", Kind::Refused, "a function in another language failed"),
    ("39", Kind::Refused, "a trigger's function broke the rules for triggers"),
    (UNKNOWN_DATABASE, Kind::Config, "the database does not exist"),
    (UNKNOWN_SCHEMA, Kind::Config, "the schema does not exist, or none was named for a new object"),
    ("40", Kind::TransactionConflict, "serialization failure, deadlock"),
    ("40003", Kind::CommitUnknown, "completion unknown"),
    ("428C9", Kind::Config, "a column that evo fills is always generated"),
    (INSUFFICIENT_PRIVILEGE, Kind::AccessDenied, "insufficient privilege"),
    (DATATYPE_MISMATCH, Kind::Config, "a column has another type than what is written into it"),
    ("42809", Kind::Config, "another kind of object than a table has its name"),
    ("44", Kind::Refused, "a view's check option refused the row"),
    ("53", Kind::DatabaseBusy, "insufficient resources, too many connections"),
    (DISK_FULL, Kind::DatabaseFull, "disk full"),
    ("53200", Kind::OutOfMemory, "out of memory"),
    (CONFIGURATION_LIMIT, Kind::OutOfMemory, "a limit in the server's settings: temp_file_limit"),
    ("54000", Kind::BadRow, "program limit exceeded"),
    ("54001", Kind::BadRow, "statement too complex: a document nested too deeply"),
    ("55000", Kind::Config, "an object does not allow it, as a table in a publication without replica identity"),
    ("55006", Kind::DatabaseBusy, "object in use"),
    (LOCK_NOT_AVAILABLE, Kind::DatabaseBusy, "lock not available: lock_timeout"),
    (QUERY_CANCELED, Kind::StatementCanceled, "canceled by a person or by statement_timeout"),
    (ADMIN_SHUTDOWN, Kind::DatabaseUnavailable, "session terminated, or the server stops"),
    ("57P02", Kind::DatabaseUnavailable, "another session crashed"),
    ("57P03", Kind::DatabaseUnavailable, "the server starts, stops or recovers"),
    ("57P04", Kind::Config, "the database was dropped"),
    ("57P05", Kind::DatabaseUnavailable, "idle_session_timeout ended the session"),
    ("58", Kind::DatabaseBusy, "input/output error of the server"),
    ("72", Kind::TransactionConflict, "snapshot too old"),
    ("HV", Kind::DatabaseBusy, "a foreign table failed"),
    ("P0", Kind::Refused, "a function of the database raised an error, or an assertion failed"),
];

/// The kind of a SQLSTATE, by its own row in [`SQLSTATES`] or else by its class.
pub fn kind_of(sqlstate: &str) -> Kind {
    let entry = |wanted: &str| SQLSTATES.iter().find(|(code, ..)| *code == wanted).map(|(_, kind, _)| *kind);
    entry(sqlstate).or_else(|| entry(sqlstate.get(..2)?)).unwrap_or(Kind::StatementInvalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlstate_has_the_kind_of_its_own_row_or_else_of_its_class() {
        let table = [
            ("08006", Kind::DatabaseUnavailable),
            ("57P01", Kind::DatabaseUnavailable),
            ("57P03", Kind::DatabaseUnavailable),
            ("57P05", Kind::DatabaseUnavailable),
            ("25P03", Kind::DatabaseUnavailable),
            ("58030", Kind::DatabaseBusy),
            ("53400", Kind::OutOfMemory),
            ("25006", Kind::DatabaseUnavailable),
            ("40001", Kind::TransactionConflict),
            ("40P01", Kind::TransactionConflict),
            ("53300", Kind::DatabaseBusy),
            ("55P03", Kind::DatabaseBusy),
            ("53100", Kind::DatabaseFull),
            ("53200", Kind::OutOfMemory),
            ("57014", Kind::StatementCanceled),
            ("22P02", Kind::BadRow),
            ("22P05", Kind::BadRow),
            ("22003", Kind::BadRow),
            ("54001", Kind::BadRow),
            ("28P01", Kind::AccessDenied),
            ("42501", Kind::AccessDenied),
            ("3D000", Kind::Config),
            ("42601", Kind::StatementInvalid),
            ("42804", Kind::Config),
            ("23505", Kind::Refused),
            ("P0001", Kind::Refused),
            ("39P01", Kind::Refused),
            ("2BP01", Kind::Config),
            ("21000", Kind::BadRow),
            ("55000", Kind::Config),
            ("42809", Kind::Config),
        ];
        for (code, kind) in table {
            assert_eq!(kind_of(code), kind, "{code}");
        }
    }
}
