//! The private server of root, and root with the server of another user.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::Home;
use crate::support::is_root;

#[test]
fn below_a_folder_of_roots_own_the_data_lies_elsewhere_and_status_says_so() {
    if !is_root() {
        return eprintln!("skipped: only root has a server user that differs from its own");
    }
    let closed = tempfile::tempdir().unwrap();
    std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let evo = Home::below(closed.path());
    evo.ok(&["db", "start"]);
    let status = evo.json(&["db", "status"]);
    assert_eq!(status["elsewhere"], true);
    let data = evo.data();
    assert!(data.starts_with("/var/lib/evo"), "{}", data.display());
    let text = evo.ok(&["db", "status"]);
    assert!(text.contains("cannot reach"), "{text}");
    assert_eq!(evo.query("select 1"), "1");
    evo.ok(&["db", "destroy", "--yes"]);
    assert!(!data.exists());
}

#[test]
fn roots_server_runs_as_an_unprivileged_user() {
    if !is_root() {
        return eprintln!("skipped: needs root");
    }
    let evo = Home::new();
    evo.ok(&["db", "start"]);
    assert_ne!(std::fs::metadata(evo.data()).unwrap().uid(), 0);
    let status = evo.query("select pg_read_file('/proc/self/status')");
    let ids = status.lines().filter_map(|line| line.strip_prefix("Uid:").or(line.strip_prefix("Groups:")));
    let ids: Vec<&str> = ids.flat_map(str::split_whitespace).collect();
    assert!(ids.len() >= 4 && !ids.contains(&"0"), "{ids:?}");
}

#[test]
fn an_ordinary_user_has_a_server_that_root_can_use_too() {
    if !is_root() {
        return eprintln!("skipped: needs root; without it every other test is this one");
    }
    let nobody = 65_534;
    let evo = Home::of_user(nobody);
    evo.ok(&["db", "start"]);
    assert_eq!(std::fs::metadata(evo.data()).unwrap().uid(), nobody);
    evo.query("create table mine (id int)");
    evo.ok(&["db", "stop"]);

    let root = Home::new().with("EVO_STATE_DIR", evo.path().join(".evo").to_str().unwrap());
    assert_eq!(root.query("select count(*) from mine"), "0");
    assert_eq!(evo.query("select count(*) from mine"), "0", "and it is still the user's own");
    evo.ok(&["db", "stop"]);
    assert_eq!(evo.json(&["db", "start"])["started"], true);
}

#[test]
fn roots_evo_follows_no_link_that_the_servers_user_left_in_its_folder() {
    if !is_root() {
        return eprintln!("skipped: needs root");
    }
    let evo = Home::new();
    evo.ok(&["db", "start"]);
    evo.ok(&["db", "stop"]);
    let target = evo.path().join("of-root");
    std::fs::write(&target, "port = '1'\nonly for root\n").unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
    let log = evo.data().join("log");
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    std::os::unix::fs::chown(&log, Some(std::fs::metadata(evo.data()).unwrap().uid()), None).unwrap();
    for name in ["evo.conf", "postmaster.pid", "log/startup.log", "evo.ready.new"] {
        let link = evo.data().join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(&target, &link).unwrap();
    }
    evo.run(&["db", "start"]).exits(3).says("postmaster.pid").says("symbolic link");
    std::fs::remove_file(evo.data().join("postmaster.pid")).unwrap();
    evo.ok(&["db", "start"]);
    let found = std::fs::metadata(&target).unwrap();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "port = '1'\nonly for root\n");
    assert_eq!((found.uid(), found.mode() & 0o777), (0, 0o600));
    assert!(std::fs::symlink_metadata(evo.data().join("evo.conf")).unwrap().is_file());
}

#[test]
fn roots_evo_uses_no_state_directory_that_somebody_else_prepared() {
    if !is_root() {
        return eprintln!("skipped: needs root");
    }
    let evo = Home::new();
    let state = evo.path().join(".evo");
    std::fs::create_dir(&state).unwrap();
    std::os::unix::fs::chown(&state, Some(65_534), Some(65_534)).unwrap();
    for args in [&["db", "start"][..], &["status"]] {
        evo.run(args).exits(3).says("another user owns it").says("EVO_STATE_DIR");
    }
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0);
}
