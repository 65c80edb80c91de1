import {
  index,
  layout,
  route,
  type RouteConfig,
  type RouteConfigEntry,
} from "@react-router/dev/routes";

/** What `routes.ts` of an extension or a feature exports. */
interface Routes {
  /** Pages for everybody. */
  open?: RouteConfigEntry[];
  /** Pages for users who are signed in. */
  routes?: RouteConfigEntry[];
}

const found = Object.values(
  import.meta.glob<Routes>(["./extensions/*/routes.ts", "./features/*/routes.ts"], { eager: true }),
);

export default [
  layout("core/layout.tsx", [
    ...found.flatMap((each) => each.open ?? []),
    layout("core/signed-in.tsx", [
      index("core/home.tsx"),
      ...found.flatMap((each) => each.routes ?? []),
    ]),
    route("*", "core/not-found.tsx"),
  ]),
] satisfies RouteConfig;
