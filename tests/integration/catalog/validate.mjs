// Validates JSON documents, or lines of JSON (.ndjson), with a JSON schema. Prints {"errors": […], "documents": n}.
import fs from "node:fs";
import { createRequire } from "node:module";

const [modules, text] = process.argv.slice(2);
const job = JSON.parse(text);
const require = createRequire(modules + "/");
const schema = JSON.parse(fs.readFileSync(job.schema, "utf8"));
const Ajv = require(String(schema.$schema).includes("2020-12") ? "ajv/dist/2020" : "ajv").default;
const ajv = new Ajv({ allErrors: true, strict: false });
require("ajv-formats").default(ajv);
for (const other of job.others ?? []) ajv.addSchema(JSON.parse(fs.readFileSync(other, "utf8")));
const validate = ajv.compile(schema);
const errors = [];
let count = 0;
for (const path of job.documents) {
  const content = fs.readFileSync(path, "utf8");
  const documents = path.endsWith(".ndjson") ? content.split("\n").filter((line) => line !== "") : [content];
  for (const document of documents) {
    count += 1;
    if (!validate(JSON.parse(document))) errors.push(...validate.errors.map((e) => `${e.instancePath} ${e.message}`));
  }
}
process.stdout.write(JSON.stringify({ errors: errors.slice(0, 20), documents: count }));
