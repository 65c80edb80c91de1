import { problemCards } from "~/core/found";
import { Message } from "~/core/ui/message";

/** Why a change was refused: the card of an extension for its code, or the sentence of the API. */
export function ProblemMessage({
  problem,
}: {
  problem: { code?: string; detail: string } | undefined;
}) {
  if (!problem) return null;
  const Card = problem.code && problemCards[problem.code];
  return Card ? <Card detail={problem.detail} /> : <Message error>{problem.detail}</Message>;
}
