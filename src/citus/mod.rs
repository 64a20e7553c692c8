//! Tables that Citus distributes over several servers: which they are, and when their rows can be seen.
//!
//! All of an entity's tables are local, or all are distributed by the document's key and co-located: then
//! every merge, model and swap stays within a shard ([decision 24](../../docs/decisions/0024-citus.md)). The
//! ledger and its locks are on the coordinator, to which every job connects.

mod distribute;
mod layout;
mod parts;
mod prepared;
mod settings;
mod shards;

pub use distribute::{DistributedTable, distribute, replicate, require_cluster, send_functions};
pub use layout::{Layout, wait_for_all_rows};
pub use parts::{PartRow, Parts, ServerAnswer, ask_each_server, ask_servers, run_on_servers};
pub use settings::{Unlike, adapt, unlike};
pub use shards::ShardGroup;
