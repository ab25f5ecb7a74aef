// The Node clients that are compared, each with the same two things to do.
//
// Every answer is read the way a program reads it, and has to be whole: an answer's text and a stream's chunks are
// counted.
import { pathToFileURL } from "node:url";

const KEY = `behest_sk_live_${"0a".repeat(16)}`;

/** What a client is told, and what it did. */
export class Task {
  constructor(told) {
    Object.assign(this, told, { calls: 0, chunks: 0, stopped: false });
  }

  checkAnswer(text) {
    if (text.length !== this.answer_characters) throw new Error(`an answer of ${text.length} characters`);
    this.calls += 1;
  }

  checkStream(chunks) {
    if (chunks !== this.stream_chunks) throw new Error(`a stream of ${chunks} chunks`);
  }
}

/** What `@behest/client-ts` and `openai` have in common. */
class Completions {
  constructor(task, client) {
    this.task = task;
    this.client = client;
  }

  async call() {
    const answer = await this.client.chat.completions.create(this.task.plain);
    this.task.checkAnswer(answer.choices[0].message.content);
  }

  async stream() {
    const task = this.task;
    let seen = 0;
    for await (const chunk of await this.client.chat.completions.create(task.stream)) {
      void chunk.choices[0]?.delta.content;
      seen += 1;
      task.chunks += 1;
      if (task.stopped) return;
    }
    task.checkStream(seen);
  }
}

class Fetch {
  constructor(task) {
    this.task = task;
  }

  async post(body) {
    const answer = await fetch(`${this.task.base_url}/v1/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer;
  }

  async call() {
    const answer = await (await this.post(this.task.plain)).json();
    this.task.checkAnswer(answer.choices[0].message.content);
  }

  async stream() {
    const task = this.task;
    let seen = 0;
    const decoder = new TextDecoder();
    let rest = "";
    for await (const piece of (await this.post(task.stream)).body) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
        const chunk = JSON.parse(line.slice(6));
        void chunk.choices[0]?.delta.content;
        seen += 1;
        task.chunks += 1;
        if (task.stopped) return;
      }
    }
    task.checkStream(seen);
  }
}

/** Loads and makes a client. */
export async function open(task) {
  switch (task.system) {
    case "behest":
      return new Completions(task, new (await load(task)).Behest({ key: KEY, baseUrl: task.base_url }));
    case "openai":
      return new Completions(task, new (await load(task)).OpenAI({ apiKey: KEY, baseURL: `${task.base_url}/v1` }));
    case "fetch":
      return new Fetch(task);
    default:
      throw new Error(`no client is called ${task.system}`);
  }
}

/** The package, from where the bench found it. */
export function load(task) {
  return import(pathToFileURL(task.package).href);
}
