//! Executions as OpenLineage events, one a line: what ran, what it read and wrote, and how it ended.

use serde_json::{Value, json};

use super::declared::Declared;
use super::pages::Site;
use crate::entity::{Entity, Model};
use crate::ledger::history::PastExecution;

const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const JOB_TYPE: &str = "https://openlineage.io/spec/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet";
const ERROR: &str = "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet";
const STATISTICS: &str = concat!(
    "https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json",
    "#/$defs/OutputStatisticsOutputDatasetFacet"
);
const COLUMNS: &str =
    "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet";

/// What data sets are named after.
#[derive(Debug, Clone)]
pub struct Namespaces {
    /// Of tables: `postgres://host:port`.
    pub database: String,
    /// The database's name, before the schema in the name of a table.
    pub database_name: String,
    /// Of objects: `file`, or the container's address.
    pub lake: String,
    /// Before the prefix of an entity in the lake: a folder; may be empty.
    pub lake_root: String,
    /// Version of evo, for the producer.
    pub producer: String,
}

impl Namespaces {
    fn table(&self, table: &str) -> Value {
        json!({ "namespace": self.database, "name": format!("{}.{table}", self.database_name) })
    }

    fn objects(&self, entity: &Entity) -> Value {
        let name = match self.lake_root.as_str() {
            "" => entity.bronze_prefix.clone(),
            root => format!("{}/{}", root.trim_end_matches('/'), entity.bronze_prefix),
        };
        json!({ "namespace": self.lake, "name": name })
    }

    fn facet(&self, schema: &str) -> Value {
        json!({ "_producer": self.producer, "_schemaURL": schema })
    }
}

/// The events of all executions, the oldest first: a START each, and how it ended if it has.
pub(super) fn events(site: Site<'_>, names: &Namespaces) -> String {
    let mut text = String::new();
    // The columns' lineage is that of the models now, and the same each time: the latest transform has it.
    let latest = site.facts.runs.iter().find(|run| run.command == "transform" && run.state == "succeeded");
    let latest = latest.map(|run| run.execution_id.as_str());
    for run in site.facts.runs.iter().rev() {
        let (inputs, outputs) = datasets(site, names, run, false);
        text += &format!("{}\n", event(names, run, ("START", &run.started_at), (inputs, outputs)));
        let end = match run.state.as_str() {
            "succeeded" => "COMPLETE",
            "failed" => "FAIL",
            "interrupted" | "silent" => "ABORT",
            _ => continue,
        };
        let at = run.finished_at.as_ref().or(run.seen_at.as_ref()).unwrap_or(&run.started_at);
        let sets = datasets(site, names, run, latest == Some(&run.execution_id));
        text += &format!("{}\n", with_statistics(site, names, run, event(names, run, (end, at), sets)));
    }
    text
}

fn event(
    names: &Namespaces,
    run: &PastExecution,
    (kind, at): (&str, &str),
    (inputs, outputs): (Vec<Value>, Vec<Value>),
) -> Value {
    let name = match run.entities.is_empty() {
        true => run.command.clone(),
        false => format!("{} {}", run.command, run.entities.join(",")),
    };
    let mut job_type = names.facet(JOB_TYPE);
    job_type["processingType"] = "BATCH".into();
    job_type["integration"] = "EVO".into();
    job_type["jobType"] = run.command.to_uppercase().into();
    let mut run_facets = json!({});
    if let Some(reason) = run.reason.as_ref().filter(|_| kind == "FAIL") {
        let mut error = names.facet(ERROR);
        error["message"] = reason.as_str().into();
        error["programmingLanguage"] = "RUST".into();
        run_facets["errorMessage"] = error;
    }
    json!({
        "eventType": kind, "eventTime": at, "producer": names.producer, "schemaURL": EVENT,
        "run": { "runId": run.execution_id, "facets": run_facets },
        "job": { "namespace": "evo", "name": name, "facets": { "jobType": job_type } },
        "inputs": inputs, "outputs": outputs,
    })
}

/// What an execution reads and writes.
fn datasets(site: Site<'_>, names: &Namespaces, run: &PastExecution, lineage: bool) -> (Vec<Value>, Vec<Value>) {
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for entity in site.declared.entities.iter().filter(|entity| run.entities.contains(&entity.name)) {
        match run.command.as_str() {
            "extract" => {
                for query in &entity.queries {
                    inputs.push(json!({ "namespace": format!("api:{}", query.source), "name": query.path }));
                }
                outputs.push(names.objects(entity));
            }
            "load" | "rejects replay" => {
                inputs.push(names.objects(entity));
                outputs.push(names.table(&entity.staging.table));
            }
            "transform" => {
                inputs.push(names.table(&entity.staging.table));
                for model in &entity.models {
                    let mut output = names.table(&model.table);
                    if lineage {
                        output["facets"] = json!({ "columnLineage": columns(site.declared, names, entity, model) });
                    }
                    outputs.push(output);
                }
            }
            _ => {}
        }
    }
    for dimension in site.declared.dimensions.iter().filter(|own| run.entities.contains(&own.name)) {
        if run.command == "transform" {
            inputs.extend(dimension.source_tables().iter().map(|table| names.table(table)));
            outputs.push(names.table(&dimension.table));
        }
    }
    inputs.dedup();
    (inputs, outputs)
}

/// The columns of a core table, each with what it is read from.
fn columns(declared: &Declared<'_>, names: &Namespaces, entity: &Entity, model: &Model) -> Value {
    let mut fields = json!({});
    let staging = names.table(&entity.staging.table);
    for column in model.select.columns() {
        let origin = declared.origin(&model.table, &column.name);
        let is_reference = !origin.columns.is_empty();
        let field = origin.columns.first().map_or("raw_data", |(_, column)| column.as_str());
        let casts: String = origin.casts.iter().map(|cast| format!(" as {cast}")).collect();
        let transformation = |path: &String| {
            let subtype = if is_reference { "IDENTITY" } else { "TRANSFORMATION" };
            json!({ "type": "DIRECT", "subtype": subtype, "description": format!("{path}{casts}"), "masking": false })
        };
        if origin.paths.is_empty() && !is_reference {
            continue;
        }
        let transformations: Vec<Value> = origin.paths.iter().map(transformation).collect();
        fields[&column.name] = json!({
            "inputFields": [{
                "namespace": staging["namespace"], "name": staging["name"], "field": field,
                "transformations": transformations,
            }],
        });
    }
    let mut facet = names.facet(COLUMNS);
    facet["fields"] = fields;
    facet
}

/// The event with the rows that a load wrote to each staging table.
fn with_statistics(site: Site<'_>, names: &Namespaces, run: &PastExecution, mut event: Value) -> Value {
    if run.command != "load" {
        return event;
    }
    let rows = site.facts.figures.get(&run.execution_id).map(|figures| figures.entities.as_slice());
    for row in rows.unwrap_or_default() {
        let of = site.declared.entities.iter().find(|entity| row["entity"] == entity.name.as_str());
        let Some(name) = of.map(|entity| names.table(&entity.staging.table)["name"].clone()) else { continue };
        let count = |field: &str| row[field].as_i64().unwrap_or(0);
        let mut facet = names.facet(STATISTICS);
        facet["rowCount"] = (count("inserted_count") + count("updated_count")).into();
        let outputs = event["outputs"].as_array_mut().into_iter().flatten();
        for output in outputs.filter(|output| output["name"] == name) {
            output["outputFacets"] = json!({ "outputStatistics": facet });
        }
    }
    event
}
