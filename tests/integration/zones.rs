//! Local times of documents: evo makes the instants of them that the server would.

use evo::ids::RowKey;
use evo::stage::time::Event;
use evo::stage::{ZoneOffsets, ZoneStep, seen_key};

use crate::support::{Database, Dice, Session};

/// Zones with summer time of an hour and of half an hour, one that skipped a day, one that stops it for a
/// month every year, and one that never changed.
const ZONES: [&str; 6] =
    ["America/Sao_Paulo", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Etc/GMT+3"];
const DAY: i64 = 86_400_000_000;

/// `EVO_TEST_ZONES=all` tests every zone of the server.
fn zones(session: &Session) -> Vec<String> {
    match std::env::var("EVO_TEST_ZONES").as_deref() {
        Ok("all") => session.run("select name from pg_timezone_names order by 1").concat(),
        _ => ZONES.map(str::to_owned).to_vec(),
    }
}

#[test]
fn every_local_time_becomes_the_instant_that_the_server_makes_of_it() {
    let db = Database::bare();
    let session = Session::open(&db.url);
    let sql = include_str!("../../sql/load/zone_offsets.sql");
    for zone in zones(&session) {
        let rows = session
            .run(&sql.replace("$1", &format!("'{zone}'")).replace("$2", "'2000-01-01'").replace("$3", "'2031-01-01'"));
        let number = |text: &String| text.parse::<i64>().unwrap();
        let steps: Vec<ZoneStep> =
            rows.iter().map(|row| ZoneStep { from: number(&row[0]), offset: number(&row[1]) }).collect();
        let offsets = ZoneOffsets::new(steps.clone(), 11_323 * DAY);
        // Around every step, and every few hours in between.
        let around = steps.iter().flat_map(|step| [step.from - 1, step.from, step.from + 1]);
        let times: Vec<i64> = around.filter(|time| *time >= 0).chain((0..11_323 * 7).map(|n| n * DAY / 7)).collect();
        let list = times.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        let server = session.run(&format!(
            "select ((extract(epoch from (timestamp '2000-01-01' + m * interval '1 microsecond') at time zone '{zone}')
                      - 946684800) * 1000000)::bigint
             from unnest('{{{list}}}'::bigint[]) with ordinality as t (m, n) order by n"
        ));
        for (micros, row) in times.iter().zip(&server) {
            let instant = offsets.instant(Event { micros: *micros, is_utc: false });
            assert_eq!(instant, Some(number(&row[0])), "{zone}, {micros}");
        }
    }
}

#[test]
fn what_stands_for_a_key_with_a_time_is_what_the_server_computes() {
    let db = Database::bare();
    let session = Session::open(&db.url);
    let mut dice = Dice(7);
    let number = |dice: &mut Dice| (dice.roll(u64::MAX) as i64) >> dice.roll(60);
    let mut pairs: Vec<(i64, i64)> = (0..2_000).map(|_| (number(&mut dice), number(&mut dice))).collect();
    pairs.extend([(0, 0), (-1, 0), (i64::MIN, i64::MAX), (479_138_501_485_800, 1_710_753_165_000_000)]);
    let list = pairs.iter().map(|(id, micros)| format!("({id}, {micros})")).collect::<Vec<_>>().join(",");
    let list = list.replace("(-9223372036854775808,", "((-9223372036854775807 - 1),");
    let server = session.run(&format!("select hashint8extended(id, micros) from (values {list}) as v (id, micros)"));
    for ((id, micros), row) in pairs.iter().zip(&server) {
        assert_eq!(seen_key(&RowKey::Integer(*id), Some(*micros)).key.to_string(), row[0], "{id} {micros}");
    }
}

#[test]
fn what_stands_for_another_key_is_what_the_server_computes() {
    let db = Database::bare();
    let session = Session::open(&db.url);
    let mut dice = Dice(11);
    for length in (0..40).chain([999, 1_000]) {
        let text: String = (0..length).map(|_| ['a', 'Z', '7', ',', 'é', '漢'][dice.index(6)]).collect();
        let id = uuid::Uuid::from_u64_pair(dice.roll(u64::MAX), dice.roll(u64::MAX));
        let micros = (dice.roll(u64::MAX) as i64) >> dice.roll(60);
        let sql = format!(
            "select hashtextextended('{text}', 0), hashtextextended('{text}' collate \"C\", {micros}),
                    uuid_hash_extended('{id}', 0), uuid_hash_extended('{id}', {micros})"
        );
        let (text, id) = (RowKey::Text(text.into()), RowKey::Uuid(id));
        let own =
            [seen_key(&text, None), seen_key(&text, Some(micros)), seen_key(&id, None), seen_key(&id, Some(micros))];
        assert_eq!(session.run(&sql)[0], own.map(|seen| seen.key.to_string()), "{text} {id} {micros}");
    }
}
