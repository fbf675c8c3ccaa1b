// The Kubernetes examples, checked with no cluster: the API's own models, and the rules that we promise.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { problems } from "./k8s_models.mjs";

const folder = new URL("../../../deploy/kubernetes/", import.meta.url);
const files = ["base", "sidecar"].flatMap((name) =>
  readdirSync(new URL(`${name}/`, folder))
    .filter((file) => file.endsWith(".yaml") && file !== "kustomization.yaml")
    .map((file) => `${name}/${file}`),
);
const text = (file) => readFileSync(new URL(file, folder), "utf8");
const objects = (file) => parseAllDocuments(text(file)).map((document) => document.toJS());
const only = (file, kind) => objects(file).find((object) => object.kind === kind);

for (const file of files) {
  test(`${file} has only fields that the Kubernetes API knows, with their types`, () => {
    assert.deepEqual(problems(text(file), file), []);
  });
}

test("the checker finds an unknown field and a wrong type", () => {
  const wrong = text("base/deployment.yaml")
    .replace("imagePullPolicy:", "imagePullPolicyy:")
    .replace("replicas: 2", 'replicas: "2"');
  const found = problems(wrong);
  assert.equal(found.length, 2, found.join("\n"));
});

test("each base object is in the kustomization", () => {
  const listed = objects("base/kustomization.yaml")[0].resources.map((name) => `base/${name}`);
  assert.deepEqual(listed.sort(), files.filter((file) => file.startsWith("base/")).sort());
});

const pods = {
  base: only("base/deployment.yaml", "Deployment").spec.template.spec,
  sidecar: only("sidecar/sidecar.yaml", "Deployment").spec.template.spec,
};
const gateway = (pod) => [...(pod.initContainers ?? []), ...pod.containers].find((each) => each.name === "sluice");

for (const [name, pod] of Object.entries(pods)) {
  test(`${name}: the gateway runs as nobody, with nothing to write to and no privilege`, () => {
    const { securityContext } = gateway(pod);
    assert.equal(securityContext.readOnlyRootFilesystem, true);
    assert.equal(securityContext.allowPrivilegeEscalation, false);
    assert.deepEqual(securityContext.capabilities.drop, ["ALL"]);
    assert.equal(pod.securityContext.runAsNonRoot, true);
    assert.equal(pod.securityContext.runAsUser, 65532);
    assert.equal(pod.securityContext.seccompProfile.type, "RuntimeDefault");
    assert.equal(pod.automountServiceAccountToken, false);
  });

  test(`${name}: probes ask the admin port`, () => {
    const { startupProbe, readinessProbe, livenessProbe, ports } = gateway(pod);
    assert.equal(ports.find((port) => port.name === "admin").containerPort, 9090);
    assert.equal(startupProbe.httpGet.path, "/readyz");
    assert.equal(readinessProbe.httpGet.path, "/readyz");
    assert.equal(livenessProbe.httpGet.path, "/healthz");
    for (const probe of [startupProbe, readinessProbe, livenessProbe]) assert.equal(probe.httpGet.port, "admin");
  });

  test(`${name}: the pod waits longer than the gateway drains`, () => {
    const config = (name === "base" ? only("base/configmap.yaml", "ConfigMap") : only("sidecar/sidecar.yaml", "ConfigMap"))
      .data["sluice.yaml"];
    const [, delay, timeout] = /drain: \{ delay: (\d+)s, timeout: (\d+)s \}/.exec(config);
    assert.ok(pod.terminationGracePeriodSeconds >= Number(delay) + Number(timeout) + 5);
  });

  test(`${name}: provider keys are files, not variables`, () => {
    assert.equal(gateway(pod).env, undefined);
    assert.ok(gateway(pod).volumeMounts.some((mount) => mount.mountPath === "/run/secrets/sluice" && mount.readOnly));
    assert.ok(pod.volumes.some((volume) => volume.secret));
  });
}

test("sidecar: it starts before the application, outlives it, and the application finds it", () => {
  const sidecar = pods.sidecar.initContainers.find((each) => each.name === "sluice");
  assert.equal(sidecar.restartPolicy, "Always");
  const [app] = pods.sidecar.containers;
  assert.equal(app.env.find((each) => each.name === "OPENAI_BASE_URL").value, "http://127.0.0.1:8080/v1");
  assert.ok(!(app.volumeMounts ?? []).some((mount) => mount.name === "sluice-secrets"));
});
