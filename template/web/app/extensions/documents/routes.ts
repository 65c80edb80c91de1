import { route } from "@react-router/dev/routes";

export const routes = [
  route("documents", "extensions/documents/documents.tsx"),
  route("documents/search", "extensions/documents/search.tsx"),
];
