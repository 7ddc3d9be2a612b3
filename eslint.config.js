// ESLint for assets/web. The import zones are the layers of the page: audio, components and text import no other folder, state
// builds on audio, a region builds on all four and never on another region, and main.js joins everything.

import js from "@eslint/js";
import importPlugin from "eslint-plugin-import";
import globals from "globals";
import { readdirSync } from "node:fs";

const WEB = "./assets/web";
const regions = readdirSync(new URL("assets/web/regions", import.meta.url));

/** `folder` may import itself and `allowed`. */
const zone = (folder, ...allowed) => ({
  target: `${WEB}/${folder}`,
  from: WEB,
  except: [`./${folder}`, ...allowed.map((one) => `./${one}`)],
});

export default [
  js.configs.recommended,
  {
    files: ["assets/web/**/*.js"],
    plugins: { import: importPlugin },
    languageOptions: { ecmaVersion: "latest", sourceType: "module", globals: globals.browser },
    settings: { "import/parsers": { espree: [".js"] } },
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "import/named": "error",
      "import/no-cycle": "error",
      "import/no-duplicates": "error",
      "import/no-unresolved": "error",
      "import/no-restricted-paths": [
        "error",
        {
          zones: [
            zone("audio"),
            zone("components"),
            zone("text"),
            zone("state", "audio"),
            ...regions.map((region) => zone(`regions/${region}`, "state", "components", "text", "audio")),
          ],
        },
      ],
    },
  },
  {
    files: ["assets/web/audio/playback_worklet.js"],
    languageOptions: { globals: globals.audioWorklet },
  },
  {
    files: ["assets/web/audio/fetch_worker.js"],
    languageOptions: { globals: globals.worker },
  },
];
