//! Random histories: documents of every shape that the API may send, over few keys, in runs that arrive in
//! any order.

use serde_json::{Map, Value, json};

use super::mapping::TABLES;
use crate::support::{Evo, object};

/// xorshift64*: enough for choosing, the same everywhere.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    pub fn percent(&mut self, p: u64) -> bool {
        self.below(100) < p
    }

    pub fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize].clone()
    }
}

const ENTITIES: [&str; 4] = ["members", "sales", "entries", "prospects"];
const STEPS: [&str; 6] = ["members", "sales", "entries", "prospects", "branches", "employees"];

/// Lives through a history: loads and transforms in between, all of it transformed at the end, by increments.
pub fn live(evo: &Evo, seed: u64) {
    let mut rng = Rng::new(seed);
    // Without misfits everything goes the fast way, with few of them both ways.
    let misfits = rng.pick(&[0, 0, 1, 4]);
    let mut runs: Vec<u64> = (0..3 + rng.below(4)).collect();
    while !runs.is_empty() {
        // Mostly the oldest; a later one first makes the others arrive late.
        let next = if rng.percent(70) { 0 } else { rng.below(runs.len() as u64) as usize };
        let run = format!("202601{:02}T020501Z", 10 + runs.remove(next));
        let mut entities: Vec<&str> = ENTITIES.into_iter().filter(|_| rng.percent(60)).collect();
        if entities.is_empty() {
            entities.push(rng.pick(&ENTITIES));
        }
        for entity in &entities {
            for part in 0..=rng.below(3) {
                let lines: Vec<String> =
                    (0..=rng.below(7)).map(|_| document(&mut rng, entity, misfits).to_string()).collect();
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                object(entity, &run, &format!("part-{part:05}")).lines(&evo.lake(), &lines);
            }
        }
        let (workers, batch) = ((1 + rng.below(3)).to_string(), (1 + rng.below(3)).to_string());
        evo.run(&[&["load"], &entities[..], &["--workers", &workers, "--batch-size", &batch]].concat()).exits(0);
        if rng.percent(60) {
            let mut steps: Vec<&str> = STEPS.into_iter().filter(|_| rng.percent(50)).collect();
            if steps.is_empty() || rng.percent(30) {
                steps = vec!["all"];
            }
            let refresh: &[&str] = &["--full-refresh", "--accept", "fill_rate", "--max-shrink", "100%"];
            let mode = rng.pick(&[refresh, &["--in-place"], &["--incremental"], &[], &[]]);
            evo.run(&[&["transform"], &steps[..], mode].concat()).exits(0);
        }
    }
    evo.run(&["transform", "all", "--incremental"]).exits(0);
}

fn document(rng: &mut Rng, entity: &str, misfits: u64) -> Value {
    let key = 1 + rng.below(9);
    let mut document = json!({});
    for (_, _, array, columns) in TABLES.iter().filter(|table| table.0 == entity) {
        match array {
            None => fields(rng, &mut document, columns, misfits),
            Some((array, id)) => {
                let children = children(rng, key, (id, columns), misfits);
                if !rng.percent(10) {
                    document[*array] = children;
                }
            }
        }
    }
    match entity {
        "members" => document["idMember"] = json!(key),
        "sales" => document["idSale"] = json!(key),
        "prospects" => {
            document["idProspect"] = json!(key);
            for name in ["interests", "notes", "temperature"] {
                if rng.percent(40) {
                    document[name] = rng.pick(&[json!(null), json!("x"), json!(["a", {"b": 1}])]);
                }
            }
        }
        _ => {
            let dates = ["2024-03-18T06:12:45", "2025-01-01T00:30:00", "2026-07-01T23:59:59.5", "1999-05-05T10:00:00"];
            document["date"] = json!(rng.pick(&dates));
        }
    }
    document
}

/// No array, an array of nothing useful, or children of which some come and go with each version of the
/// document.
fn children(rng: &mut Rng, parent: u64, (id, columns): (&str, &str), misfits: u64) -> Value {
    if rng.percent(8) {
        let nothing = [json!(null), json!([]), json!([null]), json!({}), json!("x"), json!([null, 5, {}, "y"])];
        return rng.pick(&nothing[..if misfits > 0 { 6 } else { 3 }]);
    }
    let mut list = Vec::new();
    for _ in 0..rng.below(5) {
        let mut child = json!({});
        fields(rng, &mut child, columns, misfits);
        let number = parent * 10 + rng.below(4);
        child[id] = match rng.below(20) {
            0 if misfits > 0 => json!(null),
            1 if misfits > 0 => rng.pick(&[json!("x"), json!(1.5), json!(""), json!(true)]),
            2 if misfits > 0 => json!(number as f64),
            3 => json!(number.to_string()),
            _ => json!(number),
        };
        if id == "idPhone" && !child["idContactType"].is_string() {
            child["idContactType"] = json!(rng.pick(&[1, 2, 2, 4, 4, 5]));
        }
        list.push(child);
    }
    Value::Array(list)
}

