//! How many of the requests of a budget each entity may take.

use crate::entity::Entity;
use crate::extract::{self, DayRange, Need};
use crate::ids::LakeId;
use crate::pg::Pool;

/// The requests of each entity; `None` without a budget.
pub(super) async fn allowances(
    pool: &Pool,
    (entities, lake): (&[Entity], LakeId),
    range: DayRange,
    budget: Option<u64>,
) -> Vec<Option<f64>> {
    let Some(budget) = budget else { return vec![None; entities.len()] };
    let mut needs: Vec<Need> = Vec::new();
    for entity in entities {
        // Why it is not known is said when its turn comes.
        needs.push(extract::need(pool, entity, lake, range).await.unwrap_or_default());
    }
    extract::shares(budget, &needs).into_iter().map(Some).collect()
}

/// The requests that the next entity may send: what is left of the budget, less what those after it may take.
pub(super) fn limit(left: u64, later: &[Option<f64>]) -> u64 {
    let reserved: f64 = later.iter().flatten().sum();
    (left as f64 - reserved).max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_leaves_to_the_others_what_they_need_and_passes_on_what_it_did_not() {
        assert_eq!(limit(100, &[Some(30.0), Some(50.5)]), 20);
        assert_eq!(limit(90, &[Some(50.5)]), 40);
        assert_eq!((limit(60, &[]), limit(10, &[Some(50.5)])), (60, 0));
    }
}
