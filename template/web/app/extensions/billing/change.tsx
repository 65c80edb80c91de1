import { useState } from "react";
import { useFetcher } from "react-router";

import type { CatalogueRead, ChangePreview, SubscriptionRead } from "~/client";
import { attempt, text, type Outcome } from "~/core/forms";
import { ProblemMessage } from "~/core/problem-message";
import { Button } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Field, Select } from "~/core/ui/field";

import { changeSubscription, previewChange } from "./api";
import { money, priceText } from "./money";

interface Answer extends Outcome {
  preview?: ChangePreview;
}

/** Ask what a change would cost, or make it. */
export async function change(form: FormData): Promise<Answer> {
  const wanted = { price: text(form, "price"), seats: Number(text(form, "seats") || 1) };
  if (text(form, "intent") === "change") return attempt(() => changeSubscription(wanted));
  let preview: ChangePreview | undefined;
  const outcome = await attempt(async () => {
    preview = await previewChange(wanted);
  });
  return preview ? { ...outcome, preview } : outcome;
}

/** Another price or number of seats: first what it costs, then the change. */
export function Change({
  offered,
  current,
}: {
  offered: CatalogueRead;
  current: SubscriptionRead;
}) {
  const fetcher = useFetcher<Answer>();
  const choices = offered.plans
    .flatMap((plan) => plan.prices.map((each) => ({ plan, each })))
    .filter(({ each }) => each.currency === current.currency);
  // The price of somebody who subscribed long ago may not be offered any more.
  const isOffered = choices.some(({ each }) => each.key === current.price);
  const [price, setPrice] = useState((isOffered ? current.price : choices[0]?.each.key) ?? "");
  const [seats, setSeats] = useState(String(current.seats));
  // What was asked about; another choice has to be asked about first.
  const [asked, setAsked] = useState("");
  const busy = fetcher.state !== "idle";
  const chosen = choices.find(({ each }) => each.key === price)?.plan;
  const hasSeats = chosen !== undefined && chosen.max_seats > 1;
  const wanted = { price, seats: hasSeats ? seats : "1" };
  const question = JSON.stringify(wanted);
  const preview = asked === question ? fetcher.data?.preview : undefined;
  return (
    <Card aria-label="Change">
      <h2 className="text-lg font-semibold">Change the subscription</h2>
      <ProblemMessage problem={fetcher.data?.problem} />
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          setAsked(question);
          void fetcher.submit(
            { ...wanted, intent: preview ? "change" : "preview" },
            { method: "post" },
          );
        }}
      >
        <Select
          label="Plan and price"
          value={price}
          onChange={(event) => {
            setPrice(event.target.value);
          }}
        >
          {choices.map(({ plan, each }) => (
            <option key={each.key} value={each.key}>
              {plan.name}: {priceText(each, plan.max_seats > 1)}
            </option>
          ))}
        </Select>
        {hasSeats && (
          <Field
            label="Seats"
            type="number"
            min={1}
            max={chosen.max_seats}
            required
            value={seats}
            onChange={(event) => {
              setSeats(event.target.value);
            }}
          />
        )}
        {preview && <Preview preview={preview} />}
        <Button type="submit" busy={busy} className="justify-self-start">
          {preview ? "Change now" : "Show what it costs"}
        </Button>
      </form>
    </Card>
  );
}

function Preview({ preview }: { preview: ChangePreview }) {
  const { amount_due, total, currency, lines } = preview;
  return (
    <div role="status" className="grid gap-2 rounded-md border bg-muted p-3 text-sm">
      <ul>
        {lines.map((line, number) => (
          <li key={number} className="flex justify-between gap-4">
            <span>{line.description}</span>
            <span className="tabular-nums">{money(line.amount, currency)}</span>
          </li>
        ))}
      </ul>
      <p className="font-medium">
        {total < 0
          ? `${money(-total, currency)} are credited to later invoices.`
          : `${money(amount_due, currency)} are due now.`}
      </p>
    </div>
  );
}
