//! What must survive, rows 16, 17, 22 and 30: memory, clocks, and versions of the server.

use std::path::{Path, PathBuf};

use crate::support::server::{Server, major_version, majors};
use crate::support::{Database, Evo, Run, gz, object, outcome, write};

/// Documents that do not compress.
fn documents(part: usize, number: usize) -> Vec<u8> {
    version_of_documents(1, part, number)
}

fn version_of_documents(version: u8, part: usize, number: usize) -> Vec<u8> {
    let noise = |i: usize| -> String {
        let hash = |n: usize| xxhash_rust::xxh3::xxh3_128(format!("{version} {part} {i} {n}").as_bytes());
        (0..45).map(|n| format!("{:032x}", hash(n))).collect()
    };
    let lines: Vec<String> =
        (0..number).map(|i| format!(r#"{{"idSale": {}, "x": "{}"}}"#, part * 100_000 + i, noise(i))).collect();
    gz(lines.join("\n").as_bytes())
}

#[test]
fn fault_16_a_batch_for_which_the_servers_memory_is_too_small_is_halved_until_it_fits() {
    // Temporary tables are kept in memory up to this size: a batch needs as much as it holds.
    let mut server = Server::start(&[("fsync", "off"), ("temp_buffers", "1GB")]);
    let evo = Evo::with(Database::on(&server));
    // A table that holds rows is not copied into directly.
    write(&evo.lake(), &object("sales", "20260110T020501Z", "2025-12_part-00001").path(), &documents(0, 10));
    evo.run(&["load", "sales"]).exits(0);
    for part in 1..=8 {
        let path = object("sales", "20260111T020501Z", &format!("2025-12_part-{part:05}")).path();
        write(&evo.lake(), &path, &documents(part, 2_000));
    }
    server.limit_memory(Some(32 << 20));
    let args = ["load", "sales", "--workers", "1", "--batch-size", "8"];
    let run = evo.run(&args).exits(0).says("out of memory: continuing with half of the batch");
    assert!(server.log().contains("out of memory"), "{}", run.stderr);
    let batches: usize = evo.db.one("select count(*) from evo.batches where run_id like '20260111%'").parse().unwrap();
    assert!((2..=8).contains(&batches), "{batches} batches");
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "16010");
    assert_eq!(evo.db.one("select sum(inserted_count) from evo.batches where state = 'committed'"), "16010");
    assert_eq!(evo.db.one("select count(*) from evo.objects where state <> 'loaded'"), "0");
}

#[test]
fn fault_16_an_object_for_which_there_is_no_memory_at_all_is_set_aside_and_the_rest_loads() {
    let mut server = Server::start(&[("fsync", "off"), ("temp_buffers", "1GB")]);
    let evo = Evo::with(Database::on(&server));
    write(&evo.lake(), &object("sales", "20260110T020501Z", "2025-12_part-00001").path(), &documents(2, 25_000));
    evo.run(&["load", "sales"]).exits(0);
    // Documents that changed pass through temporary tables.
    let newer = |part| object("sales", "20260111T020501Z", part).path();
    write(&evo.lake(), &newer("2025-12_part-00001"), &documents(1, 100));
    write(&evo.lake(), &newer("2025-12_part-00002"), &version_of_documents(2, 2, 25_000));
    write(&evo.lake(), &newer("2025-12_part-00003"), &documents(3, 100));
    // The newest run is not kept from loading either.
    write(&evo.lake(), &object("sales", "20260112T020501Z", "a").path(), &documents(4, 100));
    server.limit_memory(Some(24 << 20));
    evo.run(&["load", "sales", "--workers", "1", "--batch-size", "3"])
        .exits(6)
        .says("for one object: trying again")
        .says("2025-12_part-00002.jsonl.gz: the server does not have enough memory to load it")
        .says("53200");
    let of_run = |run: &str| format!("select count(*) from stg_evo.sales_raw where run_id = '{run}'");
    assert_eq!(evo.db.one(&of_run("20260110T020501Z")), "25000");
    assert_eq!(evo.db.one(&of_run("20260111T020501Z")), "200");
    assert_eq!(evo.db.one(&of_run("20260112T020501Z")), "100");
    server.limit_memory(None);
    evo.run(&["objects", "retry", "sales"]).exits(0).says("1 object waiting again");
    evo.run(&["load", "sales"]).exits(0);
    assert_eq!(evo.db.one(&of_run("20260111T020501Z")), "25200");
    let counts = "select sum(inserted_count), sum(updated_count) from evo.batches where state = 'committed'";
    assert_eq!(evo.db.sql(counts), [["25300", "25000"]]);
}

#[test]
fn fault_17_large_objects_and_large_documents_fit_into_256_mib() {
    let evo = Evo::new();
    let filler: String = (0..2_000_u32).map(|n| char::from(b'a' + (n.wrapping_mul(n) % 23) as u8)).collect();
    let mut text = String::new();
    // One object of 200 MB, and eight of one document of 20 MB each: decoded by eight workers side by side.
    for id in 0..100_000 {
        text.push_str(&format!("{{\"idSale\": {id}, \"o\": \"{filler}\"}}\n"));
    }
    write(&evo.lake(), &object("sales", "20260110T020501Z", "large").path(), &gz(text.as_bytes()));
    for id in 0..8 {
        let text = format!("{{\"idSale\": {}, \"o\": \"{}\"}}", 1_000_000 + id, filler.repeat(10_000));
        write(
            &evo.lake(),
            &object("sales", "20260110T020501Z", &format!("document-{id}")).path(),
            &gz(text.as_bytes()),
        );
    }
    drop(text);
    let mut command = evo.command(&["load", "sales", "--workers", "8", "--batch-size", "1", "--output", "json"]);
    // SAFETY: setrlimit is safe to call between fork and exec.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(&mut command, || {
            Ok(nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_DATA, 256 << 20, 256 << 20)?)
        });
    }
    let summary = Run::from(command.output().unwrap()).exits(0).json();
    assert_eq!(summary["entities"][0]["inserted"], 100_008);
    let peak = summary["peak_resident_bytes"].as_u64().unwrap();
    assert!(peak < 256 << 20, "{peak} bytes were resident");
}

