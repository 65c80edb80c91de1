import { Link, redirectDocument, replace, useFetcher } from "react-router";

import { billingListPlans, type CatalogueRead, type SubscriptionRead } from "~/client";
import { attempt, text } from "~/core/forms";
import { ApiError } from "~/core/problem";
import { ProblemMessage } from "~/core/problem-message";
import { Button, buttonStyle } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Confirm } from "~/core/ui/confirm";
import { Message } from "~/core/ui/message";

import type { Route } from "./+types/billing";
import {
  cancel,
  listInvoices,
  openPortal,
  readSubscription,
  refreshSubscription,
  resume,
} from "./api";
import { Change, change } from "./change";
import { Invoices } from "./invoices";
import { priceText } from "./money";

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  const { searchParams } = new URL(request.url);
  const checkout = searchParams.get("checkout");
  if (checkout === "success") {
    // Whoever opens this address without having paid gets nothing: it only asks Stripe.
    await refreshSubscription().catch(ignoreRefusal);
    throw replace("/billing?checkout=paid");
  }
  const [offered, current, invoices] = await Promise.all([
    billingListPlans(),
    readSubscription(),
    listInvoices(searchParams.get("cursor")).catch(onlyForManagers),
  ]);
  return { checkout, offered, current, invoices };
}

/** The webhook tells the same, a moment later. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
}

function onlyForManagers(error: unknown): undefined {
  if (!(error instanceof ApiError) || error.problem.code !== "no_manager") throw error;
}

export async function clientAction({ request }: Route.ClientActionArgs) {
  const form = await request.formData();
  switch (text(form, "intent")) {
    case "cancel":
      return attempt(cancel);
    case "resume":
      return attempt(resume);
    case "portal": {
      let page: string | undefined;
      const outcome = await attempt(async () => {
        page = (await openPortal()).url;
      });
      if (page) throw redirectDocument(page);
      return outcome;
    }
    default:
      return change(form);
  }
}

export default function Billing({ loaderData }: Route.ComponentProps) {
  const { checkout, offered, current, invoices } = loaderData;
  const manages = invoices !== undefined;
  return (
    <div className="grid gap-4">
      <title>Billing</title>
      <h1 className="text-2xl font-semibold">Billing</h1>
      {checkout === "paid" && (
        <Message>Thank you. An invoice may take a moment to appear here.</Message>
      )}
      {checkout === "cancelled" && <Message>The checkout was cancelled; nothing is paid.</Message>}
      <Plan offered={offered} current={current} manages={manages} />
      {manages && current.status && (
        <Change key={`${current.price} ${current.seats}`} offered={offered} current={current} />
      )}
      {invoices && <Invoices page={invoices} />}
    </div>
  );
}

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const on = (time: string) => day.format(new Date(time));

function Plan({
  offered,
  current,
  manages,
}: {
  offered: CatalogueRead;
  current: SubscriptionRead;
  manages: boolean;
}) {
  const fetcher = useFetcher<typeof clientAction>();
  const busy = fetcher.state !== "idle";
  const send = (intent: string) => void fetcher.submit({ intent }, { method: "post" });
  const plan = offered.plans.find(({ key }) => key === current.plan);
  const { amount, currency, interval } = current;
  const perSeat = plan !== undefined && plan.max_seats > 1;
  return (
    <Card aria-label="Plan">
      <ProblemMessage problem={fetcher.data?.problem} />
      <p className="text-xl font-semibold">{plan?.name ?? current.plan}</p>
      {current.grace_until && (
        <Message error>
          The last payment has failed. The plan stays until {on(current.grace_until)}: change the
          means of payment before.
        </Message>
      )}
      {current.status && (
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
          <dt className="text-muted-foreground">Status</dt>
          <dd>{current.status}</dd>
          {amount !== null && currency !== null && interval !== null && (
            <>
              <dt className="text-muted-foreground">Price</dt>
              <dd>{priceText({ amount, currency, interval }, perSeat)}</dd>
            </>
          )}
          {perSeat && (
            <>
              <dt className="text-muted-foreground">Seats</dt>
              <dd>{current.seats}</dd>
            </>
          )}
          {current.trial_end && current.status === "trialing" && (
            <>
              <dt className="text-muted-foreground">Trial until</dt>
              <dd>{on(current.trial_end)}</dd>
            </>
          )}
          {current.period_end && (
            <>
              <dt className="text-muted-foreground">
                {current.cancel_at_period_end ? "Ends on" : "Renews on"}
              </dt>
              <dd>{on(current.period_end)}</dd>
            </>
          )}
        </dl>
      )}
      {!manages && <p>Only those who manage payments may change it.</p>}
      <div className="flex flex-wrap gap-2">
        <Link to="/pricing" className={buttonStyle({ variant: "outline" })}>
          See all plans
        </Link>
        {manages && current.status !== null && (
          <>
            {current.cancel_at_period_end ? (
              <Button
                busy={busy}
                onClick={() => {
                  send("resume");
                }}
              >
                Resume
              </Button>
            ) : (
              <Confirm
                label="End subscription"
                question="End the subscription? The plan stays until the end of the period that is paid."
                onConfirm={() => {
                  send("cancel");
                }}
              >
                End subscription
              </Confirm>
            )}
            <Button
              variant="outline"
              busy={busy}
              onClick={() => {
                send("portal");
              }}
            >
              Means of payment
            </Button>
          </>
        )}
      </div>
    </Card>
  );
}
