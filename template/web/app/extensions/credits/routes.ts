import { route } from "@react-router/dev/routes";

export const routes = [route("credits", "extensions/credits/ledger.tsx")];
