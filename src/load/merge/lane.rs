//! Lanes: sets of keys that have a turn each.
//!
//! An integer belongs to the lane of its thousands. Objects mostly hold keys that follow each other, so that
//! batches of different objects are in different lanes. Texts, uuids and digests have no such order: where a
//! batch would be in every lane anyway, there is only one.

/// Lanes of an entity. More of them would need more of the server's memory for locks.
pub(super) const LANES: u32 = 32;
/// Keys that follow each other and are in one lane: 2 to this power.
const WIDTH: u32 = 12;

/// The lane of an integer, from 0.
pub(super) fn lane(key: i64) -> u32 {
    u32::try_from((key >> WIDTH) & i64::from(LANES - 1)).unwrap_or_default()
}

/// The same in SQL.
pub(super) fn lane_sql(key: &str) -> String {
    format!("({key} >> {WIDTH} & {})::int", LANES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_keys_share_a_lane_and_every_key_has_one() {
        assert_eq!((lane(0), lane(4_095), lane(4_096)), (0, 0, 1));
        assert_eq!((lane(-1), lane(i64::MIN), lane(i64::MAX)), (31, 0, 31));
        assert_eq!(lane_sql("key"), "(key >> 12 & 31)::int");
    }
}
