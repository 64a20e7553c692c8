//! Signing in to a lake on Azure: tokens that expire during a load (row 29 of what must survive), and
//! refusals.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::lake::{KEY, Lake};
use crate::support::{Act, End, Run};

/// Hands out tokens and knows which of them still open the lake.
#[derive(Default)]
struct Tokens {
    issued: AtomicUsize,
    used: AtomicUsize,
    asked: Mutex<Vec<String>>,
}

impl Tokens {
    /// A token server and a lake in one. A token is good for `uses` requests; `lifetime` is what the token
    /// server says.
    fn answer(&self, r: &crate::support::Request, uses: usize, lifetime: u64) -> Act {
        if r.path.ends_with("/token") {
            let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
            self.used.store(0, Ordering::SeqCst);
            let secret = r.header("x-identity-header");
            self.asked.lock().unwrap().push(format!("{} {} {} {secret}", r.path, r.query, r.body));
            let until = chrono::Utc::now().timestamp() as u64 + lifetime;
            let json = format!(
                r#"{{"access_token": "token-{number}", "expires_in": {lifetime}, "expires_on": "{until}", "token_type": "Bearer"}}"#
            );
            return Act::Answer(200, vec![("Content-Type", "application/json".to_owned())], json);
        }
        let newest = format!("Bearer token-{}", self.issued.load(Ordering::SeqCst));
        if r.header("authorization") != newest || self.used.fetch_add(1, Ordering::SeqCst) >= uses {
            return Act::Answer(401, vec![("x-ms-error-code", "InvalidAuthenticationInfo".to_owned())], String::new());
        }
        // In the middle of a body as well.
        if r.blob.is_some() && r.number == 1 { Act::Cut(1_000, End::Fin) } else { Act::Serve }
    }
}

#[test]
fn fault_29_a_token_that_expires_during_a_load_is_fetched_again() {
    for (uses, lifetime, why) in
        [(usize::MAX, 2, "it says that it expires"), (2, 3600, "it is refused although it should last")]
    {
        for way in ["managed identity", "client secret", "workload identity"] {
            let lake = Lake::of(4);
            let tokens = Arc::new(Tokens::default());
            lake.server.script({
                let tokens = tokens.clone();
                move |r| {
                    if r.blob.is_some() && lifetime < 60 {
                        std::thread::sleep(Duration::from_millis(150));
                    }
                    tokens.answer(r, uses, lifetime)
                }
            });
            let file = lake.evo.dir.path().join("federated");
            std::fs::write(&file, "assertion").unwrap();
            let mut command = lake.command(&["--workers", "1", "--batch-size", "2"]);
            let (expected, variables) = match way {
                "managed identity" => (
                    "/msi/token",
                    vec![
                        ("IDENTITY_ENDPOINT", lake.server.endpoint() + "/msi/token"),
                        ("IDENTITY_HEADER", "proof".to_owned()),
                    ],
                ),
                _ => {
                    let secret = match way {
                        "client secret" => ("AZURE_CLIENT_SECRET", "hunter2".to_owned()),
                        _ => ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap().to_owned()),
                    };
                    let authority = ("AZURE_AUTHORITY_HOST", lake.server.endpoint() + "/");
                    let app = [("AZURE_CLIENT_ID", "app".to_owned()), ("AZURE_TENANT_ID", "tenant".to_owned())];
                    ("/tenant/oauth2/v2.0/token", app.into_iter().chain([authority, secret]).collect())
                }
            };
            let run: Run = command.envs(variables).output().unwrap().into();
            let run = run.exits(0);
            assert!(!run.stderr.contains("token-") && !run.stderr.contains("hunter2"), "{}", run.stderr);
            let asked = tokens.asked.lock().unwrap().clone();
            assert!(asked.len() >= 3, "{way}, {why}: asked for {} tokens\n{}", asked.len(), run.stderr);
            let proof = match way {
                "managed identity" => "proof",
                "client secret" => "client_secret=hunter2",
                _ => "client_assertion=assertion",
            };
            assert!(asked.iter().all(|a| a.starts_with(expected) && a.contains(proof)), "{way}: {asked:?}");
            lake.holds(1);
        }
    }
}

