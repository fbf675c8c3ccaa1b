// LangChain's ChatOpenAI against a real gateway.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";
import { callerKey, startGateway } from "./gateway.mjs";

let gateway;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway?.stop());

const chat = (model, more = {}) =>
  new ChatOpenAI({ model, apiKey: callerKey, maxRetries: 0, configuration: { baseURL: gateway.baseURL }, ...more });
const weather = tool(({ city }) => `sunny in ${city}`, {
  name: "get_weather",
  description: "The weather of a city",
  schema: z.object({ city: z.string(), days: z.number() }),
});

test("invoke answers", async () => {
  const answer = await chat("fast").invoke("hello");
  assert.ok(answer.content);
  assert.ok(answer.usage_metadata.output_tokens > 0);
});

test("stream gives the same text in pieces", async () => {
  const words = "every word of this comes back";
  const whole = await chat("echo").invoke(words);
  const pieces = [];
  for await (const piece of await chat("echo").stream(words)) pieces.push(piece.content);
  assert.ok(pieces.filter(Boolean).length > 3);
  assert.equal(pieces.join(""), whole.content);
});

test("bound tools are called with their arguments", async () => {
  const answer = await chat("tools").bindTools([weather]).invoke("weather?");
  assert.equal(answer.tool_calls[0].name, "get_weather");
  assert.deepEqual(Object.keys(answer.tool_calls[0].args).sort(), ["city", "days"]);
});

test("streamed tool calls add up", async () => {
  let sum;
  for await (const piece of await chat("parallel-tools").bindTools([weather]).stream("weather?"))
    sum = sum ? sum.concat(piece) : piece;
  assert.equal(sum.tool_calls.length, 2);
  for (const call of sum.tool_calls) assert.deepEqual(Object.keys(call.args).sort(), ["city", "days"]);
});

test("structured output follows the schema", async () => {
  const person = await chat("fast").withStructuredOutput(z.object({ name: z.string(), age: z.number() }),
                                                         { method: "jsonSchema" }).invoke("a person");
  assert.equal(typeof person.name, "string");
});

test("a failure inside a stream throws after the text so far", async () => {
  let text = "";
  const reading = async () => {
    for await (const piece of await chat("cut").stream("hello")) text += piece.content;
  };
  await assert.rejects(reading());
  assert.ok(text);
});

test("an upstream's failure throws with its status", async () => {
  await assert.rejects(chat("bare/error-400").invoke("hello"), (error) => error.status === 400);
});
