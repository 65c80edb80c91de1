import { route } from "@react-router/dev/routes";

export const open = [route("pricing", "extensions/billing/pricing.tsx")];

// BILLING_RETURN_URL is the address of this page.
export const routes = [route("billing", "extensions/billing/billing.tsx")];
