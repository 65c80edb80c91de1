import type { ProblemCard } from "~/core/found";

import { Paywall } from "./paywall";

/** The code is that of `require_feature`. */
export const problems: Record<string, ProblemCard> = { feature_not_in_plan: Paywall };