#[test]
fn fault_29_the_azure_cli_is_asked_again_too() {
    let lake = Lake::of(2);
    let home = lake.evo.dir.path().join("home");
    std::fs::create_dir_all(home.join(".azure")).unwrap();
    std::fs::write(home.join(".azure/azureProfile.json"), "{}").unwrap();
    let az = home.join("az");
    let count = home.join("count");
    // What the real one prints for `az account get-access-token`; the token lasts for a minute, which is too
    // short to keep.
    let script = format!(
        "#!/bin/sh\necho >> {0}\nn=$(wc -l < {0})\nuntil=$(date -d '+1 minute' '+%Y-%m-%d %H:%M:%S.000000')\n\
         echo \"{{\\\"accessToken\\\": \\\"token-$n\\\", \\\"expiresOn\\\": \\\"$until\\\", \\\"tokenType\\\": \\\"Bearer\\\"}}\"\n",
        count.display()
    );
    std::fs::write(&az, script).unwrap();
    std::fs::set_permissions(&az, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    lake.server.script({
        let count = count.clone();
        move |r| {
            let issued = std::fs::read_to_string(&count).map_or(0, |text| text.lines().count());
            if r.header("authorization") == format!("Bearer token-{issued}") {
                std::thread::sleep(Duration::from_millis(150));
                return if r.blob.is_some() && r.number == 1 { Act::Cut(1_000, End::Fin) } else { Act::Serve };
            }
            Act::Answer(401, vec![("x-ms-error-code", "InvalidAuthenticationInfo".to_owned())], String::new())
        }
    });
    let path = format!("{}:{}", home.display(), std::env::var("PATH").unwrap());
    let run: Run = lake.command(&["--workers", "1"]).env("HOME", &home).env("PATH", path).output().unwrap().into();
    run.exits(0);
    assert!(std::fs::read_to_string(&count).unwrap().lines().count() >= 3);
    lake.holds(1);
}

#[test]
fn every_way_to_be_refused_is_one_clear_line() {
    let lake = Lake::of(1);
    let sas = |expiry: &str| format!("sv=2023-11-03&sp=rl&se={expiry}&sig=aHVudGVyMg%3D%3D");
    let key = ("AZURE_STORAGE_ACCOUNT_KEY", KEY.to_owned());
    let app = |name: &'static str, value: &str| (name, value.to_owned());
    let endpoint = lake.server.endpoint();
    let nobody = format!("http://{}", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    type Case<'a> = (u16, &'a str, Vec<(&'static str, String)>, i32, &'a str);
    let cases: Vec<Case<'_>> = vec![
        (403, "AuthenticationFailed", vec![key.clone()], 5, "access with this key of the account acme is denied"),
        (403, "AuthorizationFailure", vec![key.clone()], 5, "firewall"),
        (404, "ContainerNotFound", vec![key.clone()], 4, "az://datalake: the container does not exist"),
        (
            403,
            "AuthenticationFailed",
            vec![("AZURE_STORAGE_SAS_TOKEN", sas("2020-01-10T08%3A00%3A00Z"))],
            5,
            "expired at 2020-01-10 08:00:00 UTC",
        ),
        (403, "AuthorizationPermissionMismatch", vec![("AZURE_STORAGE_SAS_TOKEN", sas("2999-01-10"))], 5, "sp=rl"),
        (200, "", vec![("AZURE_STORAGE_ACCOUNT_KEY", "not base64!".to_owned())], 3, "not base64"),
        (200, "", vec![("AZURE_STORAGE_CONNECTION_STRING", "hunter2".to_owned())], 3, "not a list of Name=Value"),
        (200, "", vec![app("AZURE_CREDENTIAL_TYPE", "client_secret")], 3, "AZURE_CLIENT_ID is not set"),
        (
            401,
            "",
            vec![
                app("AZURE_CLIENT_ID", "a"),
                app("AZURE_TENANT_ID", "t"),
                app("AZURE_CLIENT_SECRET", "hunter2"),
                app("AZURE_AUTHORITY_HOST", &endpoint),
            ],
            5,
            "the application gets no token for the lake: AADSTS7000215: Invalid client secret.",
        ),
        (
            200,
            "",
            vec![
                app("AZURE_CLIENT_ID", "a"),
                app("AZURE_TENANT_ID", "t"),
                app("AZURE_FEDERATED_TOKEN_FILE", "/no/such/file"),
            ],
            3,
            "AZURE_FEDERATED_TOKEN_FILE names cannot be read",
        ),
        (
            200,
            "",
            vec![key.clone(), app("AZURE_STORAGE_ENDPOINT", "https://acme.blob.invalid")],
            4,
            "the name acme.blob.invalid cannot be resolved",
        ),
        // Where no proxy listens, no machine's real identity is ever asked for.
        (200, "", vec![app("http_proxy", &nobody)], 3, "no credential for the lake on Azure"),
    ];
    for (status, code, variables, exit, says) in cases {
        let answer = code.to_owned();
        lake.server.script(move |r| match (status, r.path.ends_with("/token")) {
            (200, _) => Act::Serve,
            (_, true) => Act::Answer(
                401,
                vec![],
                r#"{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret.\r\nTrace"}"#
                    .to_owned(),
            ),
            _ => Act::Answer(status, vec![("x-ms-error-code", answer.clone())], "<Error>hunter2</Error>".to_owned()),
        });
        let mut command = lake.command(&[]);
        // Nobody is signed in with the CLI here.
        let run: Run = command.env("HOME", "/nonexistent").envs(variables).output().unwrap().into();
        let run = run.exits(exit).says(says);
        let errors = run.stderr.lines().filter(|l| l.starts_with("error:")).count();
        assert_eq!(errors, 1, "{}", run.stderr);
        for secret in ["hunter2", "aHVudGVyMg", KEY, "not base64!"] {
            assert!(!run.stderr.contains(secret), "{secret} is shown: {}", run.stderr);
        }
    }
    assert!(lake.is_empty());
}
