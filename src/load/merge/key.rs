//! The expressions in which entities differ: the type of the key, and whether a time is part of it.

use super::lane::lane_sql;
use crate::entity::{Entity, KeyType};
use crate::sql::{ident, literal};
use crate::stage::seen_key_sql;

/// The key of an entity's staging table in SQL.
#[derive(Debug)]
pub(super) struct KeyExpressions {
    /// The type of its id.
    pub id_type: KeyType,
    /// Its id in a row of the staging table.
    pub id: String,
    /// Its time there, or a constant.
    pub row_time: String,
    /// The times of rows there as an array, or null.
    pub row_times: String,
    /// The bytes of its time there, if it has one, and of its id, as the server sends them.
    pub sent: String,
    key: String,
    time: Option<String>,
    /// The key's time in a row of the stage table, as timestamptz.
    pub event: String,
    /// What stands for the whole key in a set of keys.
    pub seen_key: String,
    /// Where the key lies among others: its time, or the same again.
    pub seen_place: String,
    /// Its lane; `None` where there is only one.
    pub lane: Option<String>,
    /// Its columns in the staging table.
    pub columns: String,
    /// Their values in a verdict.
    pub values: &'static str,
    /// Its columns in a row that was written.
    pub returning: String,
}

impl KeyExpressions {
    pub(super) fn of(entity: &Entity) -> Self {
        let key = ident(&entity.staging.key_column);
        let id_type = entity.key_type();
        let sent = sent_sql(id_type, &key);
        let Some(key_time) = entity.key_time() else {
            let seen_key = seen_key_sql(id_type, "key", None);
            return Self {
                id_type,
                id: format!("t.{key}"),
                row_time: "'epoch'::timestamptz".to_owned(),
                row_times: "null::timestamptz[]".to_owned(),
                sent,
                time: None,
                event: "'epoch'::timestamptz".to_owned(),
                seen_place: seen_key.clone(),
                lane: (id_type == KeyType::Integer).then(|| lane_sql(&seen_key)),
                seen_key,
                columns: key.clone(),
                values: "c.key",
                returning: format!("t.{key}"),
                key,
            };
        };
        let time = ident(key_time.column);
        let zone = literal(&entity.zone);
        let micros = "(extract(epoch from event_at) * 1000000)::bigint";
        Self {
            id_type,
            id: format!("t.{key}"),
            row_time: format!("t.{time}"),
            row_times: format!("array_agg(t.{time})"),
            sent: format!("timestamptz_send(t.{time}) || {sent}"),
            event: format!(
                "case when s.event_utc then s.event_at at time zone 'UTC' else s.event_at at time zone {zone} end"
            ),
            seen_key: seen_key_sql(id_type, "key", Some("event_at")),
            seen_place: micros.to_owned(),
            // The ids are digests.
            lane: None,
            columns: format!("{key}, {time}"),
            values: "c.key, c.event_at",
            returning: format!("t.{key}, t.{time}"),
            time: Some(time),
            key,
        }
    }

    /// The join of rows of the staging table, `left`, with verdicts, `right`.
    pub(super) fn matching(&self, left: &str, right: &str) -> String {
        let Self { key, time, .. } = self;
        let mut text = format!("{left}.{key} = {right}.key");
        if let Some(time) = time {
            text.push_str(&format!(" and {left}.{time} = {right}.event_at"));
        }
        text
    }
}

/// The bytes of the id in a row of the staging table.
fn sent_sql(id_type: KeyType, key: &str) -> String {
    let send = match id_type {
        KeyType::Integer => "int8send",
        KeyType::Text => "textsend",
        KeyType::Uuid => "uuid_send",
    };
    format!("{send}(t.{key}::{})", id_type.sql())
}
