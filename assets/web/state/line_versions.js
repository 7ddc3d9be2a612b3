// Which takes of one text have another audio of a line, because that line was generated again. In: records of `Takes` and the current
// take. Out: the other take of a line, and that line put into the current take and played. A take that was replaced stays in the list.

export class LineVersions {
  #player;
  #take;
  #takes;
  #api;
  #isFlipping = false;

  constructor(player, take, takes, api) {
    this.#player = player;
    this.#take = take;
    this.#takes = takes;
    this.#api = api;
    take.addEventListener("replaced", ({ detail }) => this.#onReplaced(detail));
    player.addEventListener("change", ({ detail }) => detail === "done" && this.#measure());
  }

  /** Add the new take of a line to the list. A continued take replaces the partial one. */
  #onReplaced({ base, entry, toEnd }) {
    const before = this.#takes.find(base.id) ?? this.#add(base);
    if (toEnd) this.#takes.finish(before, entry, { peaks: [], level: 0 });
    else this.#add(entry);
  }

  #add(entry) {
    const take = this.#takes.add();
    this.#takes.finish(take, entry, { peaks: [], level: 0 });
    return take;
  }

  /** Finished audio was loaded: its waveform, if it is a take that has none yet. */
  async #measure() {
    const { stats, peaks } = this.#player;
    const take = this.#takes.find(this.#take.id);
    if (!stats.recalled || stats.receiving || !take || take.peaks.length) return;
    this.#takes.finish(take, await this.#take.entry(), { peaks, level: stats.level });
  }

  /** The take with the next other audio of `line`; null if there is none, or while audio is being generated. */
  other(line) {
    const current = this.#takes.find(this.#take.id);
    const isFinished = this.#take.isComplete || this.#player.stats.recalled;
    if (line === null || !current?.root || !isFinished) return null;
    const family = this.#family(current);
    const sources = sourcesOf(line, family);
    if (sources.length < 2) return null;
    const next = sources[(sources.indexOf(current.lines[line]) + 1) % sources.length];
    return family.find(({ lines }) => lines[line] === next);
  }

  /** Use `line` of `other(line)` in the current take, and play it; other lines stay as they are. False if that is not possible now. */
  async flip(line) {
    const other = this.other(line);
    if (!other || this.#isFlipping) return false;
    this.#isFlipping = true;
    try {
      await this.#use(other, line);
    } finally {
      this.#isFlipping = false;
    }
    return true;
  }

  async #use(other, line) {
    const current = this.#takes.find(this.#take.id);
    const wanted = JSON.stringify({ ...current.lines, [line]: other.lines[line] });
    const match = this.#family(current).find(({ lines }) => JSON.stringify(lines) === wanted);
    const body = { retake: other.id, retake_line: line };
    const entry = match
      ? await this.#api.get(`api/history/${match.id}`)
      : await this.#api.put(`api/history/${current.id}/lines/${line}`, body);
    if (!match) this.#add(entry);
    const segments = entry.segments.filter(({ segment }) => segment.line >= line);
    const next = segments.find(({ segment }) => segment.line > line);
    this.#take.recall(entry, { start: segments[0].start_sample, end: next?.start_sample ?? entry.num_samples });
  }

  /** The lines of `take` that were generated again, if a take with another audio of them is in the list. */
  newLines(take) {
    const family = this.#family(take);
    return Object.keys(take.lines ?? {})
      .map(Number)
      .filter((line) => sourcesOf(line, family).length > 1);
  }

  /** All takes with the same origin as `take`, oldest first. */
  #family(take) {
    return this.#takes.list.filter(({ root, state }) => root && root === take.root && state === "done").reverse();
  }
}

/** The different sources of `line` in `takes`; undefined is the origin. */
function sourcesOf(line, takes) {
  return [...new Set(takes.map(({ lines }) => lines[line]))];
}

/** {root, lines}: the request that a history entry comes from, and the source of each line that is not from it. */
export function lineSources({ request_id, voice_from, segments }) {
  const root = voice_from ?? request_id;
  const lines = {};
  for (const { segment, continue_from: source } of segments) {
    if (source && source.request_id !== root) lines[segment.line] ??= `${source.request_id}/${source.segment}`;
  }
  return { root, lines };
}
