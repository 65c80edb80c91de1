import { Form, Link, redirect, redirectDocument, useNavigation } from "react-router";

import { billingListPlans, type PackRead, type PlanRead } from "~/client";
import { attempt, text } from "~/core/forms";
import { ProblemMessage } from "~/core/problem-message";
import { currentSession, signInPath } from "~/core/session";
import { Button, buttonStyle } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Field, Select } from "~/core/ui/field";

import type { Route } from "./+types/pricing";
import { buy, readSubscription, subscribe } from "./api";
import { money, priceText } from "./money";

export async function clientLoader() {
  const isSignedIn = (await currentSession()) !== null;
  const [offered, current] = await Promise.all([
    billingListPlans(),
    isSignedIn ? readSubscription() : undefined,
  ]);
  return { isSignedIn, offered, current };
}

/** Goes to a checkout, which is a page of Stripe. */
export async function clientAction({ request }: Route.ClientActionArgs) {
  if (!(await currentSession())) throw redirect(signInPath(request));
  const form = await request.formData();
  const pack = text(form, "pack");
  let page: string | undefined;
  const outcome = await attempt(async () => {
    const { url } = pack
      ? await buy({ pack, quantity: Number(text(form, "quantity")) })
      : await subscribe({ price: text(form, "price"), seats: Number(text(form, "seats") || 1) });
    page = url;
  });
  if (page) throw redirectDocument(page);
  return outcome;
}

export default function Pricing({ loaderData, actionData }: Route.ComponentProps) {
  const { offered, current } = loaderData;
  return (
    <div className="grid gap-4">
      <title>Pricing</title>
      <h1 className="text-2xl font-semibold">Pricing</h1>
      <ProblemMessage problem={actionData?.problem} />
      <ul className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
        {offered.plans.map((plan) => (
          <li key={plan.key} className="grid">
            <Plan
              plan={plan}
              isCurrent={plan.key === current?.plan}
              isSubscribed={Boolean(current?.status)}
            />
          </li>
        ))}
      </ul>
      {offered.packs.length > 0 && (
        <>
          <h2 className="text-xl font-semibold">Packs</h2>
          <ul className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
            {offered.packs.map((pack) => (
              <li key={pack.key} className="grid">
                <Pack pack={pack} />
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function Plan({
  plan,
  isCurrent,
  isSubscribed,
}: {
  plan: PlanRead;
  isCurrent: boolean;
  isSubscribed: boolean;
}) {
  const busy = useNavigation().state !== "idle";
  const perSeat = plan.max_seats > 1;
  return (
    <Card aria-label={plan.name} className="content-start">
      <h2 className="text-xl font-semibold">{plan.name}</h2>
      {plan.description && <p>{plan.description}</p>}
      {plan.features.length > 0 && (
        <ul className="list-disc pl-5 text-sm" aria-label="Features">
          {plan.features.map((feature) => (
            <li key={feature}>{feature}</li>
          ))}
        </ul>
      )}
      {isCurrent && <p className="font-medium">This is your plan.</p>}
      {plan.prices.length > 0 && !isSubscribed && (
        <Form method="post" className="grid gap-3">
          <Select label="Price" name="price">
            {plan.prices.map((price) => (
              <option key={price.key} value={price.key}>
                {priceText(price, perSeat)}
              </option>
            ))}
          </Select>
          {perSeat && (
            <Field
              label="Seats"
              name="seats"
              type="number"
              min={1}
              max={plan.max_seats}
              defaultValue={1}
              required
            />
          )}
          {plan.trial_days > 0 && (
            <p className="text-sm text-muted-foreground">
              The first subscription begins with {plan.trial_days} days without charge.
            </p>
          )}
          <Button type="submit" busy={busy} aria-label={`Subscribe to ${plan.name}`}>
            Subscribe
          </Button>
        </Form>
      )}
      {plan.prices.length > 0 && isSubscribed && (
        <>
          <ul className="text-sm">
            {plan.prices.map((price) => (
              <li key={price.key}>{priceText(price, perSeat)}</li>
            ))}
          </ul>
          <Link
            to="/billing"
            className={buttonStyle({ variant: "outline" })}
            aria-label={isCurrent ? "Change your plan" : `Change to ${plan.name}`}
          >
            Change
          </Link>
        </>
      )}
    </Card>
  );
}

function Pack({ pack }: { pack: PackRead }) {
  const busy = useNavigation().state !== "idle";
  return (
    <Card aria-label={pack.name} className="content-start">
      <h3 className="font-semibold">{pack.name}</h3>
      {pack.description && <p>{pack.description}</p>}
      <p>{money(pack.amount, pack.currency)}</p>
      <Form method="post" className="grid gap-3">
        <input type="hidden" name="pack" value={pack.key} />
        <Field
          label="Quantity"
          name="quantity"
          type="number"
          min={1}
          max={100}
          defaultValue={1}
          required
        />
        <Button type="submit" busy={busy} variant="outline" aria-label={`Buy ${pack.name}`}>
          Buy
        </Button>
      </Form>
    </Card>
  );
}
