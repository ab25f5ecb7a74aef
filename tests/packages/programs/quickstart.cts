// The SDK as CommonJS: a token, an answer, the same answer as it comes, and an error, each with its type.
import { Behest, BehestAuthError, BehestError, type ChatCompletionChunk, decodeToken } from "@behest/client-ts";

async function main(): Promise<void> {
  const behest = new Behest();
  const messages = [{ role: "user", content: "Summarize this document" }];

  const minted: { token: string; sessionId: string; ttl: number; expiresAt: string } = await behest.auth.mint({ user_id: "user-1" });
  const answer = await behest.chat.completions.create({ messages, token: minted.token });

  const pieces: string[] = [];
  const stream = await behest.chat.completions.create({ messages, user_id: "user-1", stream: true });
  for await (const chunk of stream) {
    const piece: ChatCompletionChunk = chunk;
    pieces.push(piece.choices[0]?.delta.content ?? "");
  }

  const refused: unknown = await new Behest({ key: `behest_sk_live_${"0".repeat(32)}` }).models.list().catch((error: unknown) => error);
  if (!(refused instanceof BehestAuthError && refused instanceof BehestError)) throw refused;

  const says: { user: unknown; answer: string | null | undefined; streamed: string; status: number | undefined } = {
    user: decodeToken(minted.token).uid,
    answer: answer.choices[0]?.message.content,
    streamed: pieces.join(""),
    status: refused.status,
  };
  console.log(JSON.stringify(says));
  await behest.close();
}

void main();
