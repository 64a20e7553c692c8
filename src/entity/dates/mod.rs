//! Date formats of an entity's own, `dates = ["%d/%m/%Y"]`, which are read beside ISO 8601 (docs/values.md).
//!
//! A text in such a format is first rewritten as ISO 8601: by [`DateFormat::to_iso`] for a key, by
//! `evo.to_iso` for a cast, whose pattern [`DateFormat::arguments`] builds. What the ISO text means, and
//! whether its day exists, is decided as for any other. So there is one language of dates, and a format only
//! adds spellings to it.

mod conflict;
mod declared;
mod field;
mod format;

pub(super) use declared::DeclaredDates;
pub use format::DateFormat;
