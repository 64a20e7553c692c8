//! The id of a document as a parameter and a column of statements: a bigint, a text or a uuid.

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use super::param::Param;
use crate::ids::RowKey;

type Unsendable = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for RowKey {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Unsendable> {
        match self {
            Self::Integer(id) => id.to_sql(ty, out),
            Self::Text(text) => (&**text).to_sql(ty, out),
            Self::Uuid(id) => id.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::UUID)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for RowKey {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Unsendable> {
        match *ty {
            Type::INT8 => i64::from_sql(ty, raw).map(Self::Integer),
            Type::UUID => Uuid::from_sql(ty, raw).map(Self::Uuid),
            _ => <&str>::from_sql(ty, raw).map(|text| Self::Text(text.into())),
        }
    }

    fn accepts(ty: &Type) -> bool {
        <Self as ToSql>::accepts(ty)
    }
}

impl Param for RowKey {
    fn sql_type(&self) -> Type {
        match self {
            Self::Integer(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Uuid(_) => Type::UUID,
        }
    }
}

/// All of one kind. No key at all is sent as an array of texts, which the server casts.
impl Param for Vec<RowKey> {
    fn sql_type(&self) -> Type {
        match self.first() {
            Some(RowKey::Integer(_)) => Type::INT8_ARRAY,
            Some(RowKey::Uuid(_)) => Type::UUID_ARRAY,
            Some(RowKey::Text(_)) | None => Type::TEXT_ARRAY,
        }
    }
}
