//! Dimensions: small tables derived from core, written in place, in one transaction.
//!
//! Every field of a core table that names an id is a *sighting*. Among the sightings of an id that have a
//! name, the one in the newest document wins (`sql/transform/dimension_elect.sql`). The dimension's row
//! remembers which row of core that was.
//!
//! * Rebuild: elect among all sightings, write what differs, delete ids that no document names.
//! * Increment: elect among the rows of core whose staging row came with a batch that the dimension does not
//!   have yet. Such a winner replaces the present one if it is at least as good. If the row of a present
//!   winner is among those that changed, and they have no sighting as good, the id is elected again among all
//!   sightings. Nothing else can have changed: a winner keeps winning over sightings that did not change.
//!
//! Both give equal tables. The watermark is the set of batches that the sources have. A full refresh of a
//! source may change rows without a batch, so another generation of a source means a rebuild.

mod compare;
mod definition;
mod fit;
mod job;
mod names;
mod reads;
mod statements;

pub use compare::{ComparedDimension, DimensionMismatch};
pub use definition::{Dimension, DimensionSource, all, all_with_mistakes};
pub use job::DimensionJob;
pub use names::select;
pub use reads::SightingReads;
