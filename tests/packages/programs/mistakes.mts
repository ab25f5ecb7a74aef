// Each line below a directive is a mistake that the types catch; a directive above a line without one is an error itself.
import { Behest } from "@behest/client-ts";

const behest = new Behest({ key: "behest_sk_live_none" });
const messages = [{ role: "user", content: "Hello" }];

// @ts-expect-error an option that is misspelt
new Behest({ baseURL: "http://localhost:8080" });
// @ts-expect-error a question without a conversation
await behest.chat.completions.create({});
// @ts-expect-error a user that is a number
await behest.chat.completions.create({ messages, user_id: 7 });
// @ts-expect-error a whole answer is nothing to iterate over
for await (const _ of await behest.chat.completions.create({ messages })) break;
// @ts-expect-error a stream has no choices of its own
(await behest.chat.completions.create({ messages, stream: true })).choices;
// @ts-expect-error a role that does not exist
await behest.auth.mint({ user_id: "user-1", role: "superuser" });
