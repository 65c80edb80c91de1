import { Link } from "react-router";

import { buttonStyle } from "~/core/ui/button";
import { Card } from "~/core/ui/card";

/** Says that the plan does not have a feature, and leads to the plans that do. */
export function Paywall({ detail }: { detail: string }) {
  return (
    <Card role="alert">
      <h2 className="text-lg font-semibold">This is part of another plan</h2>
      <p>{detail}</p>
      <Link to="/pricing" className={buttonStyle({ className: "justify-self-start" })}>
        See the plans
      </Link>
    </Card>
  );
}
