// The last step of a build: it prepares what `app.extensions.frontend` serves.
//
// - policy.json gets the path of the application, and the hashes of the inline scripts, which are
//   the only ones that the Content Security Policy allows;
// - source maps move to build/maps, so that they are not published;
// - texts get compressed copies;
// - the build fails if a page loads more JavaScript than the budget allows.
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const BUDGET_KILOBYTES = 180;
const CLIENT = "build/client";
const TEXT = "**/*.{css,html,js,json,svg,txt,webmanifest,xml}";

/** @param {string} pattern */
function files(pattern) {
  return globSync(pattern, { cwd: CLIENT });
}

/** @type {{ base: string }} */
const site = JSON.parse(readFileSync("site.json", "utf8"));
const page = readFileSync(join(CLIENT, "index.html"), "utf8");

const inline = [...page.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([^]*?)<\/script>/g)];
const scripts = inline.map(([, code = ""]) => {
  return `sha256-${createHash("sha256").update(code).digest("base64")}`;
});
writeFileSync(
  "build/policy.json",
  JSON.stringify({ base: site.base, scripts: [...new Set(scripts)] }),
);

for (const name of files("**/*.map")) {
  const target = join("build/maps", name);
  mkdirSync(dirname(target), { recursive: true });
  renameSync(join(CLIENT, name), target);
}

for (const name of files(TEXT)) {
  const file = join(CLIENT, name);
  const content = readFileSync(file);
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  const size = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  writeFileSync(`${file}.br`, brotliCompressSync(content, { params: size }));
}

const [largest = { route: "", kilobytes: 0 }] = pages().sort((a, b) => b.kilobytes - a.kilobytes);
const told = `${largest.kilobytes.toFixed(0)} kB of JavaScript, compressed, for ${largest.route}`;
if (largest.kilobytes > BUDGET_KILOBYTES) {
  console.error(`The largest page loads ${told}; the budget is ${BUDGET_KILOBYTES} kB.`);
  process.exit(1);
}
console.log(`The largest page loads ${told}.`);

/** What a browser loads to show each page first: the entry, and the page with all its layouts. */
function pages() {
  const [name = ""] = files("assets/manifest-*.js");
  const text = readFileSync(join(CLIENT, name), "utf8");
  /** @typedef {{ module: string, imports?: string[] }} Chunk */
  /** @type {{ entry: Chunk, routes: Record<string, Chunk & { id: string, parentId?: string }> }} */
  const manifest = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
  return Object.values(manifest.routes).map((route) => {
    const chunks = new Set(chunksOf(manifest.entry));
    for (let each = /** @type {typeof route | undefined} */ (route); each;) {
      chunksOf(each).forEach((chunk) => chunks.add(chunk));
      each = each.parentId === undefined ? undefined : manifest.routes[each.parentId];
    }
    const bytes = [...chunks].map((chunk) => sizeOf(chunk)).reduce((a, b) => a + b, 0);
    return { route: route.id, kilobytes: bytes / 1000 };
  });
}

/** @param {{ module: string, imports?: string[] }} chunk */
function chunksOf(chunk) {
  return [chunk.module, ...(chunk.imports ?? [])];
}

/** @param {string} url */
function sizeOf(url) {
  return readFileSync(join(CLIENT, `${url.slice(site.base.length)}.gz`)).length;
}
