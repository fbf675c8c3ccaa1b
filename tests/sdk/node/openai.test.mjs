// The official Node SDK against a real gateway. Nothing in it is patched: only `baseURL` points elsewhere.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { callerKey, startGateway, until } from "./gateway.mjs";

const messages = [{ role: "user", content: "hello" }];
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city",
    strict: true,
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city", "days"],
      additionalProperties: false,
    },
  },
};
const joined = (chunks) => chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.delta.content ?? "").join("");

let gateway, client, once;
before(async () => {
  gateway = await startGateway();
  client = new OpenAI({ baseURL: gateway.baseURL, apiKey: callerKey });
  once = new OpenAI({ baseURL: gateway.baseURL, apiKey: callerKey, maxRetries: 0 });
});
after(() => gateway?.stop());

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
const stream = (model, more = {}) => client.chat.completions.create({ model, messages, stream: true, ...more });

describe("models", () => {
  test("are listed", async () => {
    const ids = (await collect(await client.models.list())).map((model) => model.id);
    assert.ok(ids.includes("meta-llama/llama-3:free"));
  });
  test("with a slash in their id are retrieved", async () => {
    assert.equal((await client.models.retrieve("meta-llama/llama-3:free")).id, "meta-llama/llama-3:free");
  });
  test("that do not exist are not found", async () => {
    await assert.rejects(client.models.retrieve("no/such:model"), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.equal(error.code, "model_not_found");
      assert.ok(error.requestID);
      return true;
    });
  });
});

describe("chat", () => {
  test("is answered with usage", async () => {
    const answer = await client.chat.completions.create({ model: "fast", messages });
    assert.ok(answer.choices[0].message.content);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  });
  test("streamed says what the whole answer says", async () => {
    const whole = await client.chat.completions.create({ model: "echo", messages });
    const chunks = await collect(await stream("echo"));
    assert.equal(joined(chunks), whole.choices[0].message.content);
    assert.ok(chunks.every((chunk) => chunk.choices.length && !chunk.usage));
  });
  test("streamed carries usage if asked", async () => {
    const chunks = await collect(await stream("fast", { stream_options: { include_usage: true } }));
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.ok(chunks.at(-1).usage.completion_tokens > 0);
  });
  for (const model of ["comments", "openrouter", "azure", "deepseek", "groq", "crlf", "bom", "odd-sse", "bytes"]) {
    test(`streamed from the upstream \`${model}\` is clean`, async () => {
      const chunks = await collect(await stream(model));
      assert.ok(joined(chunks));
      assert.equal(chunks.flatMap((chunk) => chunk.choices).at(-1).finish_reason, "stop");
    });
  }
  test("calls a tool", async () => {
    const answer = await client.chat.completions.create({ model: "tools", messages, tools: [weather] });
    const [call] = answer.choices[0].message.tool_calls;
    assert.equal(call.function.name, "get_weather");
    assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)).sort(), ["city", "days"]);
  });
  test("streams the arguments of two tool calls", async () => {
    const runner = client.chat.completions.stream({ model: "parallel-tools", messages, tools: [weather] });
    let pieces = 0;
    runner.on("tool_calls.function.arguments.delta", () => pieces++);
    const final = await runner.finalChatCompletion();
    const calls = final.choices[0].message.tool_calls;
    assert.equal(calls.length, 2);
    for (const call of calls) assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)).sort(), ["city", "days"]);
    assert.ok(pieces > 2);
  });
  test("parses structured output", async () => {
    const Person = z.object({ name: z.string(), age: z.number(), tags: z.array(z.string()) });
    const answer = await client.chat.completions.parse({ model: "fast", messages,
                                                         response_format: zodResponseFormat(Person, "person") });
    assert.equal(typeof answer.choices[0].message.parsed.name, "string");
  });
  test("that is aborted cancels the upstream", async () => {
    await gateway.reset();
    const running = await stream("slow");
    for await (const chunk of running) {
      assert.ok(chunk.id);
      running.controller.abort();
      break;
    }
    await until(async () => (await gateway.stats()).cancelled === 1, "the lab saw the cancel", 3);
  });
  test("works side by side", async () => {
    const texts = await Promise.all(Array.from({ length: 24 }, async () => joined(await collect(await stream("fast")))));
    assert.equal(new Set(texts).size, 1);
    assert.ok(texts[0]);
  });
});

describe("errors", () => {
  const rows = [
    ["error-400", OpenAI.BadRequestError, 400],
    ["error-404", OpenAI.NotFoundError, 404],
    ["error-422", OpenAI.UnprocessableEntityError, 422],
    ["error-429", OpenAI.RateLimitError, 429],
    ["error-401", OpenAI.InternalServerError, 502],
    ["error-500", OpenAI.InternalServerError, 502],
    ["error-503", OpenAI.InternalServerError, 503],
    ["two-lengths", OpenAI.InternalServerError, 502],
  ];
  for (const [model, kind, status] of rows) {
    for (const streamed of [false, true]) {
      test(`an upstream's ${model} raises ${kind.name}${streamed ? " for a stream" : ""}`, async () => {
        const call = once.chat.completions.create({ model: `bare${streamed ? "-stream" : ""}/${model}`, messages, stream: streamed });
        await assert.rejects(call, (error) => {
          assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
          assert.equal(error.status, status);
          assert.ok(error.code && error.type && error.requestID);
          return true;
        });
      });
    }
  }
  test("a wrong key raises AuthenticationError", async () => {
    const stranger = new OpenAI({ baseURL: gateway.baseURL, apiKey: "sk-wrong", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  });
  test("no gateway raises APIConnectionError", async () => {
    const nowhere = new OpenAI({ baseURL: "http://127.0.0.1:9/v1", apiKey: "x", maxRetries: 0 });
    await assert.rejects(nowhere.models.list(), OpenAI.APIConnectionError);
  });
  test("a timeout raises and cancels the upstream", async () => {
    await gateway.reset();
    const call = once.chat.completions.create({ model: "bare/hang", messages }, { timeout: 1000 });
    await assert.rejects(call, OpenAI.APIError);
    await until(async () => (await gateway.stats()).cancelled >= 1, "the lab saw the cancel", 3);
  });
  for (const model of ["cut", "reset", "mid-error", "mid-error-plain", "bad-json", "no-finish-no-done"]) {
    test(`\`${model}\` inside a stream raises after the text so far`, async () => {
      let text = "";
      const reading = async () => {
        // Paced, so that the first token is out when it fails.
        for await (const chunk of await stream(model, { lab: { per_token: "15ms" } })) text += joined([chunk]);
      };
      await assert.rejects(reading(), OpenAI.APIError);
      assert.ok(text);
    });
  }
  test("a rate limit is retried by the SDK after the wait that it is told", async () => {
    const started = Date.now();
    const lab = { key: `node-${started}`, fail_first: 1, fail_with: { status: 429, retry_form: "ms", retry_after: "300ms" } };
    const answer = await client.chat.completions.create({ model: "bare/fast", messages, lab });
    assert.ok(answer.choices[0].message.content);
    assert.ok(Date.now() - started >= 300);
  });
});
