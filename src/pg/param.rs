//! Query parameters that know their SQL type, so that a statement needs neither a prepare round trip nor a
//! name.
//!
//! Behind PgBouncer in transaction mode a named statement may run on a server connection that does not know
//! it.

use chrono::{DateTime, NaiveDate, Utc};
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

/// A value that can be a query parameter.
pub trait Param: ToSql + Sync {
    /// The SQL type it is sent as.
    fn sql_type(&self) -> Type;
}

macro_rules! params {
    ($($rust:ty => $sql:ident),* $(,)?) => {$(
        impl Param for $rust {
            fn sql_type(&self) -> Type { Type::$sql }
        }
        impl Param for Option<$rust> {
            fn sql_type(&self) -> Type { Type::$sql }
        }
    )*};
}

params! {
    bool => BOOL, i32 => INT4, i64 => INT8, f64 => FLOAT8,
    &str => TEXT, String => TEXT, Uuid => UUID, NaiveDate => DATE, DateTime<Utc> => TIMESTAMPTZ,
    serde_json::Value => JSONB, Vec<u8> => BYTEA,
    Vec<i32> => INT4_ARRAY, Vec<i64> => INT8_ARRAY, Vec<String> => TEXT_ARRAY, Vec<&str> => TEXT_ARRAY,
    Vec<Option<String>> => TEXT_ARRAY, Vec<Option<NaiveDate>> => DATE_ARRAY, Vec<NaiveDate> => DATE_ARRAY,
    Vec<DateTime<Utc>> => TIMESTAMPTZ_ARRAY, Vec<Uuid> => UUID_ARRAY, Vec<bool> => BOOL_ARRAY,
    Vec<Vec<u8>> => BYTEA_ARRAY,
}
