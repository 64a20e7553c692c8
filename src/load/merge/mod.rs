//! The merge of a staged batch: the statements of `sql/load/`, filled in for an entity.
//!
//! **Invariant.** Whatever the order in which batches meet, a row ends up with the content of the newest line
//! of its key: by date, run, path, then line (`sql/load/age.sql`). A row carries date, run and path of its
//! content. What an object has seen without touching it is in `evo.seen_keys` ([`crate::ledger::seen`]).
//!
//! **Which batches interfere.** Two batches in progress do not see each other's rows. The verdict on a key
//!
//! - *new* depends on no other batch: if another batch inserts the key first, the upsert finds its row,
//!   compares the lineage, and reports a surprise;
//! - *changed* depends on every newer object that has seen the old content: its set of keys must be visible,
//!   or it must see the new row;
//! - *unchanged* in an older object's row depends on every older batch that is about to change that row.
//!
//! So batches that change rows take the turn alone, those that only find rows unchanged share it, and the
//! rest need none. Each lane of keys has a turn of its own, because batches without a common key do not
//! interfere. A turn is an advisory lock, taken before the verdicts that count and held until the commit. It
//! is taken only when a first round of verdicts shows the need: roll back to the savepoint, take the turns,
//! make the verdicts again. A surprise is handled in the same way. A batch that was compared knows which rows
//! it probably changes, and takes their turns at once. Rows are written in key order, and the
//! turns come before any write and in the order of the lanes, so that no two batches can wait for each other.
//!
//! **Compared.** Lines that repeat a row which an older run has written are found while the objects are read,
//! and not sent at all. Their verdict is *unchanged*, in an older object's row. It counts if the rows are the
//! same once the turn is taken: a row that is changed gets another batch, so that counting those that still
//! have theirs is enough. Otherwise the batch begins again, with keys.
//!
//! **Keys first.** Where only keys were staged, a second pass, outside of any turn, sends the document of
//! every accepted line, superseded ones too, unless staging already holds identical content. That way
//! PostgreSQL validates every document, whatever the staging mode.

mod context;
mod earlier;
mod key;
mod lane;
mod line_by_line;
mod partitions;
mod rounds;
mod statements;
mod turn;
mod verdicts;
mod write;

pub(super) use earlier::{EarlierRows, Known};
pub(super) use partitions::make_partitions;
pub(super) use rounds::run;
pub(super) use statements::{IDLE_LIMIT, Statements};
