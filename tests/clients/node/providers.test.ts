// OpenAI's package for Node asks every provider through a gateway. The providers are fakes that refuse what the real ones
// would; the tests have the names of the table in docs/providers.md.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import OpenAI from "openai";

import { type Gateway, start } from "./gateway.js";
import { type Fakes, MISSING, NAMES, startFakes } from "./providers.js";

type Asked = OpenAI.ChatCompletionCreateParamsNonStreaming;
type Message = OpenAI.ChatCompletionMessage & { reasoning_content?: string };

const GREETING = "Grüße aus Ōsaka 🦀, 一二三: ";
const THOUGHTS = "91 ist 7 × 13 — 素数ではない.";
const PNG =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const ADDRESS = "https://pictures.example/crab.png";
const CITY = {
  type: "object",
  properties: { name: { type: "string" }, crabs: { type: "integer" } },
  required: ["name", "crabs"],
  additionalProperties: false,
};
const WEATHER: OpenAI.ChatCompletionFunctionTool = {
  type: "function",
  function: {
    name: "weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
    strict: true,
  },
};

describe("providers", { skip: MISSING }, () => {
  let fakes: Fakes;
  let gateway: Gateway;
  let client: OpenAI;
  before(async () => {
    fakes = await startFakes();
    gateway = await start(fakes);
    client = new OpenAI({ baseURL: gateway.baseURL, apiKey: gateway.apiKey, maxRetries: 0 });
  });
  after(async () => {
    await gateway?.stop();
    await fakes?.stop();
  });

  /** The plain answer, found to be the one that the package's helper puts together from a stream, too. */
  async function bothWays(asked: Asked): Promise<{ message: Message; reason: string; usage: OpenAI.CompletionUsage }> {
    const plain = await client.chat.completions.create(asked);
    const streamed = await client.chat.completions
      .stream({ ...asked, stream: true, stream_options: { include_usage: true } })
      .finalChatCompletion();
    const one = plain.choices[0];
    const other = streamed.choices[0];
    assert.ok(one && other && plain.usage);
    assert.deepEqual(streamed.usage, plain.usage);
    assert.equal(other.finish_reason, one.finish_reason);
    assert.equal(other.message.content || null, one.message.content || null);
    assert.deepEqual(calls(other.message), calls(one.message));
    assert.equal(plain.usage.total_tokens, plain.usage.prompt_tokens + plain.usage.completion_tokens);
    assert.equal(plain.usage.prompt_tokens, 100);
    return { message: one.message, reason: one.finish_reason, usage: plain.usage };
  }

  function calls(message: OpenAI.ChatCompletionMessage): [string, unknown][] {
    return (message.tool_calls ?? []).map((call) => {
      assert.ok(call.type === "function");
      return [call.function.name, JSON.parse(call.function.arguments)];
    });
  }

  /** From the question over the calls and their results to the answer. */
  async function roundTrip(model: string, prompt: string, cities: string[]): Promise<void> {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: prompt }];
    const { message, reason } = await bothWays({ model, messages, tools: [WEATHER] });
    assert.equal(reason, "tool_calls");
    assert.deepEqual(
      calls(message),
      cities.map((city) => ["weather", { city }]),
    );
    messages.push(message);
    for (const [index, call] of (message.tool_calls ?? []).entries()) {
      messages.push({ role: "tool", tool_call_id: call.id, content: `${19 + index} °C` });
    }
    const final = await bothWays({ model, messages, tools: [WEATHER] });
    assert.equal(final.message.content, `The tools said: ${cities.map((_, index) => `${19 + index} °C`).join("; ")}`);
  }

  for (const name of NAMES) {
    const model = (): string => fakes.models[name] ?? "";
    const user = (content: OpenAI.ChatCompletionUserMessageParam["content"]): Asked["messages"] => [
      { role: "user", content },
    ];

    test(`plain[${name}]`, async () => {
      const asked = { model: model(), messages: user("hello 🦀") };
      const { data, response } = await client.chat.completions.create(asked).withResponse();
      assert.equal(data.choices[0]?.message.content, `${GREETING}hello 🦀`);
      assert.equal(response.headers.get("x-behest-provider"), name);
    });

    test(`stream[${name}]`, async () => {
      const { message, reason } = await bothWays({ model: model(), messages: user("hello 🦀") });
      assert.deepEqual([message.content, reason], [`${GREETING}hello 🦀`, "stop"]);
    });

    test(`tools[${name}]`, () => roundTrip(model(), "How is the weather?", ["Paris"]));

    test(`parallel_tools[${name}]`, () => roundTrip(model(), "How is the weather in both?", ["Paris", "Ōsaka 🦀"]));

    test(`images[${name}]`, async () => {
      const pictures = [PNG, ADDRESS].map((url) => ({ type: "image_url" as const, image_url: { url } }));
      const content = [{ type: "text" as const, text: "What is this?" }, ...pictures];
      const { message } = await bothWays({ model: model(), messages: user(content) });
      assert.equal(message.content, `I see 2 pictures: image/png, ${ADDRESS}`);
    });

    test(`json_schema[${name}]`, async () => {
      const format = { name: "city", schema: CITY, strict: true };
      const completion = await client.chat.completions.parse({
        model: model(),
        messages: user("Which city?"),
        response_format: { type: "json_schema", json_schema: format },
      });
      assert.deepEqual(completion.choices[0]?.message.parsed, { name: "Ōsaka 🦀", crabs: 7 });
    });

    test(`reasoning[${name}]`, async () => {
      const asked = { model: model(), messages: user("Is 91 a prime?"), reasoning_effort: "high" as const };
      const { message, usage } = await bothWays(asked);
      assert.equal(message.reasoning_content ?? "", ["openai", "azure"].includes(name) ? "" : THOUGHTS);
      assert.equal(usage.completion_tokens, 28);
    });

    test(`cached_usage[${name}]`, async () => {
      const { usage } = await bothWays({ model: model(), messages: user("hello again") });
      assert.equal(usage.prompt_tokens_details?.cached_tokens, 64);
    });

    if (name === "anthropic") continue;
    test(`embeddings[${name}]`, async () => {
      const asked = { model: fakes.embedders[name] ?? "", input: ["one", "two 🦀"], dimensions: 256 };
      const floats = await client.embeddings.create({ ...asked, encoding_format: "float" });
      assert.deepEqual(
        floats.data.map((row) => [row.index, row.embedding.length]),
        [
          [0, 256],
          [1, 256],
        ],
      );
      assert.notDeepEqual(floats.data[0]?.embedding, floats.data[1]?.embedding);
      // The package asks for base64 by itself, and decodes it.
      const decoded = await client.embeddings.create(asked);
      for (const [index, row] of decoded.data.entries()) {
        const wanted = floats.data[index]?.embedding ?? [];
        assert.equal(row.embedding.length, wanted.length);
        assert.ok(row.embedding.every((number, place) => Math.abs(number - (wanted[place] ?? 0)) < 1e-6));
      }
      assert.deepEqual(decoded.usage, { prompt_tokens: 14, total_tokens: 14 });
    });
  }

  test("no_embeddings[anthropic]", async () => {
    const asked = { model: fakes.models["anthropic"] ?? "", input: "one" };
    await assert.rejects(client.embeddings.create(asked), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.match(error.message, /embeddings/);
      return true;
    });
  });
});
