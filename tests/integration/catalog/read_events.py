"""Reads OpenLineage events with the classes of the official client, which know every field. Prints their number."""

import json
import sys

from openlineage.client import event_v2, facet_v2

FACETS = {
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}
COLUMNS = facet_v2.column_lineage_dataset


def facets(given):
    """Facets as their classes; a field that a class does not have is an error."""
    made = {}
    for name, fields in given.items():
        own = {key: value for key, value in fields.items() if not key.startswith("_")}
        made[name] = column_lineage(own) if name == "columnLineage" else FACETS[name](**own)
        # A later client may know a later version.
        assert made[name]._get_schema().rsplit("/", 3)[1:] == fields["_schemaURL"].rsplit("/", 3)[1:], fields["_schemaURL"]
        assert fields["_producer"].startswith("urn:evo:")
    return made


def column_lineage(given):
    made = {}
    for name, field in given["fields"].items():
        inputs = []
        for source in field["inputFields"]:
            steps = [COLUMNS.Transformation(**step) for step in source.pop("transformations")]
            inputs.append(COLUMNS.InputField(**source, transformations=steps))
        made[name] = COLUMNS.Fields(inputFields=inputs)
    return COLUMNS.ColumnLineageDatasetFacet(fields=made)


def datasets(kind, given):
    for one in given:
        one["facets"] = facets(one.get("facets", {}))
        if "outputFacets" in one:
            one["outputFacets"] = facets(one["outputFacets"])
    return [kind(**one) for one in given]


count = 0
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        event = json.loads(line)
        event["run"]["facets"] = facets(event["run"]["facets"])
        event["job"]["facets"] = facets(event["job"]["facets"])
        event["inputs"] = datasets(event_v2.InputDataset, event["inputs"])
        event["outputs"] = datasets(event_v2.OutputDataset, event["outputs"])
        event["run"] = event_v2.Run(**event["run"])
        event["job"] = event_v2.Job(**event["job"])
        event["eventType"] = event_v2.RunState(event["eventType"])
        schema = event.pop("schemaURL")
        made = event_v2.RunEvent(**event)
        assert made._get_schema().rsplit("/", 1)[1] == schema.rsplit("/", 1)[1], schema
        count += 1
print(count)
