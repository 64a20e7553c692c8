//! The full refresh: a new generation beside the serving one, then one short swap.
//!
//! Every phase is a type that only the phase before it can make, so no guard can be left out:
//!
//! ```text
//! GenerationPlan ─build▶ Built ─fill▶ Inserted ─prove▶ Filled ─index▶ Indexed
//! what to rebuild        empty tables rows inserted    no key twice   all indexes
//!
//! Indexed ─check▶ Checked ─swap▶ Swapped
//!                 guards and checks passed
//! ```
//!
//! The new tables are built in schema `evo_next` under the names that they will have. The swap is one
//! transaction: before it the old generation serves, after it the new one. The replaced tables wait in
//! `evo_old` until they are dropped. A crash leaves tables in `evo_next` or `evo_old`, which the next full
//! refresh drops.
//!
//! All tables are filled from one exported snapshot, so parent and children agree. The watermark becomes the
//! batches of that snapshot: what was loaded meanwhile stays pending. Distributed tables are filled shard by
//! shard, each from a snapshot of its own: see [`shards`].

mod apply;
mod build;
mod built;
mod catalog_state;
mod catch_up;
mod check;
mod constraint;
mod exchange;
mod fill;
mod foreign_keys;
mod guard;
mod index;
mod insert;
mod leftovers;
mod lock_holders;
mod parts;
mod plan;
mod prove;
mod readers;
mod refresh;
mod refused;
mod shards;
mod snapshot;
mod statement;
mod swap;
mod swapped;

pub(super) use plan::require_year;
pub(super) use refresh::full_refresh;
