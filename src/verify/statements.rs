//! The statements of a verification, filled in for one entity.

use crate::citus::Layout;
use crate::entity::{Entity, KeyType};
use crate::error::Result;
use crate::pg::Pool;
use crate::sql::{fill, ident, literal, qualified};

/// What the placeholders of `sql/verify/` stand for.
#[derive(Debug, Clone)]
pub(super) struct VerifyStatements {
    staging: String,
    key: String,
    key_type: KeyType,
    and_event: String,
    seen_key: String,
    seen_place: String,
    transaction: &'static str,
    /// Where the rows are.
    pub(super) layout: Layout,
}

impl VerifyStatements {
    /// The statements for this entity on the pool's server.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn new(pool: &Pool, entity: &Entity) -> Result<Self> {
        let read = async || Layout::read(&mut *pool.get().await?, entity).await;
        let layout = pool.retry("asking where the rows are", read).await?;
        let (_, hash) = entity.key_type().hashes();
        let (and_event, seen_key, seen_place) = match entity.key_time() {
            None if entity.key_type() == KeyType::Integer => (String::new(), "k.key".to_owned(), "k.key".to_owned()),
            None => (String::new(), format!("{hash}(k.key, 0)"), format!("{hash}(k.key, 0)")),
            Some(time) => {
                let (column, zone) = (ident(time.column), literal(&entity.zone));
                let local = "(k.event_at at time zone 'UTC')";
                let at = format!("case when k.event_utc then k.event_at else {local} at time zone {zone} end");
                // As sql/load writes it.
                let micros = format!("(extract(epoch from s.{column}) * 1000000)::bigint");
                (format!(" and s.{column} = {at}"), format!("{hash}(k.key, {micros})"), micros)
            }
        };
        Ok(Self {
            staging: qualified(&entity.staging.table),
            key: ident(&entity.staging.key_column),
            key_type: entity.key_type(),
            and_event,
            seen_key,
            seen_place,
            // Rows of a distributed table do not show which transaction wrote them.
            transaction: if layout.is_distributed() { "null::xid" } else { "s.xmin" },
            layout,
        })
    }

    /// A statement with everything filled in that is known of the entity.
    pub(super) fn fill(&self, template: &str) -> String {
        fill(
            template,
            &[
                ("staging", &self.staging),
                ("key", &self.key),
                ("key_type", self.key_type.sql()),
                ("and_event", &self.and_event),
                ("seen_key", &self.seen_key),
                ("seen_place", &self.seen_place),
                ("transaction", self.transaction),
            ],
        )
    }
}
