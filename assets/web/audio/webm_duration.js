// Browsers record WebM without its duration, so that players cannot seek. In: such a file. Out: the same file with the duration in
// its header. Element ids and sizes as in RFC 8794 and RFC 9559.

const SEGMENT = 0x18538067;
const INFO = 0x1549a966;
const TIMESTAMP_SCALE = 0x2ad7b1;
const DURATION = 0x4489;
const CLUSTER = 0x1f43b675;
const TIMESTAMP = 0xe7;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;
const MASTERS = new Set([SEGMENT, CLUSTER, BLOCK_GROUP]);
const LAST_BLOCK_MS = 20;

/** `bytes` of a WebM file with its duration; the same bytes if it has one, or if it is another format. */
export function withDuration(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let info = null;
  let scale_ns = 1_000_000;
  let cluster = 0;
  let last = 0;
  for (const element of elements(view, 0, bytes.length)) {
    const { id, start, end } = element;
    if (id === INFO) {
      info = element;
      const children = [...elements(view, start, end)];
      if (children.some((child) => child.id === DURATION)) return bytes;
      const scale = children.find((child) => child.id === TIMESTAMP_SCALE);
      if (scale) scale_ns = readUnsigned(view, scale.start, scale.end);
    } else if (id === TIMESTAMP) {
      cluster = readUnsigned(view, start, end);
    } else if (id === SIMPLE_BLOCK || id === BLOCK) {
      const track = sizeLength(view.getUint8(start));
      last = Math.max(last, cluster + view.getInt16(start + track));
    }
  }
  if (!info) return bytes;
  return insertDuration(bytes, info, last + (LAST_BLOCK_MS * 1_000_000) / scale_ns);
}

/** The file with a new info element: its size in eight bytes, its content, then the duration. */
function insertDuration(bytes, { head, start, end }, duration) {
  const added = new DataView(new ArrayBuffer(11));
  added.setUint16(0, DURATION);
  added.setUint8(2, 0x88); // eight bytes follow
  added.setFloat64(3, duration);
  const size = new DataView(new ArrayBuffer(12));
  size.setUint32(0, INFO);
  size.setUint32(4, 0x01000000);
  size.setUint32(8, end - start + added.byteLength);
  const parts = [bytes.subarray(0, head), size, bytes.subarray(start, end), added, bytes.subarray(end)];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part instanceof DataView ? new Uint8Array(part.buffer) : part, at);
    at += part.byteLength;
  }
  return whole;
}

/** Each element from `at` to `end`, {id, head, start, end}; those of segments and clusters follow them. */
function* elements(view, at, end) {
  while (at + 2 <= end) {
    const head = at;
    const idLength = sizeLength(view.getUint8(at));
    const id = readUnsigned(view, at, at + idLength);
    at += idLength;
    const length = sizeLength(view.getUint8(at));
    const size = readUnsigned(view, at, at + length) - 2 ** (7 * length); // without the bit that marks the length
    at += length;
    const isUnknown = size >= 2 ** (7 * length) - 1;
    const last = isUnknown ? end : Math.min(end, at + size);
    yield { id, head, start: at, end: last };
    if (!MASTERS.has(id)) at = last;
  }
}

/** The number of bytes of a size or an id by its first byte. */
function sizeLength(first) {
  return Math.clz32(first || 1) - 23;
}

function readUnsigned(view, start, end) {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 256 + view.getUint8(at);
  return value;
}