/// Fills the fields of some columns, each under one of its spellings.
fn fields(rng: &mut Rng, document: &mut Value, columns: &str, misfits: u64) {
    for line in columns.lines().filter(|line| !line.is_empty()) {
        let [column, kind, paths] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let paths: Vec<&str> = paths.split('|').collect();
        let path = if rng.percent(80) { paths[0] } else { rng.pick(&paths) };
        let value = match rng.below(100) {
            0..10 => continue,
            10..20 => Value::Null,
            20..24 if kind != "json" => json!(""),
            n if n >= 100 - misfits && !matches!(kind, "text" | "json") => misfit(rng, kind),
            _ => value(rng, column, kind),
        };
        put(document, path, value);
    }
}

fn value(rng: &mut Rng, column: &str, kind: &str) -> Value {
    let is_name = [
        "branch_name",
        "_consultant_name",
        "_instructor_name",
        "_personal_name",
        "employee_sale_name",
        "employee_name",
    ];
    match kind {
        "big" if column == "branch_id" => json!(rng.below(5)),
        "big" if column.starts_with("employee") => json!(rng.below(7)),
        "text" if is_name.iter().any(|name| column.ends_with(name)) => {
            json!(rng.pick(&["Ana", "Rui", " Rui\t", "Célia", " ", "Ana Maria"]))
        }
        "text" => rng.pick(&[
            json!("x"),
            json!("São João"),
            json!("a\tb\\n\"c\""),
            json!(12),
            json!(true),
            json!("null"),
            json!("é \u{1F3CB} ok"),
        ]),
        "big" => rng.pick(&[json!(0), json!(7), json!("42"), json!(-3), json!(9_007_199_254_740_993_i64)]),
        "int" => rng.pick(&[json!(0), json!(3), json!("12"), json!(-1), json!(2_147_483_647)]),
        "dec" => {
            let cents = rng.below(10_000_000) as f64 / 1000.0;
            rng.pick(&[
                json!(cents),
                json!(-119.9),
                json!("10.005"),
                json!(0),
                json!("9999999999999.99"),
                json!(-0.001),
            ])
        }
        "time" => {
            let day = format!("20{}-{:02}-{:02}", 20 + rng.below(9), 1 + rng.below(12), 1 + rng.below(28));
            let tail = rng.pick(&[
                "T00:00:00",
                "T23:59:59",
                "T06:12:45.123456",
                "T06:12:45.5",
                "",
                "T22:30:00-05:00",
                "T10:00:00Z",
            ]);
            json!(day + tail)
        }
        "date" => {
            let day = format!("19{}-0{}-1{}", 50 + rng.below(50), 1 + rng.below(9), rng.below(10));
            json!(day + rng.pick(&["", "T00:00:00"]))
        }
        "bool" | "flag" => rng.pick(&[json!(true), json!(false), json!("true"), json!(1), json!(0)]),
        _ => {
            rng.pick(&[json!([]), json!([{"idFreeze": 1, "reason": "férias"}, null]), json!({"b": [1, 2.5], "a": {}})])
        }
    }
}

fn misfit(rng: &mut Rng, kind: &str) -> Value {
    match kind {
        "big" => rng.pick(&[json!("abc"), json!(1.5), json!("99999999999999999999"), json!(true)]),
        "int" => rng.pick(&[json!("abc"), json!(1.5), json!(2_147_483_648_i64), json!(" x ")]),
        "dec" => rng.pick(&[json!("dez"), json!("NaN"), json!("10000000000000"), json!("1.2.3")]),
        "time" | "date" => rng.pick(&[
            json!("0001-01-01T00:00:00"),
            json!("2024-13-45T00:00:00"),
            json!("amanhã"),
            json!("2023-02-30T00:00:00"),
            json!(1.5),
            json!("infinity"),
        ]),
        _ => rng.pick(&[json!("maybe"), json!(2), json!(1.5)]),
    }
}

/// Sets the value at a path like `status.id` or `list.0.name`, making what is on the way.
fn put(document: &mut Value, path: &str, value: Value) {
    match path.split_once('.') {
        None => document[path] = value,
        Some((first, rest)) => match rest.strip_prefix("0.") {
            Some(rest) => {
                if !document[first].is_array() {
                    document[first] = json!([{}]);
                }
                put(&mut document[first][0], rest, value);
            }
            None => {
                if !document[first].is_object() {
                    document[first] = Value::Object(Map::new());
                }
                put(&mut document[first], rest, value);
            }
        },
    }
}
