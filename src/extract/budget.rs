//! How a budget of requests is divided among entities.

/// The requests that an entity needs of a budget.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Need {
    /// For what is asked for: new and changed records.
    pub asked: f64,
    /// For reading once again all windows before.
    pub round: f64,
}

fn sums(needs: &[Need]) -> (f64, f64) {
    needs.iter().fold((0.0, 0.0), |(asked, round), need| (asked + need.asked, round + need.round))
}

/// The requests of each entity. What is asked for comes first, of all entities. What is left is divided so
/// that all of them are through with their old windows on the same day.
pub fn shares(budget: u64, needs: &[Need]) -> Vec<f64> {
    let (budget, (asked, round)) = (budget as f64, sums(needs));
    let left = budget - asked;
    let share = |need: &Need| match (left < 0.0, round > 0.0) {
        (true, _) => budget * need.asked / asked,
        (false, true) => need.asked + left * need.round / round,
        (false, false) => need.asked + left / needs.len() as f64,
    };
    needs.iter().map(share).collect()
}

/// Days until every window was read again, at this budget a day; `None` where it does not suffice, or where
/// nothing is known.
pub fn full_round_days(budget: u64, needs: &[Need]) -> Option<f64> {
    let (asked, round) = sums(needs);
    let left = budget as f64 - asked;
    (left > 0.0 && round > 0.0).then_some(round / left)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn need(asked: f64, round: f64) -> Need {
        Need { asked, round }
    }

    #[test]
    fn what_is_asked_for_comes_first_and_the_rest_goes_to_old_windows() {
        let needs = [need(100.0, 48_000.0), need(300.0, 128_000.0), need(0.0, 0.0)];
        let shares_of = |budget| shares(budget, &needs).iter().map(|share| share.round()).collect::<Vec<_>>();
        assert_eq!(shares_of(5_000), [100.0 + 1_255.0, 300.0 + 3_345.0, 0.0]);
        assert_eq!(shares_of(40), [10.0, 30.0, 0.0], "not enough for what is new");
        assert_eq!(full_round_days(5_000, &needs).map(f64::round), Some(38.0));
        assert_eq!(full_round_days(400, &needs), None);
        assert_eq!(shares(9, &[Need::default(); 3]), [3.0; 3]);
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_budget_and_nobody_gets_less_than_nothing(
            budget in 1_u64..1_000_000,
            needs in prop::collection::vec((0.0..10_000.0, 0.0..1_000_000.0), 1..6),
        ) {
            let needs: Vec<Need> = needs.into_iter().map(|(asked, round)| need(asked, round)).collect();
            let shares = shares(budget, &needs);
            prop_assert!((shares.iter().sum::<f64>() - budget as f64).abs() < 1e-3);
            prop_assert!(shares.iter().all(|share| *share >= 0.0));
        }
    }
}
