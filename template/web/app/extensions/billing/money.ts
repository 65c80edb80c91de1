import type { PriceRead } from "~/client";

// Source: https://docs.stripe.com/currencies#zero-decimal
const WHOLE = new Set("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split(" "));
const THOUSANDTHS = new Set(["bhd", "jod", "kwd", "omr", "tnd"]);

/** Write an amount in the smallest unit of its currency, as the reader's language does. */
export function money(amount: number, currency: string): string {
  const digits = WHOLE.has(currency) ? 0 : THOUSANDTHS.has(currency) ? 3 : 2;
  return new Intl.NumberFormat(undefined, {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(amount / 10 ** digits);
}

/** A price with its interval, such as “€19.00 per month”. */
export function priceText(
  { amount, currency, interval }: Omit<PriceRead, "key">,
  perSeat: boolean,
): string {
  return `${money(amount, currency)} per ${perSeat ? "seat and " : ""}${interval}`;
}
