import type { Config } from "@react-router/dev/config";

import site from "./site.json" with { type: "json" };

export default {
  ssr: false,
  basename: site.base,
  // Pages are small: more chunks would mean more requests.
  splitRouteModules: false,
} satisfies Config;
