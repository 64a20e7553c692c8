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
    Vec<Option<i64>> => INT8_ARRAY, Vec<Option<String>> => TEXT_ARRAY, Vec<Option<NaiveDate>> => DATE_ARRAY,
    Vec<NaiveDate> => DATE_ARRAY, Vec<DateTime<Utc>> => TIMESTAMPTZ_ARRAY, Vec<Uuid> => UUID_ARRAY,
    Vec<Option<DateTime<Utc>>> => TIMESTAMPTZ_ARRAY, Vec<bool> => BOOL_ARRAY, Vec<Vec<u8>> => BYTEA_ARRAY,
}

/// Lets types that wrap a value be parameters and columns of statements: they travel as what they wrap. For
/// each it takes the type, what it wraps, and the SQL types of one value and of an array.
macro_rules! sent_as {
    ($($name:ty: $inner:ty => $sql:ident, $array:ident;)*) => {$(
        impl ::tokio_postgres::types::ToSql for $name {
            fn to_sql(
                &self,
                ty: &::tokio_postgres::types::Type,
                out: &mut ::bytes::BytesMut,
            ) -> ::std::result::Result<::tokio_postgres::types::IsNull, Box<dyn ::std::error::Error + Sync + Send>> {
                self.0.to_sql(ty, out)
            }

            fn accepts(ty: &::tokio_postgres::types::Type) -> bool {
                <$inner as ::tokio_postgres::types::ToSql>::accepts(ty)
            }

            ::tokio_postgres::types::to_sql_checked!();
        }

        impl<'a> ::tokio_postgres::types::FromSql<'a> for $name {
            fn from_sql(
                ty: &::tokio_postgres::types::Type,
                raw: &'a [u8],
            ) -> ::std::result::Result<Self, Box<dyn ::std::error::Error + Sync + Send>> {
                <$inner as ::tokio_postgres::types::FromSql>::from_sql(ty, raw).map(Self)
            }

            fn accepts(ty: &::tokio_postgres::types::Type) -> bool {
                <$inner as ::tokio_postgres::types::FromSql>::accepts(ty)
            }
        }

        impl $crate::pg::Param for $name {
            fn sql_type(&self) -> ::tokio_postgres::types::Type { ::tokio_postgres::types::Type::$sql }
        }

        impl $crate::pg::Param for Option<$name> {
            fn sql_type(&self) -> ::tokio_postgres::types::Type { ::tokio_postgres::types::Type::$sql }
        }

        impl $crate::pg::Param for Vec<$name> {
            fn sql_type(&self) -> ::tokio_postgres::types::Type { ::tokio_postgres::types::Type::$array }
        }
    )*};
}
pub(crate) use sent_as;
