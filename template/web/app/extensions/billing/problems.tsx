import type { ProblemCard } from "~/core/found";

import { Paywall, SeatsTaken } from "./paywall";

/** The first code is that of `require_feature`. */
export const problems: Record<string, ProblemCard> = {
  feature_not_in_plan: Paywall,
  no_seat_left: SeatsTaken,
};
