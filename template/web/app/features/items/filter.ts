import type { ItemFilter } from "./api";

export const PAGE_SIZE = 20;
const SORTS = ["newest", "oldest", "title"] as const;

/** What the address of the list says: it can be shared, and the browser's back button works. */
export function filterOf(params: URLSearchParams) {
  const done = params.get("done");
  const page = Number(params.get("page") ?? 1);
  return {
    search: params.get("search") ?? "",
    done: done === "true" ? true : done === "false" ? false : null,
    sort: SORTS.find((sort) => sort === params.get("sort")) ?? "newest",
    limit: PAGE_SIZE,
    offset: Number.isInteger(page) && page > 1 ? (page - 1) * PAGE_SIZE : 0,
  } satisfies ItemFilter;
}

/** The same address on another page. */
export function withPage(params: URLSearchParams, page: number): string {
  const changed = new URLSearchParams(params);
  changed.set("page", String(page));
  return `?${changed}`;
}
