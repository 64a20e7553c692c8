//! A model's typed reading: the server makes numbers as it takes the document apart, and an array's elements
//! come out of it in one step.
//!
//! `evo.as_bigint(d."idMember")` over a record of texts first makes a text of each value. In the typed
//! reading the record itself has the type. Where the two differ, the typed one is the stricter:
//!
//! | value | as written | typed |
//! |---|---|---|
//! | `""` for a number | null | an error |
//! | `""` or `12.0` for an integer in an object of the record | null, or 12 | an error |
//! | an amount written as a text | the amount | an error |
//! | an id that comes twice in an array | one row | two rows |
//! | an element without id | an error | an error |
//! | a cell that begins as a list and is none | no list | an error |
//!
//! So a part that fails, or gives a key twice, is read again as it is written, and after a few of them so
//! are all others. Values that fit give the same in both. Where the server reads `0x10` as an integer (from
//! version 16 on), integers stay texts.

use super::binding::{Binding, Draft};
use super::clocks::Clocks;
use super::once;
use super::typed_fields::{TypedField, column_type, typed_fields, value};
use super::unfold::unfold;
use crate::entity::Select;

/// The cast of a local time by the session's time zone.
pub(in crate::transform) const AT_SESSION_ZONE: &str = "evo.at_session_zone(";

/// The select with typed records. `None` if nothing in it can be typed, or if it does more than models
/// usually do: in doubt the text stays as it was written. `key` is the model's. With `is_plain` integers are
/// checked to be digits.
///
/// Where the result contains [`AT_SESSION_ZONE`], the session's time zone must be the entity's.
pub(super) fn typed(select: &Select, key: &[String], binding: Binding<'_>, is_plain: bool) -> Option<String> {
    let mut draft = Draft::new(select, binding);
    for name in select.text_arrays() {
        draft.replace(name.clone(), "plain_array".to_owned());
    }
    once::read_once(select, is_plain, &mut draft);
    let (fields, clocks) = (typed_fields(select), Clocks::of(select));
    if let Some(children) = select.children() {
        unfold(select, children, (key, is_plain, &clocks), &mut draft)?;
    } else if fields.is_empty() && select.text_arrays().is_empty() {
        return None;
    } else {
        clocks.open(&mut draft);
    }
    clocks.close(&mut draft);
    if select.is_free_of_zones() {
        for column in select.columns() {
            if let Some(time) = &column.local_time {
                let value = draft.part(&time.text);
                let clock = clocks.clock(time).map_or(String::new(), |clock| format!(", {clock}"));
                draft.replace(column.expression.span.clone(), format!("{AT_SESSION_ZONE}{value}{clock})"));
            }
        }
    }
    replace_casts(select, &fields, is_plain, &mut draft);
    Some(draft.all())
}

/// Replaces the columns that are nothing but a cast of typed fields, and the types in the records.
fn replace_casts(select: &Select, fields: &[TypedField<'_>], is_plain: bool, draft: &mut Draft<'_>) {
    for column in select.columns() {
        if let Some(cast) = &column.plain
            && !cast.fields.is_empty()
            && cast.fields.iter().all(|field| fields.iter().any(|typed| typed.name == field))
        {
            draft.replace(column.expression.span.clone(), value(select.slice(&cast.value), cast.kind, is_plain));
        }
    }
    for record in select.records() {
        for column in &record.columns {
            let typed = fields.iter().find(|typed| typed.name.0 == record.alias && typed.name.1 == column.name);
            if let Some(typed) = typed {
                draft.replace(column.kind.clone(), column_type(typed.sql_type, is_plain).to_owned());
            }
        }
    }
}
