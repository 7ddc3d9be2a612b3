// A request as a command that repeats it. In: the server's address, the body of POST /api/tts, and whether the server needs a key,
// which the command reads from the environment: no secret reaches the clipboard. Out: text for a shell and for Python; both write
// speech.wav. Does not know the page's elements.

const KEY_VARIABLE = "QWEN3TTS_API_KEY";

/** For sh, bash and zsh. */
export function curlSnippet(url, body, needsKey) {
  const json = JSON.stringify({ ...body, streaming: false });
  const lines = [`curl ${shellQuote(url)} \\`, "  -H 'Content-Type: application/json' \\"];
  if (needsKey) lines.push(`  -H "Authorization: Bearer $${KEY_VARIABLE}" \\`);
  return [...lines, `  --data-raw ${shellQuote(json)} \\`, "  --fail-with-body --output speech.wav"].join("\n");
}

/** Python with `requests`. */
export function pythonSnippet(url, body, needsKey) {
  const key = [`key = os.environ["${KEY_VARIABLE}"]`, `headers = {"Authorization": f"Bearer {key}"}`];
  const entries = Object.entries({ ...body, streaming: false });
  return [
    ...(needsKey ? ["import os", ""] : []),
    "import requests",
    "",
    ...(needsKey ? key : []),
    `response = requests.post(${pythonLiteral(url)}, json={`,
    ...entries.map(([name, value]) => `    ${JSON.stringify(name)}: ${pythonLiteral(value)},`),
    `}, ${needsKey ? "headers=headers, " : ""}timeout=600)`,
    "response.raise_for_status()",
    'with open("speech.wav", "wb") as file:',
    "    file.write(response.content)",
    "",
  ].join("\n");
}

/** `text` as one word for a shell. */
function shellQuote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** JSON and Python differ in three words; string escapes mean the same. */
function pythonLiteral(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  return JSON.stringify(value);
}
