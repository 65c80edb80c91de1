import { Link } from "react-router";

import type { KeysetPageInvoiceRead } from "~/client";
import { buttonStyle } from "~/core/ui/button";
import { Empty } from "~/core/ui/message";

import { money } from "./money";

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** The invoices, newest first, with their pages and documents at Stripe. */
export function Invoices({ page }: { page: KeysetPageInvoiceRead }) {
  return (
    <section className="grid gap-3" aria-label="Invoices">
      <h2 className="text-lg font-semibold">Invoices</h2>
      {page.items.length === 0 ? (
        <Empty>There are no invoices yet.</Empty>
      ) : (
        // The table scrolls, and keyboards have to reach what scrolls.
        <div className="overflow-x-auto" role="region" aria-label="All invoices" tabIndex={0}>
          <table className="w-full text-left text-sm">
            <thead className="border-b text-muted-foreground">
              <tr>
                <th className="py-2 pr-4 font-medium">Date</th>
                <th className="py-2 pr-4 font-medium">Number</th>
                <th className="py-2 pr-4 font-medium">Status</th>
                <th className="py-2 pr-4 text-right font-medium">Total</th>
                <th className="py-2 font-medium">Document</th>
              </tr>
            </thead>
            <tbody className="divide-y">
              {page.items.map((invoice) => (
                <tr key={invoice.id}>
                  <td className="py-2 pr-4 whitespace-nowrap">
                    {day.format(new Date(invoice.created_at))}
                  </td>
                  <td className="py-2 pr-4">
                    {invoice.page_url ? (
                      <a href={invoice.page_url} className="underline">
                        {invoice.number ?? "Invoice"}
                      </a>
                    ) : (
                      invoice.number
                    )}
                  </td>
                  <td className="py-2 pr-4">
                    {invoice.returned > 0 ? "returned" : invoice.status}
                  </td>
                  <td className="py-2 pr-4 text-right tabular-nums">
                    {money(invoice.total, invoice.currency)}
                  </td>
                  <td className="py-2">
                    {invoice.pdf_url && (
                      <a href={invoice.pdf_url} className="underline">
                        PDF
                      </a>
                    )}
                  </td>
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
          Older invoices
        </Link>
      )}
    </section>
  );
}
