// Vercel's AI SDK against a real gateway.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { callerKey, startGateway, until } from "./gateway.mjs";

let gateway, sluice;
before(async () => {
  gateway = await startGateway();
  sluice = createOpenAICompatible({ name: "sluice", baseURL: gateway.baseURL, apiKey: callerKey, includeUsage: true,
                                    supportsStructuredOutputs: true });
});
after(() => gateway?.stop());

const weather = tool({
  description: "The weather of a city",
  inputSchema: z.object({ city: z.string(), days: z.number() }),
  execute: async ({ city }) => `sunny in ${city}`,
});

test("generateText answers with usage", async () => {
  const { text, usage, finishReason } = await generateText({ model: sluice("fast"), prompt: "hello" });
  assert.ok(text);
  assert.equal(finishReason, "stop");
  assert.ok(usage.outputTokens > 0);
});

test("streamText streams the same text, with usage at the end", async () => {
  const prompt = "every word of this comes back";
  const { text } = await generateText({ model: sluice("echo"), prompt });
  const result = streamText({ model: sluice("echo"), prompt });
  let streamed = "";
  for await (const piece of result.textStream) streamed += piece;
  assert.equal(streamed, text);
  assert.ok((await result.usage).outputTokens > 0);
});

test("streamText shows reasoning apart from the text", async () => {
  const result = streamText({ model: sluice("reasoning"), prompt: "hello" });
  assert.ok(await result.reasoningText);
  assert.ok(await result.text);
});

test("generateText runs a tool with the model's arguments", async () => {
  const { steps } = await generateText({ model: sluice("tools"), prompt: "weather?", tools: { get_weather: weather },
                                         stopWhen: stepCountIs(1) });
  const [result] = steps[0].toolResults;
  assert.equal(result.toolName, "get_weather");
  assert.match(result.output, /^sunny in /);
});

test("streamText streams a tool call's arguments", async () => {
  const result = streamText({ model: sluice("tools"), prompt: "weather?", tools: { get_weather: weather },
                              stopWhen: stepCountIs(1) });
  const kinds = [];
  for await (const part of result.fullStream) kinds.push(part.type);
  assert.ok(kinds.includes("tool-input-delta"), kinds.join());
  assert.ok(kinds.includes("tool-result"), kinds.join());
});

test("generateObject gets an object of the schema", async () => {
  const schema = z.object({ name: z.string(), age: z.number() });
  const { object } = await generateObject({ model: sluice("fast"), prompt: "a person", schema });
  assert.equal(typeof object.name, "string");
});

test("an upstream's failure is an error with its status", async () => {
  const call = generateText({ model: sluice("bare/error-422"), prompt: "hello", maxRetries: 0 });
  await assert.rejects(call, (error) => error.statusCode === 422 && error.responseBody.includes('"code"'));
});

test("a failure inside a stream is an error, not a short answer", async () => {
  const result = streamText({ model: sluice("cut"), prompt: "hello", maxRetries: 0, onError() {} });
  const kinds = [];
  for await (const part of result.fullStream) kinds.push(part.type);
  assert.ok(kinds.includes("text-delta"), kinds.join());
  assert.ok(kinds.includes("error"), kinds.join());
});

test("an abort cancels the upstream", async () => {
  await gateway.reset();
  const abort = new AbortController();
  const result = streamText({ model: sluice("slow"), prompt: "hello", abortSignal: abort.signal, onError() {} });
  for await (const part of result.fullStream) if (part.type === "text-delta") abort.abort();
  await until(async () => (await gateway.stats()).cancelled === 1, "the lab saw the cancel", 3);
});
