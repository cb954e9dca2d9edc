// Bundles what the pages run: `node build.mjs [OUT]`, by default into ../static. The same lock file gives the same bytes.
// Prints a JSON array of all that went in.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// Recipient types that this site never seals to bring other curves, and calls of crypto.subtle.
const UNUSED = /\/age-encryption\/dist\/(armor|cbor|webauthn|x25519)\.js$/;
const RECIPIENTS = /\/age-encryption\/dist\/recipients\.js$/;
const KEMS = /\/@noble\/post-quantum\/hybrid\.js$/;

const leaveOut = {
  name: "leave-out",
  setup({ onLoad }) {
    onLoad({ filter: UNUSED }, () => ({ contents: "export {};" }));
    onLoad({ filter: RECIPIENTS }, ({ path }) =>
      edited(path, [
        [/import \{ p256 \} from .*/, "const p256 = undefined;"],
        [/import \{ MLKEM768P256, /, "const MLKEM768P256 = undefined;\nimport { "],
      ]),
    );
    // Of the hybrid KEMs one is used. Those that are made on loading, without a mark that nobody may miss them, would stay.
    onLoad({ filter: KEMS }, ({ path }) =>
      edited(path, [
        [/= (QSF|createKitchenSink)\(/g, "= /* @__PURE__ */ $1("],
        [/\b(ecdhKem\(p256|ecdhKem\(p384|ecdhKem\(x25519\);)/g, "/* @__PURE__ */ $1"],
      ]),
    );
  },
};

async function edited(path, replacements) {
  let contents = await readFile(path, "utf8");
  for (const [pattern, replacement] of replacements) {
    const changed = contents.replace(pattern, replacement);
    if (changed === contents) {
      throw new Error(`${path} is no longer what this build takes apart: ${pattern}`);
    }
    contents = changed;
  }
  return { contents };
}

const { metafile } = await build({
  absWorkingDir: here("."),
  entryPoints: ["src/form.js", "src/leave.js"],
  outdir: process.argv[2] ?? "../static",
  bundle: true,
  format: "iife",
  charset: "utf8",
  minify: true,
  legalComments: "none",
  metafile: true,
  plugins: [leaveOut],
  tsconfigRaw: "{}",
  target: ["chrome90", "firefox91", "safari14.1"],
});
const outputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
console.log(JSON.stringify(outputs.filter(([, { bytesInOutput }]) => bytesInOutput).map(([path]) => path).sort()));
