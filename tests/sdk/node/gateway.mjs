// Starts the real lab and the real gateway for a test file, on free ports, and stops them by their ids.
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const binary = process.env.SLUICE_BINARY ?? fileURLToPath(new URL("../../../build/release/sluice", import.meta.url));
const PRIVATE = /(_API_KEY|_BASE_URL|_PROXY|^SLUICE_)/i;
export const slow = Number(process.env.SLUICE_TEST_SLOWNESS ?? "1");
export const callerKey = "sk-canary-caller-node";

/** The first true value of `condition()`, or an error when the time is up. */
export async function until(condition, what, seconds = 10) {
  const end = Date.now() + seconds * 1000 * slow;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${seconds * slow} s: ${what}`);
    await sleep(20);
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function run(folder, name, args) {
  const output = openSync(join(folder, `${name}.log`), "w");
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !PRIVATE.test(key)));
  const child = spawn(binary, args, { cwd: folder, env, stdio: ["ignore", output, output] });
  closeSync(output);
  return child;
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000 * slow);
  await ended;
  clearTimeout(timer);
}

/** {baseURL, stats(), reset(), stop()} of a gateway with every scenario of the lab's as a model, also as `bare/...` and `bare-stream/...`. */
export async function startGateway() {
  const folder = mkdtempSync(join(tmpdir(), "sluice-node-"));
  const labPort = await freePort();
  const lab = run(folder, "lab", ["lab", "--listen", `127.0.0.1:${labPort}`]);
  const atLab = async (path, options) => (await fetch(`http://127.0.0.1:${labPort}${path}`, options)).json();
  const list = await until(() => atLab("/v1/models").catch(() => undefined), "the lab listens");
  const names = list.data.map((model) => model.id);
  const labProvider = { type: "openai", base_url: `http://127.0.0.1:${labPort}/v1`, api_key: "sk-canary-provider-node" };
  const providers = { lab: labProvider };
  const models = { "meta-llama/llama-3:free": "lab/fast" };
  // `bare/...` makes one attempt, at a provider of its own: a key that is benched there is not missing elsewhere.
  for (const name of names) {
    models[name] = `lab/${name}`;
    for (const prefix of ["bare", "bare-stream"]) {
      providers[`${prefix}-${name}`] = labProvider;
      models[`${prefix}/${name}`] = { targets: [`${prefix}-${name}/${name}`], retry: { attempts: 0 } };
    }
  }
  const config = {
    version: 1,
    server: { listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" },
    defaults: { breaker: { min_requests: 100000, consecutive: 100000 } },
    providers,
    models,
    keys: [{ name: "node", value: callerKey }],
  };
  writeFileSync(join(folder, "sluice.yaml"), JSON.stringify(config));
  const portFile = join(folder, "ports");
  const gateway = run(folder, "gateway", ["run", "-c", "sluice.yaml", "--port-file", portFile]);
  const ready = () => {
    if (gateway.exitCode !== null) throw new Error(readFileSync(join(folder, "gateway.log"), "utf8"));
    return existsSync(portFile) && readFileSync(portFile, "utf8").trim().endsWith("}");
  };
  await until(ready, "the gateway is ready", 15);
  const port = JSON.parse(readFileSync(portFile, "utf8")).data;
  return {
    baseURL: `http://127.0.0.1:${port}/v1`,
    stats: () => atLab("/lab/stats"),
    reset: () => atLab("/lab/reset", { method: "POST", body: "{}" }),
    async stop() {
      await stop(gateway);
      await stop(lab);
      const log = readFileSync(join(folder, "gateway.log"), "utf8") + readFileSync(join(folder, "lab.log"), "utf8");
      rmSync(folder, { recursive: true });
      const report = /(AddressSanitizer|LeakSanitizer|runtime error:)[^]{0,3000}/.exec(log);
      if (report) throw new Error(report[0]);
    },
  };
}