/// The library that gives a process another clock.
fn faketime() -> PathBuf {
    ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"]
        .map(|dir| Path::new(dir).join("faketime/libfaketime.so.1"))
        .into_iter()
        .find(|path| path.exists())
        .expect("libfaketime is missing: scripts/setup --tests installs it")
}

fn at(evo: &Evo, clock: &str, zone: &str, args: &[&str]) -> Run {
    let mut command = evo.command(args);
    command
        .env("LD_PRELOAD", faketime())
        .env("FAKETIME", clock)
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("TZ", zone);
    command.output().unwrap().into()
}

#[test]
fn fault_22_the_order_of_runs_and_lines_decides_and_never_a_clock() {
    let evo = Evo::new();
    let put = |run: &str, file: &str, lines: &[&str]| object("sales", run, file).lines(&evo.lake(), lines);
    let version = || evo.db.one("select string_agg((raw_data ->> 'v'), ',' order by sale_id) from stg_evo.sales_raw");
    // The first run is loaded ten years ahead, the next ones years ago and in the hours that daylight saving
    // skips and doubles.
    let times = [
        ("20260110T020501Z", "+3650d", "UTC"),
        ("20260111T020501Z", "-3650d", "UTC"),
        ("20260112T020501Z", "@2018-11-03 23:59:59", "America/Sao_Paulo"),
        ("20260113T020501Z", "@2018-02-17 23:59:59", "America/Sao_Paulo"),
        ("20260114T020501Z", "@1971-01-01 00:00:00", "Pacific/Apia"),
    ];
    let before = evo.db.one("select clock_timestamp()");
    for (i, (run, clock, zone)) in times.into_iter().enumerate() {
        let v = i + 1;
        put(
            run,
            "2025-12_part-00001",
            &[&format!(r#"{{"idSale":1,"v":"{v}a"}}"#), &format!(r#"{{"idSale":1,"v":"{v}b"}}"#)],
        );
        put(run, "2025-12_part-00002", &[&format!(r#"{{"idSale":2,"v":"{v}"}}"#)]);
        let shown = at(&evo, clock, zone, &["load", "sales", "--output", "json"]).exits(0);
        assert_eq!(version(), format!("{v}b,{v}"), "{clock}: {}", shown.stderr);
        let log_year = &shown.stderr[..4];
        assert_ne!(log_year, &before[..4], "the clock was not skewed: {}", shown.stderr);
        at(&evo, clock, zone, &["transform", "sales"]).exits(0);
    }
    // An older run that comes late, by a clock that is ahead, changes nothing.
    put("20260112T030000Z", "2025-12_part-00003", &[r#"{"idSale":1,"v":"late"}"#]);
    at(&evo, "+3650d", "UTC", &["load", "sales"]).exits(0);
    assert_eq!(version(), "5b,5");
    // What is written down is the server's time.
    let stamps = "select count(*) from (select discovered_at as t from evo.objects union all select loaded_at from evo.objects \
         union all select started_at from evo.batches union all select committed_at from evo.batches union all \
         select started_at from evo.runs union all select finished_at from evo.runs union all \
         select _loaded_at from stg_evo.sales_raw union all select _updated_at from stg_evo.sales_raw union all \
         select _updated_at from core.evo_sales) s";
    assert_ne!(evo.db.one(stamps), "0");
    assert_eq!(evo.db.one(&format!("{stamps} where t not between '{before}' and clock_timestamp()")), "0");
}

#[test]
fn fault_22_replicas_whose_clocks_differ_by_years_share_the_work() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "2000", "--part-records", "100"]).exits(0);
    let load = ["load", "sales", "--workers", "1", "--batch-size", "1", "--output", "json"];
    let start = |clock: &str| {
        let mut command = evo.command(&load);
        command.env("LD_PRELOAD", faketime()).env("FAKETIME", clock).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command.env("EVO_LOAD_LEASE", "30s").stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let both = [start("+3650d"), start("-3650d")].map(|child| Run::from(child.wait_with_output().unwrap()).exits(0));
    for run in &both {
        assert!(!run.stderr.contains("took over"), "a live claim was taken for a dead one: {}", run.stderr);
    }
    let lines: i64 = both.iter().map(|run| run.json()["entities"][0]["lines"].as_i64().unwrap()).sum();
    assert_eq!(lines, 2000);
    assert_eq!(evo.db.one("select count(*) || ' ' || sum(attempt) from evo.batches"), "36 36");
}

#[test]
fn fault_30_every_postgresql_that_can_be_had_gives_the_same_tables() {
    let jobs: [&[&str]; 4] = [
        &["load", "all", "--workers", "1", "--max-rejects", "100%"],
        &["transform", "all"],
        &["transform", "all", "--full-refresh"],
        &["optimize-storage", "--vacuum", "--reindex"],
    ];
    let lake = tempfile::tempdir().unwrap();
    let generated = crate::support::binary(lake.path())
        .args(["generate", "all", "--records", "200", "--runs", "2", "--changed", "10%", "--duplicates", "2%"])
        .args(["--broken", "2%", "--misfits", "2%", "--lake", "lake"])
        .output()
        .unwrap();
    Run::from(generated).exits(0);
    let play = |evo: &Evo| {
        for args in jobs {
            let mut command = crate::support::binary(evo.dir.path());
            command.args(args).args(["--database-url", &evo.db.url]).arg("--lake").arg(lake.path().join("lake"));
            Run::from(command.output().unwrap()).exits(0);
        }
        outcome(&evo.db)
    };
    let expected = play(&Evo::new());
    assert!(expected.iter().all(|table| table[1] != "0"), "{expected:?}");
    let majors = majors();
    assert!(
        !majors.is_empty(),
        "there is no other PostgreSQL: scripts/setup --tests fetches the oldest and the newest"
    );
    for bin in majors {
        let server = Server::start_from(&bin, &[("fsync", "off")]);
        let evo = Evo::with(Database::on(&server));
        assert_eq!(play(&evo), expected, "on PostgreSQL {}", major_version(&bin));
    }
}
