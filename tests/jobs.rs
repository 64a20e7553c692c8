//! The Container Apps Job manifests: what Azure wants of them, and that evo understands their arguments.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Parser;
use yaml_rust2::{Yaml, YamlLoader};

/// CPU and memory that the consumption plan offers.
const SIZES: [(&str, &str); 8] = [
    ("0.25", "0.5Gi"),
    ("0.5", "1Gi"),
    ("0.75", "1.5Gi"),
    ("1", "2Gi"),
    ("1.25", "2.5Gi"),
    ("1.5", "3Gi"),
    ("2", "4Gi"),
    ("4", "8Gi"),
];

fn manifests() -> Vec<(String, Yaml)> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/jobs");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 4);
    paths
        .into_iter()
        .map(|p| {
            (
                p.file_name().unwrap().to_string_lossy().into_owned(),
                YamlLoader::load_from_str(&std::fs::read_to_string(p).unwrap()).unwrap().remove(0),
            )
        })
        .collect()
}

fn texts(list: &Yaml) -> Vec<String> {
    list.as_vec().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_manifest_passes_arguments_that_evo_understands() {
    let mut commands = BTreeSet::new();
    for (file, yaml) in manifests() {
        let containers = &yaml["properties"]["template"]["containers"];
        let args = texts(&containers[0]["args"]);
        commands.insert(args[0].clone());
        let line = std::iter::once("evo".to_owned()).chain(args);
        evo::cli::Cli::try_parse_from(line).unwrap_or_else(|e| panic!("{file}: {e}"));
    }
    let expected = ["extract", "load", "migrate", "optimize-storage", "transform"];
    assert_eq!(commands.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn every_manifest_is_one_that_the_platform_runs_to_its_end() {
    for (file, yaml) in manifests() {
        let configuration = &yaml["properties"]["configuration"];
        // A migration is started by who upgrades, never by the clock.
        let (trigger, section) = match file.as_str() {
            "migrate.yaml" => ("Manual", "manualTriggerConfig"),
            _ => ("Schedule", "scheduleTriggerConfig"),
        };
        assert_eq!(configuration["triggerType"].as_str(), Some(trigger), "{file}");
        assert_eq!(configuration[section]["parallelism"].as_i64(), Some(1), "{file}");
        // The default of 1800 s would kill a load in the middle.
        assert!(configuration["replicaTimeout"].as_i64().unwrap() > 1800, "{file}");
        let cron = configuration["scheduleTriggerConfig"]["cronExpression"].as_str();
        let fields = cron.map(|cron| cron.split_whitespace().count());
        assert_eq!(fields, (trigger == "Schedule").then_some(5), "{file}: {cron:?}");
        let container = &yaml["properties"]["template"]["containers"][0];
        let resources = &container["resources"];
        let cpu = resources["cpu"].as_f64().or(resources["cpu"].as_i64().map(|n| n as f64)).unwrap();
        let memory = resources["memory"].as_str().unwrap();
        assert!(SIZES.contains(&(cpu.to_string().as_str(), memory)), "{file}: {cpu} CPU with {memory}");
        let secrets: BTreeSet<&str> =
            configuration["secrets"].as_vec().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
        for variable in container["env"].as_vec().unwrap() {
            if let Some(name) = variable["secretRef"].as_str() {
                assert!(secrets.contains(name), "{file}: secret {name} is not declared");
            }
        }
    }
}

#[test]
fn every_manifest_sets_variables_that_evo_reads_and_the_same_database_and_lake() {
    let known: BTreeSet<&str> = evo::config::KEYS
        .iter()
        .map(|key| key.variable)
        .chain(evo::config::AZURE_VARIABLES.iter().map(|variable| variable.name))
        .collect();
    let mut common: Option<(String, Vec<(String, String)>)> = None;
    for (file, yaml) in manifests() {
        let variables: Vec<(String, String)> = yaml["properties"]["template"]["containers"][0]["env"]
            .as_vec()
            .unwrap()
            .iter()
            .map(|v| {
                let value = v["value"].as_str().or(v["secretRef"].as_str()).unwrap();
                (v["name"].as_str().unwrap().to_owned(), value.to_owned())
            })
            .collect();
        // The extraction has the credential of the API besides.
        let (own, variables): (Vec<_>, Vec<_>) =
            variables.into_iter().partition(|(name, _)| ["EVO_USERNAME", "EVO_PASSWORD"].contains(&name.as_str()));
        assert_eq!(own.len(), if file == "extract-nightly.yaml" { 2 } else { 0 }, "{file}");
        for (name, _) in &variables {
            assert!(known.contains(name.as_str()), "{file}: evo reads no {name}");
        }
        assert!(variables.iter().any(|(name, _)| name == "EVO_DATABASE_URL"), "{file} would start a private server");
        let (first, expected) = common.get_or_insert_with(|| (file.clone(), variables.clone()));
        assert_eq!(variables, *expected, "{file} differs from {first}");
    }
}

#[test]
fn a_full_refresh_and_a_rebuild_of_the_indexes_have_days_of_their_own() {
    let mut days = Vec::new();
    for (file, yaml) in manifests().into_iter().filter(|(file, _)| file.contains("weekly")) {
        let configuration = &yaml["properties"]["configuration"];
        let cron = configuration["scheduleTriggerConfig"]["cronExpression"].as_str().unwrap();
        let fields: Vec<&str> = cron.split_whitespace().collect();
        let (hour, day): (i64, i64) = (fields[1].parse().unwrap(), fields[4].parse().unwrap());
        let hours = configuration["replicaTimeout"].as_i64().unwrap() / 3600;
        assert!(hour + hours <= 24, "{file} may run into the next day");
        days.push(day);
    }
    days.sort_unstable();
    days.dedup();
    assert_eq!(days.len(), 2);
}

#[test]
fn every_manifest_stands_in_the_readme_with_its_command_and_is_deployed_there() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/jobs/README.md")).unwrap();
    let deployed = text.split("for job in ").nth(1).and_then(|rest| rest.split("; do").next()).unwrap();
    for (file, yaml) in manifests() {
        let args = texts(&yaml["properties"]["template"]["containers"][0]["args"]);
        let row = text.lines().find(|line| line.starts_with(&format!("| `{file}` |"))).unwrap_or_default();
        assert!(row.contains(&format!("`evo {}`", args.join(" "))), "{file}: {row:?}");
        assert!(deployed.split_whitespace().any(|job| format!("{job}.yaml") == file), "{file}: {deployed}");
    }
}
