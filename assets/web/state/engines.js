// What the loaded engines can do. In: `engines` of GET /api/info, and ids of speakers.

/** The smallest model that clones voices, for advice. */
export const BASE_MODEL = "Qwen3-TTS-12Hz-0.6B-Base";

/** The engine that clones voices from recordings; undefined without one. */
export const cloningEngine = (engines) => engines.find(({ features }) => features.includes("cloning"));

/** The name of a speaker for readers: "Uncle Fu" of "uncle_fu". */
export function speakerName(id) {
  return id.replace(/_/g, " ").replace(/\b\p{L}/gu, (letter) => letter.toUpperCase());
}
