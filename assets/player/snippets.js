// A request as a command that asks for the same again. In: the page's address, the body of POST /api/tts, whether the server asks for
// a key, which is then read from the environment: no secret gets into a clipboard. Out: text for a shell and for Python; both write
// speech.wav. Knows no element of the page.

const KEY = "QWEN3TTS_API_KEY";

/** For sh, bash and zsh. */
export function curl(url, body, keyed) {
  const json = JSON.stringify({ ...body, streaming: false });
  const key = keyed ? [`  -H "Authorization: Bearer $${KEY}" \\`] : [];
  return [`curl ${quoted(url)} \\`, "  -H 'Content-Type: application/json' \\", ...key, `  --data-raw ${quoted(json)} \\`, "  --fail-with-body --output speech.wav"].join("\n");
}

/** Python with `requests`. */
export function python(url, body, keyed) {
  const key = [`key = os.environ["${KEY}"]`, `headers = {"Authorization": f"Bearer {key}"}`];
  const fields = Object.entries({ ...body, streaming: false }).map(([name, value]) => `    ${JSON.stringify(name)}: ${literal(value)},`);
  return [
    ...(keyed ? ["import os", ""] : []),
    "import requests",
    "",
    ...(keyed ? key : []),
    `answer = requests.post(${literal(url)}, json={`,
    ...fields,
    `}, ${keyed ? "headers=headers, " : ""}timeout=600)`,
    "answer.raise_for_status()",
    'with open("speech.wav", "wb") as file:',
    "    file.write(answer.content)",
    "",
  ].join("\n");
}

/** One word for a shell, whatever is in it. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** JSON and Python differ in three words; escapes of strings mean the same, but for U+2028, which Python takes as it is. */
function literal(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  return JSON.stringify(value);
}
