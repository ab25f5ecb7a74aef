// The quickstart with the answer printed while it arrives.
import OpenAI from "openai";

const userId = "12345";
const conversationId = "abc";
const userMessage = "Summarize this document";

const client = new OpenAI({
  baseURL: process.env.BEHEST_BASE_URL ?? "http://localhost:8080/v1",
  apiKey: process.env.BEHEST_KEY,
  defaultHeaders: {
    "X-End-User-Id": userId,
    // Uniquely identifies a conversation thread for per-session cost attribution.
    "X-Session-Id": `user-${userId}-conv-${conversationId}`,
  },
});

const stream = await client.chat.completions.create({
  model: "gemini-2.5-flash",
  messages: [{ role: "user", content: userMessage }],
  stream: true,
});

for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}
console.log();
