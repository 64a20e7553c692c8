//! The ledger's part of a limit: slots that processes reserve.

use crate::support::{Database, Dice};

const RESERVE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/extract/reserve_slots.sql"));

#[test]
fn reserved_slots_never_lie_closer_together_than_the_longest_pause_that_holds() {
    let db = Database::migrated();
    db.sql("insert into evo.pace (credential) values ('x')");
    let mut dice = Dice(7);
    let mut behind = 0.0;
    for _ in 0..60 {
        let count = 1 + dice.roll(5);
        // Of these three, the second is longer, and the third holds at no hour of the day.
        let statement = RESERVE
            .replace("$1", "'x'")
            .replace("$2", &format!("{count}::int"))
            .replace("$3", "'{2000,5050,900000}'")
            .replace("$4", "'{0,0,0}'")
            .replace("$5", "'{1440,1440,0}'")
            .replace("$6", "'UTC'::text");
        db.sql(&statement);
        let slots = db.sql("select extract(epoch from slot_at), extract(epoch from next_at) from evo.pace");
        let (first, next): (f64, f64) = (slots[0][0].parse().unwrap(), slots[0][1].parse().unwrap());
        assert!(first >= behind - 1e-5, "a slot of another reservation is {} s away", first - behind);
        // The statement reads the clock twice, and on a busy machine some time passes between.
        let further = next - first - count as f64 * 0.00505;
        assert!((-1e-5..0.05).contains(&further), "{} for {count}", next - first);
        behind = next;
    }
    assert_eq!(db.one("select slowdown from evo.pace"), "1");
}

#[test]
fn a_refusal_stops_everybody_then_slows_them_down_and_the_pace_recovers() {
    let db = Database::migrated();
    let slow_down = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/extract/slow_down.sql"));
    let refuse = slow_down.replace("$1", "'x'").replace("$2", "60000::float8");
    let reserve = RESERVE
        .replace("$1", "'x'")
        .replace("$2", "1::int")
        .replace("$3", "'{1000000}'")
        .replace("$4", "'{0}'")
        .replace("$5", "'{1440}'")
        .replace("$6", "'UTC'::text");
    db.sql("insert into evo.pace (credential) values ('x')");
    db.sql(&refuse);
    db.sql(&refuse);
    assert_eq!(db.one("select slowdown from evo.pace"), "2", "refusals of requests that were sent together count once");
    db.sql(&reserve);
    assert_eq!(db.one("select slot_at = paused_until and next_at - slot_at = interval '2 s' from evo.pace"), "t");
    for _ in 0..30 {
        db.sql(&reserve);
    }
    assert_eq!(db.one("select slowdown from evo.pace"), "1");
}
