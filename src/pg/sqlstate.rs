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
/// A page of a table is damaged.
pub(super) const DATA_CORRUPTED: &str = "XX001";
/// An index is damaged.
pub(super) const INDEX_CORRUPTED: &str = "XX002";

/// SQLSTATEs, and classes (two characters) for those not named, with their kinds; [`Kind::DatabaseFailed`]
/// for the rest. A test walks through the list of PostgreSQL.
pub const SQLSTATES: &[(&str, Kind, &str)] = &[
    ("03", Kind::StatementInvalid, "a statement at the wrong moment"),
    ("08", Kind::DatabaseUnavailable, "connection exceptions"),
    ("09", Kind::Refused, "a trigger's action failed"),
    ("0A", Kind::SchemaChanged, "a column, index, trigger or extension does not allow what evo does"),
    ("0B", Kind::StatementInvalid, "a transaction cannot begin here"),
    ("0F", Kind::Refused, "a function has an invalid locator"),
    ("0L", Kind::AccessDenied, "the role may not grant this"),
    ("0P", Kind::Config, "a role of the settings does not exist"),
    ("0Z", Kind::Refused, "a function of the database failed"),
    ("20", Kind::Refused, "a function of the database has no case for a value"),
    ("21", Kind::BadRow, "a model gives several values, or a key twice, where there can be one"),
    ("22", Kind::BadRow, "data exceptions"),
    ("23", Kind::Refused, "a constraint does not hold: not null, foreign key, unique, check, exclusion"),
    ("24", Kind::StatementInvalid, "a cursor in the wrong state"),
    ("25", Kind::StatementInvalid, "a statement does not belong into this transaction"),
    (READ_ONLY_TRANSACTION, Kind::DatabaseUnavailable, "read-only transaction: a standby, or a full server"),
    ("25P03", Kind::DatabaseUnavailable, "idle_in_transaction_session_timeout ended the session"),
    ("25P04", Kind::StatementCanceled, "transaction_timeout ended the session"),
    ("26", Kind::DatabaseUnavailable, "a pooler has changed the session in the middle of a statement"),
    ("27", Kind::Refused, "a trigger changed the row that it was called for"),
    ("28", Kind::AccessDenied, "invalid authorization"),
    ("2B", Kind::AccessDenied, "other privileges depend on one that is to be revoked"),
    (DEPENDENTS_EXIST, Kind::Config, "something of yours depends on a table that evo has to drop"),
    ("2D", Kind::Refused, "a function of the database ends a transaction that is not its own"),
    ("2F", Kind::Refused, "a function of the database failed"),
    ("34", Kind::StatementInvalid, "an unknown cursor"),
    ("38", Kind::Refused, "a function in another language failed"),
    ("39", Kind::Refused, "a trigger's function broke the rules for triggers"),
    ("3B", Kind::StatementInvalid, "an unknown savepoint"),
    (UNKNOWN_DATABASE, Kind::Config, "the database does not exist"),
    (UNKNOWN_SCHEMA, Kind::Config, "the schema does not exist, or none was named for a new object"),
    ("40", Kind::TransactionConflict, "serialization failure, deadlock"),
    ("40003", Kind::CommitUnknown, "completion unknown"),
    ("42", Kind::StatementInvalid, "a statement that is wrong in itself: syntax, grouping, parameters, cursors"),
    (INSUFFICIENT_PRIVILEGE, Kind::AccessDenied, "insufficient privilege"),
    ("42602", Kind::Config, "a name that no object can have"),
    ("42611", Kind::SchemaChanged, "a column's definition does not allow it"),
    ("42622", Kind::Config, "a name that is too long"),
    ("42701", Kind::SchemaChanged, "a column that evo adds is there already"),
    ("42702", Kind::SchemaChanged, "a column has the name of another one that evo reads beside it"),
    ("42703", Kind::SchemaChanged, "a column does not exist: it was dropped or renamed"),
    (UNDEFINED_OBJECT, Kind::SchemaChanged, "an index, type, setting or other object does not exist"),
    ("42710", Kind::SchemaChanged, "an object that evo creates is there already"),
    ("42723", Kind::SchemaChanged, "a function that evo creates is there already"),
    ("42725", Kind::SchemaChanged, "several functions or operators match"),
    (DATATYPE_MISMATCH, Kind::SchemaChanged, "a column has another type than what is written into it"),
    ("42809", Kind::SchemaChanged, "another kind of object than a table has its name"),
    ("42830", Kind::SchemaChanged, "a foreign key refers to columns without a unique index"),
    ("42846", Kind::SchemaChanged, "a column has a type that cannot be converted"),
    (UNDEFINED_FUNCTION, Kind::SchemaChanged, "a function or operator does not exist for these types"),
    ("428C9", Kind::SchemaChanged, "a column that evo fills is always generated"),
    ("42939", Kind::Config, "a name that is reserved for the server"),
    (UNDEFINED_TABLE, Kind::SchemaChanged, "a table does not exist: it was dropped or renamed"),
    ("42P04", Kind::SchemaChanged, "a database that evo creates is there already"),
    ("42P05", Kind::DatabaseUnavailable, "a pooler has kept a statement of another session"),
    ("42P06", Kind::SchemaChanged, "a schema that evo creates is there already"),
    ("42P07", Kind::SchemaChanged, "a table or index that evo creates is there already"),
    ("42P10", Kind::SchemaChanged, "a table has no unique index over its key"),
    ("42P12", Kind::Config, "a database cannot be created like this"),
    ("42P13", Kind::SchemaChanged, "a function cannot be created like this"),
    ("42P15", Kind::Config, "a schema cannot be created like this"),
    ("42P16", Kind::SchemaChanged, "a table's definition does not allow it"),
    ("42P17", Kind::SchemaChanged, "a partition overlaps another one, or an index is not allowed"),
    ("42P21", Kind::SchemaChanged, "columns that are compared have different collations"),
    ("42P22", Kind::SchemaChanged, "columns that are compared have collations that do not go together"),
    ("44", Kind::Refused, "a view's check option refused the row"),
    ("53", Kind::DatabaseBusy, "insufficient resources, too many connections"),
    (DISK_FULL, Kind::DatabaseFull, "disk full"),
    ("53200", Kind::OutOfMemory, "out of memory"),
    (CONFIGURATION_LIMIT, Kind::OutOfMemory, "a limit in the server's settings: temp_file_limit"),
    ("54", Kind::BadRow, "program limit exceeded"),
    ("54001", Kind::BadRow, "statement too complex: a document nested too deeply"),
    ("54011", Kind::SchemaChanged, "a table has too many columns"),
    ("54023", Kind::SchemaChanged, "a function has too many arguments"),
    ("55000", Kind::Config, "an object does not allow it, as a table in a publication without replica identity"),
    ("55006", Kind::DatabaseBusy, "object in use"),
    ("55P02", Kind::Config, "a setting can only be changed when the server starts"),
    (LOCK_NOT_AVAILABLE, Kind::DatabaseBusy, "lock not available: lock_timeout"),
    ("55P04", Kind::Refused, "a value of an enum was added in the same transaction"),
    ("57", Kind::DatabaseUnavailable, "an operator intervened"),
    (QUERY_CANCELED, Kind::StatementCanceled, "canceled by a person or by statement_timeout"),
    (ADMIN_SHUTDOWN, Kind::DatabaseUnavailable, "session terminated, or the server stops"),
    ("57P02", Kind::DatabaseUnavailable, "another session crashed"),
    ("57P03", Kind::DatabaseUnavailable, "the server starts, stops or recovers"),
    ("57P04", Kind::Config, "the database was dropped"),
    ("57P05", Kind::DatabaseUnavailable, "idle_session_timeout ended the session"),
    ("58", Kind::DatabaseBusy, "input/output error of the server"),
    ("72", Kind::TransactionConflict, "snapshot too old"),
    ("F0", Kind::Config, "the server's own configuration is wrong"),
    ("HV", Kind::DatabaseBusy, "a foreign table failed"),
    ("P0", Kind::Refused, "a function of the database raised an error, or an assertion failed"),
    (INTERNAL_ERROR, Kind::DatabaseFailed, "an internal error of the server"),
    (DATA_CORRUPTED, Kind::DatabaseFailed, "a page of a table is damaged"),
    (INDEX_CORRUPTED, Kind::DatabaseFailed, "an index is damaged"),
];

