// Checks manifests against the Kubernetes API models that npm carries, with no cluster: every field must exist in the
// model, with the model's type. Only the generated models are imported: the package's client needs a newer Node.
//   node k8s_models.mjs FILE...       prints what is wrong; exit 1 if anything is
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";

const folder = new URL("./node_modules/@kubernetes/client-node/dist/gen/models/", import.meta.url);
const models = await import(new URL("all.js", folder));

const KINDS = {
  "v1/ConfigMap": "V1ConfigMap",
  "v1/Secret": "V1Secret",
  "v1/Service": "V1Service",
  "v1/ServiceAccount": "V1ServiceAccount",
  "v1/Pod": "V1Pod",
  "apps/v1/Deployment": "V1Deployment",
  "policy/v1/PodDisruptionBudget": "V1PodDisruptionBudget",
};
const PLAIN = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  any: () => true,
  Date: (value) => typeof value === "string",
  IntOrString: (value) => typeof value === "string" || Number.isInteger(value),
  Quantity: (value) => typeof value === "string" || typeof value === "number",
};

function* check(value, type, path) {
  const list = /^Array<(.*)>$/.exec(type);
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (list) {
    if (!Array.isArray(value)) return yield `${path}: must be a list`;
    for (const [i, item] of value.entries()) yield* check(item, list[1], `${path}[${i}]`);
  } else if (map) {
    if (typeof value !== "object" || value === null) return yield `${path}: must be a map`;
    for (const [key, item] of Object.entries(value)) yield* check(item, map[1], `${path}.${key}`);
  } else if (PLAIN[type]) {
    if (!PLAIN[type](value)) yield `${path}: must be ${type}, is ${JSON.stringify(value)}`;
  } else if (models[type]?.getAttributeTypeMap) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return yield `${path}: must be an object`;
    const fields = new Map(models[type].getAttributeTypeMap().map((field) => [field.baseName, field]));
    for (const [key, item] of Object.entries(value)) {
      const field = fields.get(key);
      if (!field) yield `${path}.${key}: ${type} has no such field`;
      else yield* check(item, field.format === "int-or-string" ? "IntOrString" : field.type, `${path}.${key}`);
    }
  } else if (type !== "object") {
    yield `${path}: the checker does not know the type ${type}`;
  }
}

/** What is wrong with the manifests in `text`: a list of sentences. */
export function problems(text, name = "manifest") {
  const found = [];
  for (const document of parseAllDocuments(text)) {
    for (const error of document.errors) found.push(`${name}: ${error.message}`);
    const object = document.toJS();
    if (!object) continue;
    const kind = `${object.apiVersion}/${object.kind}`;
    const where = `${name}: ${object.kind}/${object.metadata?.name}`;
    if (!KINDS[kind]) found.push(`${where}: the checker does not know ${kind}`);
    else found.push(...check(object, KINDS[kind], where));
  }
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = process.argv.slice(2).flatMap((file) => problems(readFileSync(file, "utf8"), file));
  for (const line of found) console.log(line);
  process.exit(found.length ? 1 : 0);
}
