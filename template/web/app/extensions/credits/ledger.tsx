import { Link } from "react-router";

import { creditsListTransactions, creditsReadBalance } from "~/client";
import { buttonStyle } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Empty } from "~/core/ui/message";

import type { Route } from "./+types/ledger";

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  const cursor = new URL(request.url).searchParams.get("cursor");
  const [balance, page] = await Promise.all([
    creditsReadBalance(),
    creditsListTransactions({ query: { cursor } }),
  ]);
  return { balance, page };
}

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const amount = new Intl.NumberFormat(undefined, { signDisplay: "exceptZero" });

export default function Ledger({ loaderData: { balance, page } }: Route.ComponentProps) {
  return (
    <div className="grid gap-4">
      <title>Credits</title>
      <h1 className="text-2xl font-semibold">Credits</h1>
      <Card aria-label="Balance">
        <p className="text-3xl font-semibold">{balance.balance}</p>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 text-sm">
          <dt className="text-muted-foreground">Held for running work</dt>
          <dd>{balance.held}</dd>
          <dt className="text-muted-foreground">Tier</dt>
          <dd>{balance.tier}</dd>
        </dl>
      </Card>
      {page.items.length === 0 ? (
        <Empty>There are no entries yet.</Empty>
      ) : (
        // The table scrolls, and keyboards have to reach what scrolls.
        <div className="overflow-x-auto" role="region" aria-label="Entries" tabIndex={0}>
          <table className="w-full text-left text-sm">
            <thead className="border-b text-muted-foreground">
              <tr>
                <th className="py-2 pr-4 font-medium">Time</th>
                <th className="py-2 pr-4 font-medium">Entry</th>
                <th className="py-2 pr-4 text-right font-medium">Amount</th>
                <th className="py-2 text-right font-medium">Balance</th>
              </tr>
            </thead>
            <tbody className="divide-y">
              {page.items.map((entry) => (
                <tr key={entry.id}>
                  <td className="py-2 pr-4 whitespace-nowrap">
                    {when.format(new Date(entry.created_at))}
                  </td>
                  <td className="py-2 pr-4">
                    {entry.kind}
                    {entry.operation && `: ${entry.operation}`}
                  </td>
                  <td className="py-2 pr-4 text-right tabular-nums">
                    {amount.format(entry.amount)}
                  </td>
                  <td className="py-2 text-right tabular-nums">{entry.balance_after}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {page.next_cursor && (
        <Link
          to={`?${new URLSearchParams({ cursor: page.next_cursor })}`}
          className={buttonStyle({ variant: "outline", className: "justify-self-center" })}
        >
          Older entries
        </Link>
      )}
    </div>
  );
}
