import { reactRouter } from "@react-router/dev/vite";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

import site from "./site.json" with { type: "json" };

// `app web dev` sets it. The browser knows one origin: Vite passes requests of the API on.
const api = process.env.API_URL ?? "http://127.0.0.1:8000";
const prefix = process.env.API_PREFIX ?? "/api/v1";

export default defineConfig({
  base: site.base,
  plugins: [tailwindcss(), reactRouter()],
  resolve: { tsconfigPaths: true },
  // Source maps are written, and `scripts/finish.mjs` takes them out of what is served.
  build: { sourcemap: "hidden" },
  server: { host: "127.0.0.1", proxy: { [prefix]: { target: api } } },
});
