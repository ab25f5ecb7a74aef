// Server-sent events out of the body of a `fetch`. The browser's own EventSource can neither POST nor send a token.

// A carriage return at the very end may be the first half of a CRLF, so it waits for what follows.
const LINE_END = /\r\n|\n|\r(?!$)/;
const FIELD = /^([^:]*)(?:: ?(.*))?$/s;

/**
 * Yields the data of each event. Comments and other fields are passed over, and so is an event without its closing
 * empty line. Leaving the loop early closes the connection.
 */
export async function* readEvents(body) {
  // The decoder keeps the bytes of a character that the network has cut in two.
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let unfinished = "";
  let data = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (unfinished + value).split(LINE_END);
      unfinished = lines.pop();
      for (const line of lines) {
        const [, field, text = ""] = FIELD.exec(line);
        if (field === "data") data.push(text);
        if (line === "" && data.length > 0) {
          yield data.join("\n");
          data = [];
        }
      }
    }
  } finally {
    // After an abort there is nothing left to cancel, which is no news.
    reader.cancel().catch(() => {});
  }
}
