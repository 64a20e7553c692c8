//! Guards and checks: what stands between a complete generation and its swap.

use super::build::Build;
use super::foreign_keys::{self, ForeignKey};
use super::guard;
use super::index::Indexed;
use crate::entity::{Entity, Model};
use crate::error::Result;
use crate::meter::Unit;
use crate::pg::Connection;
use crate::transform::checking::check_generation;
use crate::transform::checks::{Finding, Leaf};
use crate::transform::job::EntityJob;
use crate::transform::shape::Shape;
use crate::transform::unknown_fields::UnknownFields;

/// A generation that may serve.
pub(super) struct Checked {
    pub indexed: Indexed,
    /// Foreign keys that reference core.
    pub keys: Vec<ForeignKey>,
    /// The findings of the checks; none of them stops a swap.
    pub findings: Vec<Finding>,
    /// Fields that the documents did not have before. A failure to look for them stops nothing.
    pub unknown_fields: Result<UnknownFields>,
}

impl Indexed {
    /// Runs all guards and checks on the new tables.
    ///
    /// # Errors
    /// `CheckFailed` when one of them does not let the generation through; otherwise see [`crate::pg`].
    pub(super) async fn check(self, job: &EntityJob, connection: &mut Connection, max_shrink: f64) -> Result<Checked> {
        guard::require_all_documents(&job.entity, &self.filled)?;
        guard::refuse_shrinking(&self, max_shrink)?;
        let keys = foreign_keys::read(connection, &job.entity).await?;
        let builds = &self.filled.plan.builds;
        guard::require_references(connection, builds, &keys).await?;
        let _phase = job.phase("checking", 0, Unit::Nothing);
        let leaf = |build| leaf(build, has_parents(&job.entity, &self.filled.plan.shapes, build.model));
        let checks = check_generation(job, builds.iter().map(leaf).collect());
        let unknown_fields = UnknownFields::of_all(job, self.filled.documents);
        let (findings, unknown_fields) = futures_util::future::join(checks, unknown_fields).await;
        Ok(Checked { findings: findings?, indexed: self, keys, unknown_fields })
    }
}

fn leaf(build: &Build, has_parents: bool) -> Leaf {
    Leaf { table: build.table.clone(), new: build.new.clone(), replaces: build.old.name.clone(), has_parents }
}

/// Whether all rows of a table have their parents by the way in which both were made: from one snapshot,
/// which gave the parent table as many rows as it has documents, and no two of a key. So the key of every
/// document is there, and a row that takes it from its document has a parent. See
/// [`guard::require_all_documents`].
fn has_parents(entity: &Entity, shapes: &[Shape], child: usize) -> bool {
    let Some(parent) = entity.models.first() else { return false };
    let (of_child, child) = (&shapes[child], &entity.models[child]);
    let key = &child.parent_key;
    let is_simple = entity.partition.is_none() && entity.history.is_none();
    let takes_key = |model: &Model| {
        let is_key =
            |(alias, column): &(String, String)| alias == model.select.source() && *column == entity.staging.key_column;
        model.select.columns().iter().any(|column| column.name == *key && column.reference.as_ref().is_some_and(is_key))
    };
    // The table could make another value of the key.
    let type_of_key = |shape: &Shape| {
        let at = shape.columns.iter().position(|column| column == key)?;
        shape.types.get(at).cloned()
    };
    is_simple
        && parent.key == [key.clone()]
        && shapes[0].has_key
        && takes_key(parent)
        && takes_key(child)
        && type_of_key(&shapes[0]).is_some()
        && type_of_key(&shapes[0]) == type_of_key(of_child)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::{Catalog, History, Select};

    /// A shape with one column of this type.
    fn shape(key: &str, key_type: &str, has_key: bool) -> Shape {
        Shape {
            columns: vec![key.to_owned()],
            types: vec![key_type.to_owned()],
            absent: Vec::new(),
            own: Vec::new(),
            updated_at: None,
            has_key,
            fingerprint: String::new(),
        }
    }

    #[test]
    fn rows_have_parents_by_construction_only_where_both_take_the_same_key_from_all_documents() {
        let catalog = Catalog::load(None).unwrap();
        let sales = catalog.select(&["sales".into()]).unwrap()[0].clone();
        let usual = || vec![shape("sale_id", "bigint", true), shape("sale_id", "bigint", true)];
        assert!(has_parents(&sales, &usual(), 1));
        let as_integer = shape("sale_id", "integer", true);
        assert!(!has_parents(&sales, &[shape("sale_id", "bigint", false), usual().remove(1)], 1));
        assert!(!has_parents(&sales, &[usual().remove(0), as_integer], 1));
        let child = |from: &str, to: &str| {
            let mut changed = sales.clone();
            let model = &changed.models[1];
            assert!(model.select.whole().contains(from), "{from}");
            let text = model.select.whole().replacen(from, to, 1);
            let select = Select::parse("own.sql", &text, &model.key).unwrap();
            changed.models[1].select = select;
            has_parents(&changed, &usual(), 1)
        };
        assert!(child("s.sale_id", "s.sale_id as sale_id"));
        assert!(!child("s.sale_id", "s.sale_id + 1 as sale_id"));
        assert!(!child("s.sale_id", "s._batch_id as sale_id"));
        let history = Some(History { column: "since".to_owned(), fields: vec!["changed".to_owned()] });
        assert!(!has_parents(&Entity { history, ..sales.clone() }, &usual(), 1));
        let partition = catalog.select(&["entries".into()]).unwrap()[0].partition.clone();
        assert!(partition.is_some() && !has_parents(&Entity { partition, ..sales }, &usual(), 1));
    }
}
