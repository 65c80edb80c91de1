import { route } from "@react-router/dev/routes";

export const routes = [
  route("items", "features/items/list.tsx"),
  route("items/:itemId", "features/items/edit.tsx"),
];
