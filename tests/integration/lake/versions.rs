//! An object that is replaced or deleted while it is read.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{KEY, Lake, part};
use crate::support::{Act, BlobServer, End};

#[test]
fn fault_12_an_object_replaced_while_it_is_read_is_loaded_as_the_new_version_and_never_mixed() {
    // One server keeps to If-Match; behind the other stands a cache that does not.
    for careless in [false, true] {
        let lake = Lake::of(3);
        let (path, server) = (lake.paths[1].clone(), lake.server.clone());
        let replaced = AtomicUsize::new(0);
        lake.server.script(move |r| {
            if r.blob.as_ref() != Some(&path) {
                return Act::Serve;
            }
            if replaced.fetch_add(1, Ordering::SeqCst) == 0 {
                return Act::Cut(1_000, End::Fin);
            }
            if r.number == 2 {
                server.put(&path, &part(1, 2));
            }
            if careless { Act::IgnoreIfMatch } else { Act::Serve }
        });
        lake.load(&["--workers", "1", "--batch-size", "1"]);
        lake.load(&["--workers", "1", "--batch-size", "1"]).exits(0);
        let versions = "select sale_id / 1000, raw_data ->> 'version', count(*) from stg_evo.sales_raw group by 1, 2 order by 1, 2";
        assert_eq!(lake.evo.db.sql(versions), [["0", "1", "50"], ["1", "2", "50"], ["2", "1", "50"]]);
        assert_eq!(
            lake.evo.db.one("select count(*) from evo.objects where state = 'loaded' and path like '%part-00001%'"),
            "1",
            "the old version was never in"
        );
        // A mixture would not have passed for gzip, and would have been set aside as broken.
        assert_eq!(lake.evo.db.one("select count(*) from evo.objects where state = 'quarantined'"), "0");
    }
}

#[test]
fn fault_12_two_versions_of_the_same_size_are_never_spliced() {
    for careless in [false, true] {
        let server = BlobServer::start();
        server.put("a", &[b'1'; 5_000]);
        let same = server.clone();
        server.script(move |r| match r.number {
            1 => Act::Cut(2_000, End::Fin),
            _ => {
                same.put("a", &[b'2'; 5_000]);
                if careless { Act::IgnoreIfMatch } else { Act::Serve }
            }
        });
        let endpoint = server.endpoint();
        let environment = evo::config::Environment::from([
            ("AZURE_STORAGE_ENDPOINT", endpoint.as_str()),
            ("AZURE_STORAGE_ACCOUNT_NAME", "acme"),
            ("AZURE_STORAGE_ACCOUNT_KEY", KEY),
            ("EVO_LAKE", "az://datalake"),
        ]);
        let settings = evo::config::Settings::resolve(&evo::config::GlobalArgs::default(), &environment).unwrap();
        let lake = evo::bronze::Lake::open(&settings.lake, &settings.azure).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(async {
            // Without an etag the first answer decides which version it is.
            let small = lake.read_small("a", None, 10_000).await.unwrap_err();
            server.put("b", &[b'1'; 20_000]);
            server.script(|_| Act::Serve);
            let large = lake.read_small("b", None, 10_000).await.unwrap_err();
            assert_eq!(large.kind(), evo::error::Kind::SourceInvalid, "{}", large.render());
            let body = lake.read("b", "0xOLD").await.err().expect("the version is gone");
            assert_eq!(body.kind(), evo::error::Kind::SourceChanged);
            small
        });
        assert_eq!(error.kind(), evo::error::Kind::SourceChanged, "{}", error.render());
    }
}

#[test]
fn fault_12_an_object_deleted_while_it_is_read_stops_nothing_else() {
    let lake = Lake::of(3);
    let (path, server) = (lake.paths[1].clone(), lake.server.clone());
    lake.server.script(move |r| {
        if r.blob.as_ref() == Some(&path) && r.number == 1 {
            server.delete(&path);
            return Act::Answer(404, vec![("x-ms-error-code", "BlobNotFound".to_owned())], String::new());
        }
        Act::Serve
    });
    lake.load(&["--workers", "1", "--batch-size", "1"]);
    lake.load(&[]).exits(0);
    assert_eq!(lake.evo.db.one("select count(*) from stg_evo.sales_raw"), "100");
}
