// The text of a file: .txt and .md as they are, of a .docx the paragraphs of its word/document.xml. Files are read in the browser, with
// bounds on their size and on what is unpacked. Throws a `FileProblem` with the code "type", "size", "damaged" or "empty".

const MAX_TEXT_BYTES = 4e6;
const MAX_ARCHIVE_BYTES = 32e6;
const MAX_UNPACKED_BYTES = 16e6;
const WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const DOCUMENT = "word/document.xml";
const END_RECORD = 0x06054b50;
const CENTRAL_RECORD = 0x02014b50;
const END_SIZE = 22;
const MAX_COMMENT = 65_535;

export class FileProblem extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export async function readTextFile(file) {
  const type = file.name.toLowerCase().match(/\.(txt|text|md|markdown|docx)$/)?.[1];
  if (!type) throw new FileProblem("type");
  if (file.size > (type === "docx" ? MAX_ARCHIVE_BYTES : MAX_TEXT_BYTES)) throw new FileProblem("size");
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = type === "docx" ? paragraphs(await documentXml(bytes)) : decode(bytes);
  if (text.includes("\0")) throw new FileProblem("damaged"); // not a text
  if (!text.trim()) throw new FileProblem("empty");
  return text.replace(/\r\n?/g, "\n").trim();
}

/** Decode UTF-8 or UTF-16 by the byte order mark, UTF-8 without one, or else what Windows writes. */
function decode(bytes) {
  const mark = { 0xfeff: "utf-16be", 0xfffe: "utf-16le" }[(bytes[0] << 8) | bytes[1]];
  try {
    return new TextDecoder(mark ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder(legacyEncoding(bytes)).decode(bytes);
  }
}

/** Western text has single bytes from 128 on between ASCII ones, Chinese and Japanese pairs; kana are in two rows of Shift JIS. */
function legacyEncoding(bytes) {
  let [high, alone, kana] = [0, 0, 0];
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] < 0x80) continue;
    high++;
    if (!(bytes[i - 1] >= 0x80) && !(bytes[i + 1] >= 0x80)) alone++;
    if (bytes[i] === 0x82 || bytes[i] === 0x83) kana++;
  }
  if (alone > high / 2) return "windows-1252";
  return kana > high / 5 ? "shift_jis" : "gb18030";
}

async function documentXml(bytes) {
  try {
    const { method, start, size } = findEntry(bytes);
    const packed = bytes.subarray(start, start + size);
    if (method === 0) return new TextDecoder().decode(packed);
    return new TextDecoder().decode(await inflate(packed));
  } catch (error) {
    throw error instanceof FileProblem ? error : new FileProblem("damaged");
  }
}

/** Where a ZIP file has the document: {method, start, size}. A read outside the file throws. */
function findEntry(bytes) {
  const view = new DataView(bytes.buffer);
  let end = bytes.length - END_SIZE;
  const first = Math.max(0, end - MAX_COMMENT);
  while (end > first && view.getUint32(end, true) !== END_RECORD) end--;
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count && view.getUint32(at, true) === CENTRAL_RECORD; i++) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    if (name === DOCUMENT) {
      const header = view.getUint32(at + 42, true);
      const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
      return { method: view.getUint16(at + 10, true), start, size: view.getUint32(at + 20, true) };
    }
    at += 46 + nameLength + extraLength + commentLength;
  }
  throw new FileProblem("damaged");
}

/** Unpack until the bound: a small file may claim to be gigabytes. */
async function inflate(packed) {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts = [];
  for (let total = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    total += value.length;
    if (total > MAX_UNPACKED_BYTES) {
      reader.cancel();
      throw new FileProblem("size");
    }
    parts.push(value);
  }
}

function paragraphs(xml) {
  const page = xml.includes("<!DOCTYPE") ? null : new DOMParser().parseFromString(xml, "application/xml");
  if (!page || page.querySelector("parsererror")) throw new FileProblem("damaged");
  const elements = (parent, name) => [...parent.getElementsByTagNameNS(WORD, name)];
  const nearest = (node, name) => {
    while (node && node.localName !== name) node = node.parentElement;
    return node;
  };
  const parts = { t: (node) => node.textContent, tab: () => " ", br: () => "\n" };
  const textOf = (paragraph) =>
    elements(paragraph, "*")
      .filter(
        (node) => node.localName in parts && nearest(node, "p") === paragraph && node.parentElement.localName === "r",
      )
      .map((node) => parts[node.localName](node))
      .join("");
  const lines = [];
  let row = null; // the table row of the last line
  for (const paragraph of elements(page, "p")) {
    const [before, text] = [row, textOf(paragraph)];
    row = nearest(paragraph, "tr");
    if (!row || row !== before) lines.push(text);
    else if (text) lines.push(joinCells(lines.pop(), text));
  }
  return lines.join("\n").replace(/\n{3,}/g, "\n\n");
}

/** Cells of a table row, to be read with a pause between them. */
function joinCells(before, text) {
  if (!before) return text;
  return before + (/\p{P}$/u.test(before) ? " " : ", ") + text;
}
