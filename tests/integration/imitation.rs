//! The imitation of the vendor's API.

use std::io::Read;

use serde_json::Value;

use crate::support::{Api, binary};

const WORLD: [&str; 4] = ["--records", "members=300,sales=900,entries=2500,prospects=60", "--limit", "none"];

#[test]
fn pages_hold_the_very_documents_that_a_generated_lake_holds() {
    let dir = tempfile::tempdir().unwrap();
    let flags =
        ["generate", "members", "--records", "members=300,sales=900,entries=2500,prospects=60", "--lake", "lake"];
    assert!(binary(dir.path()).args(flags).output().unwrap().status.success());
    let mut written = Vec::new();
    let mut folders = vec![dir.path().join("lake")];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.to_str().unwrap().ends_with(".jsonl.gz") {
            let mut text = String::new();
            flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
            written.extend(text.lines().map(str::to_owned));
        }
    }
    let api = Api::serve(dir.path(), &WORLD);
    let mut served = Vec::new();
    loop {
        let skip = served.len();
        let page = api.get(&format!("/api/v2/members?showMemberships=true&showsResponsibles=true&take=50&skip={skip}"));
        let text = String::from_utf8(page.body.clone()).unwrap();
        let records: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(&text).unwrap();
        if records.is_empty() {
            break;
        }
        served.extend(records.iter().map(|record| record.get().to_owned()));
    }
    served.sort();
    written.sort();
    assert_eq!(served, written);
}

#[test]
fn windows_pages_and_filters_select_as_the_vendor_says() {
    let dir = tempfile::tempdir().unwrap();
    let api = Api::serve(dir.path(), &WORLD);
    let count = |query: &str| api.get(query).records();
    assert_eq!(count("/api/v2/members"), 50);
    assert_eq!(count("/api/v2/members?take=500"), 50, "a page size over the maximum is capped");
    assert_eq!(count("/api/v2/sales"), 25);
    assert_eq!(count("/api/v2/sales?take=100&skip=850"), 50);
    assert_eq!(count("/api/v2/sales?take=100&skip=900"), 0);
    let day =
        api.get("/api/v1/entries?take=1000&registerDateStart=2024-03-01T00:00:00&registerDateEnd=2024-03-01T23:59:59");
    let dates: Vec<String> =
        day.json().as_array().unwrap().iter().map(|entry| entry["date"].as_str().unwrap()[..10].to_owned()).collect();
    assert!(!dates.is_empty() && dates.iter().all(|date| date == "2024-03-01"), "{dates:?}");
    let removed = api.get("/api/v2/sales?take=100&removalDateStart=2023-01-01&removalDateEnd=2025-12-31").json();
    let removed = removed.as_array().unwrap();
    assert!(!removed.is_empty() && removed.iter().all(|sale| sale["removalDate"].is_string()));
    let plain = api.get("/api/v2/members?take=1").json();
    assert!(plain[0]["memberships"].is_null());
    assert!(api.get("/api/v2/members?take=1&showMemberships=true").json()[0]["memberships"].is_array());
}

#[test]
fn what_the_vendor_refuses_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let api = Api::serve(dir.path(), &["--limit", "3/h"]);
    assert_eq!(api.ask("GET /api/v2/sales HTTP/1.1\r\n", "").status, 401);
    assert_eq!(api.get("/api/v2/receipts").status, 404);
    assert_eq!(api.get("/api/v2/sales?dateSaleStart=yesterday").status, 400);
    assert_eq!([api.get("/api/v2/sales").status, api.get("/api/v2/sales").status], [200, 200]);
    let refused = api.get("/api/v2/sales");
    assert_eq!(refused.status, 429);
    assert!(refused.head.contains("retry-after: 3"), "{}", refused.head);
    api.clock("2026-01-10T14:00:00Z");
    assert_eq!(api.get("/api/v2/sales").status, 200, "an hour later by its clock");
}

#[test]
fn faults_come_on_demand() {
    let dir = tempfile::tempdir().unwrap();
    let api = Api::serve(dir.path(), &WORLD);
    let ids = |page: &Value| page.as_array().unwrap().iter().map(|sale| sale["idSale"].clone()).collect::<Vec<_>>();
    let whole = api.get("/api/v2/sales?take=3");
    api.faults("500@1;html@2;cut@3;shape@4;503@5;remove@6;insert@8");
    assert_eq!(api.get("/api/v2/sales").status, 500);
    let page = api.get("/api/v2/sales");
    assert!(page.status == 200 && page.body.starts_with(b"<!DOCTYPE html>"));
    let cut = api.get("/api/v2/sales?take=3");
    assert!(cut.body.len() < whole.body.len() && cut.head.contains(&format!("content-length: {}", whole.body.len())));
    assert!(api.get("/api/v2/sales").json().is_object());
    assert!(api.get("/api/v2/sales").head.contains("retry-after: 1"));
    let without = api.get("/api/v2/sales?take=3").json();
    assert_eq!(ids(&without)[..2], ids(&whole.json())[1..]);
    assert_eq!(api.get("/api/v2/sales?take=3").json(), without);
    assert_eq!(api.get("/api/v2/sales?take=3").json(), whole.json(), "it is there again");
}

#[test]
fn another_api_serves_the_same_world_by_cursor_and_bearer_token() {
    let dir = tempfile::tempdir().unwrap();
    let api = Api::serve(dir.path(), &WORLD);
    let token = "Authorization: Bearer token-of-the-imitation\r\n";
    assert_eq!(api.ask("GET /other/prospects HTTP/1.1\r\n", "").status, 401);
    let (mut after, mut records) = ("0".to_owned(), 0);
    loop {
        let page = api.ask(&format!("GET /other/prospects?limit=25&after={after} HTTP/1.1\r\n{token}"), "").json();
        records += page["results"].as_array().unwrap().len();
        match page["paging"]["next"]["after"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(records, 60);
}