/// The kind of a SQLSTATE, by its own row in [`SQLSTATES`] or else by its class. One that is neither comes
/// from an extension or a newer server.
pub fn kind_of(sqlstate: &str) -> Kind {
    listed(sqlstate).unwrap_or(Kind::DatabaseFailed)
}

fn listed(sqlstate: &str) -> Option<Kind> {
    let entry = |wanted: &str| SQLSTATES.iter().find(|(code, ..)| *code == wanted).map(|(_, kind, _)| *kind);
    entry(sqlstate).or_else(|| entry(sqlstate.get(..2)?))
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
            ("42804", Kind::SchemaChanged),
            ("42703", Kind::SchemaChanged),
            ("XX001", Kind::DatabaseFailed),
            ("EV001", Kind::DatabaseFailed),
            ("23505", Kind::Refused),
            ("P0001", Kind::Refused),
            ("39P01", Kind::Refused),
            ("2BP01", Kind::Config),
            ("21000", Kind::BadRow),
            ("55000", Kind::Config),
            ("42809", Kind::SchemaChanged),
        ];
        for (code, kind) in table {
            assert_eq!(kind_of(code), kind, "{code}");
        }
    }

    /// Every code of PostgreSQL 18 (`src/backend/utils/errcodes.txt`), by class.
    const ALL: &str = include_str!("../../tests/fixtures/sqlstates.txt");
    /// Those that no error of the server has: success, and warnings.
    const NO_ERRORS: [&str; 3] = ["00", "01", "02"];
    /// Those whose statement is at fault, whatever the warehouse looks like. evo exits with code 1.
    const OF_STATEMENTS: &str = "
        03000 0B000 24000 25000 25001 25002 25003 25004 25005 25007 25008 25P01 25P02 34000 3B000 3B001
        42000 42601 42712 42803 42P02 42P03 42P08 42P09 42P11 42P14 42P18 42P19 42P20";

    #[test]
    fn every_code_of_the_server_has_a_kind_and_only_a_wrong_statement_is_a_defect() {
        let codes: Vec<&str> = ALL.split_whitespace().filter(|word| word.len() == 5).collect();
        assert!(codes.len() > 250, "{}", codes.len());
        let unlisted: Vec<&&str> =
            codes.iter().filter(|code| listed(code).is_none() && !NO_ERRORS.contains(&&code[..2])).collect();
        assert!(unlisted.is_empty(), "give these a kind in SQLSTATES: {unlisted:?}");
        let defects: Vec<&str> = codes.into_iter().filter(|code| kind_of(code).facts().exit_code == 1).collect();
        assert_eq!(defects, OF_STATEMENTS.split_whitespace().collect::<Vec<_>>());
        for (code, ..) in SQLSTATES {
            assert!(ALL.contains(code), "{code} is not a code of the server");
        }
    }
}
