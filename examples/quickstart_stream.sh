#!/bin/sh
# The quickstart with the answer printed while it arrives: one event a line, [DONE] last.
set -eu

curl --no-buffer -X POST "${BEHEST_BASE_URL:-http://localhost:8080/v1}/chat/completions" \
-H "Authorization: Bearer $BEHEST_KEY" \
-H "Content-Type: application/json" \
-H "X-End-User-Id: user-12345" \
-H "X-Session-Id: user-12345-conv-abc" \
-d '{
"model": "gemini-2.5-flash",
"stream": true,
"messages": [
{"role": "user", "content": "Summarize this document"}
]
}'
