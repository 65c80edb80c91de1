import { defineConfig } from "vitest/config";

// Without the plugin of React Router: components are tested with its `createRoutesStub`.
export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    environment: "jsdom",
    // jsdom has no origin of its own that a relative address could belong to.
    env: { VITE_API_URL: "http://api.test" },
    include: ["app/**/*.test.{ts,tsx}"],
    setupFiles: ["vitest.setup.ts"],
    unstubGlobals: true,
  },
});
