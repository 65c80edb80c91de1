import { defineConfig } from "@hey-api/openapi-ts";

// `app web client` writes openapi.json; the client is generated and never edited.
export default defineConfig({
  input: "openapi.json",
  output: "app/client",
  plugins: [
    {
      name: "@hey-api/client-fetch",
      runtimeConfigPath: "~/core/client-config",
      throwOnError: true,
    },
    { name: "@hey-api/sdk", responseStyle: "data" },
    "@hey-api/typescript",
  ],
});
