import { Link } from "react-router";

import { buttonStyle } from "~/core/ui/button";
import { Card } from "~/core/ui/card";

/** Says that the plan does not have a feature, and leads to the plans that do. */
export function Paywall({ detail }: { detail: string }) {
  return (
    <Needs title="This is part of another plan" detail={detail} to="/pricing">
      See the plans
    </Needs>
  );
}

/** Says that all seats of the plan are taken, and leads to the page where there are more. */
export function SeatsTaken({ detail }: { detail: string }) {
  return (
    <Needs title="All seats are taken" detail={detail} to="/billing">
      To the seats
    </Needs>
  );
}

function Needs(props: { title: string; detail: string; to: string; children: string }) {
  return (
    <Card role="alert">
      <h2 className="text-lg font-semibold">{props.title}</h2>
      <p>{props.detail}</p>
      <Link to={props.to} className={buttonStyle({ className: "justify-self-start" })}>
        {props.children}
      </Link>
    </Card>
  );
}
