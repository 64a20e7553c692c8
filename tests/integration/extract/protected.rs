//! Certificates of sources: which ones are accepted, and what is said of the others.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::declared::{DAY, Declared};
use crate::support::{HttpReply, HttpServer, Run};

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
const SOURCE: &str = "auth = { bearer = \"X_SECRET\" }\nlimit = \"none\"";

fn openssl(dir: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority of this name; returns its certificate.
fn authority(dir: &Path, name: &str) -> PathBuf {
    openssl(dir, &format!("req -new -x509 -days 365 -nodes {KEY} -out {name}.crt -keyout {name}.key -subj /CN={name}"));
    dir.join(format!("{name}.crt"))
}

/// Things behind a certificate for `host` by the authority `trusted`.
fn things(dir: &Path, host: &str) -> Declared {
    std::fs::write(dir.join("names"), format!("subjectAltName=DNS:{host}")).unwrap();
    openssl(dir, &format!("req -new -nodes {KEY} -out {host}.csr -keyout {host}.key -subj /CN={host}"));
    let signed = "-CA trusted.crt -CAkey trusted.key -CAcreateserial -extfile names";
    openssl(dir, &format!("x509 -req -in {host}.csr -days 365 {signed} -out {host}.crt"));
    let files = (&*dir.join(format!("{host}.crt")), &*dir.join(format!("{host}.key")));
    Declared::new(HttpServer::start_tls(files, |_| HttpReply::json(&json!([{ "id": 1 }]))), SOURCE, "")
}

/// Extracts, where these roots are trusted.
fn extract(things: &Declared, roots: &Path) -> Run {
    things.command(&DAY).env("SSL_CERT_FILE", roots).output().unwrap().into()
}

/// The certificate is refused for this reason; nothing was sent, and nothing is forgotten.
fn is_refused(things: &Declared, roots: &Path, why: &str) {
    let run = extract(things, roots).exits(4).says("the certificate of source x (localhost) is not accepted").says(why);
    assert_eq!(run.stderr.matches("is not accepted").count(), 1, "once: {}", run.stderr);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    assert!(things.api.seen("/api/things").is_empty(), "the token is not sent to it");
    let states = "select e.state || ', ' || w.state from evo.windows w join evo.extractions e using (extraction_id)";
    assert_eq!(things.evo.db.one(states), "open, planned", "it is still to be read");
}

#[test]
fn a_source_whose_certificate_is_of_nobody_who_is_trusted_gets_no_request() {
    let dir = tempfile::tempdir().unwrap();
    let (trusted, other) = (authority(dir.path(), "trusted"), authority(dir.path(), "other"));
    let things = things(dir.path(), "localhost");
    is_refused(&things, &other, "UnknownIssuer");
    extract(&things, &trusted).exits(0);
    assert_eq!(things.ids(), [1], "the same extraction goes on as soon as it is trusted");
    assert_eq!(things.evo.db.one("select count(*) from evo.extractions"), "1");
}

#[test]
fn a_source_whose_certificate_is_for_another_host_gets_no_request() {
    let dir = tempfile::tempdir().unwrap();
    let trusted = authority(dir.path(), "trusted");
    is_refused(&things(dir.path(), "elsewhere.example"), &trusted, "elsewhere.example");
}
