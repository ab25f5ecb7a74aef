// OpenAI's own package for Node against a running gateway.
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";

import OpenAI from "openai";

import { type Gateway, start } from "./gateway.js";

let gateway: Gateway;
let client: OpenAI;
before(async () => {
  gateway = await start();
  client = new OpenAI({ baseURL: gateway.baseURL, apiKey: gateway.apiKey, maxRetries: 0 });
});
after(() => gateway?.stop());

const messages = [{ role: "user" as const, content: "hello there" }];
const weather = {
  type: "function" as const,
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

/** Mints a token for one end user. */
async function mint(user: string): Promise<{ access_token: string; jwt: string }> {
  const answer = await fetch(`${gateway.origin}/v1/auth/mint`, {
    method: "POST",
    headers: { Authorization: `Bearer ${gateway.apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({ user_id: user }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()) as { access_token: string; jwt: string };
}

test("a plain answer names the offline model, counts tokens and carries its trace", async () => {
  const { data, response, request_id } = await client.chat.completions
    .create({ model: "gemini-2.5-flash", messages })
    .withResponse();
  assert.equal(data.model, "local/echo");
  assert.match(data.choices[0]?.message.content ?? "", /hello there/);
  assert.equal(data.choices[0]?.finish_reason, "stop");
  assert.equal(data.usage?.total_tokens, (data.usage?.prompt_tokens ?? 0) + (data.usage?.completion_tokens ?? 0));
  assert.ok(response.headers.get("x-trace-id"));
  assert.equal(response.headers.get("x-request-id"), response.headers.get("x-trace-id"));
  assert.equal(request_id, response.headers.get("x-request-id"));
});

test("a streamed answer joins to the plain one and sends no usage unasked", async () => {
  const plain = await client.chat.completions.create({ model: "default", messages });
  let text = "";
  for await (const chunk of await client.chat.completions.create({ model: "default", messages, stream: true })) {
    assert.equal(chunk.usage ?? null, null);
    text += chunk.choices[0]?.delta.content ?? "";
  }
  assert.equal(text, plain.choices[0]?.message.content);
});

test("usage comes in the last chunk when asked for", async () => {
  const stream = await client.chat.completions.create({
    model: "default",
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const last = chunks.at(-1);
  assert.deepEqual(last?.choices, []);
  assert.ok((last?.usage?.total_tokens ?? 0) > 0);
});

test("a required tool is called with JSON arguments", async () => {
  const completion = await client.chat.completions.create({
    model: "default",
    messages,
    tools: [weather],
    tool_choice: "required",
  });
  assert.equal(completion.choices[0]?.finish_reason, "tool_calls");
  const call = completion.choices[0]?.message.tool_calls?.[0];
  assert.ok(call?.type === "function");
  assert.equal(call.function.name, "get_weather");
  assert.equal(typeof JSON.parse(call.function.arguments), "object");
});

test("a stream that is aborted ends for the caller and leaves the gateway well", async () => {
  const long = [{ role: "user" as const, content: "word ".repeat(20_000) }];
  const stream = await client.chat.completions.create({ model: "default", messages: long, stream: true });
  let chunks = 0;
  for await (const _ of stream) {
    chunks += 1;
    stream.controller.abort();
  }
  assert.ok(chunks > 0);
  assert.ok((await client.chat.completions.create({ model: "default", messages })).choices.length > 0);
});

test("a wrong key is an AuthenticationError", async () => {
  const stranger = new OpenAI({ baseURL: gateway.baseURL, apiKey: `behest_sk_live_${"0".repeat(32)}` });
  await assert.rejects(stranger.chat.completions.create({ model: "default", messages }), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.status, 401);
    assert.equal(error.code, "invalid_token");
    assert.ok(error.requestID);
    return true;
  });
});

test("a model that is not a string is a BadRequestError", async () => {
  const model = 5 as unknown as string;
  await assert.rejects(client.chat.completions.create({ model, messages }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.code, "validation_error");
    return true;
  });
});

test("the models are listed, and one is found by an id with a slash", async () => {
  const ids: string[] = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes("local/echo"));
  assert.equal((await client.models.retrieve("local/echo")).id, "local/echo");
});

test("a minted token works as apiKey", async () => {
  const minted = await mint("node-user");
  assert.equal(minted.jwt, minted.access_token);
  const caller = new OpenAI({ baseURL: gateway.baseURL, apiKey: minted.access_token, maxRetries: 0 });
  assert.ok((await caller.chat.completions.create({ model: "default", messages })).choices.length > 0);
});

test("the host with the slug names the project", async () => {
  // `fetch` sets the Host itself and not every system resolves `*.localhost`, so this speaks plain HTTP.
  const call = request(`${gateway.origin}/v1/models`, {
    headers: { Host: gateway.slugHost, Authorization: `Bearer ${gateway.apiKey}` },
  });
  const status = await new Promise((resolve, reject) => {
    call.on("response", (answer) => resolve(answer.resume().statusCode)).on("error", reject);
    call.end();
  });
  assert.equal(status, 200);
});

test("texts become vectors, decoded from base64 or asked for as numbers", async () => {
  const input = ["The sky is blue", "the SKY is blue!", "Bake a cake"];
  const model = "text-embedding-3-small";
  const decoded = await client.embeddings.create({ model, input, dimensions: 64 });
  const asked = await client.embeddings.create({ model, input, dimensions: 64, encoding_format: "float" });
  assert.equal(decoded.model, "local/echo");
  assert.deepEqual(decoded.data.map(({ index }) => index), [0, 1, 2]);
  for (const [index, { embedding }] of asked.data.entries()) {
    assert.deepEqual(Float32Array.from(embedding), Float32Array.from(decoded.data[index]?.embedding ?? []));
  }
  assert.deepEqual(asked.data[0]?.embedding, asked.data[1]?.embedding);
  assert.equal(asked.usage.prompt_tokens, 11);
  await assert.rejects(client.embeddings.create({ model, input: [] }), { status: 400, param: "input" });
});
