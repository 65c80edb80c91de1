import { ApiError } from "~/core/problem";

/** One event of a stream. */
export interface StreamEvent<Data> {
  name: string | undefined;
  data: Data;
}

interface Listening {
  headers: { Accept: string };
  onSseError: (error: unknown) => void;
  onSseEvent: (event: { event?: string }) => void;
  sseMaxRetryAttempts: number;
  sseSleepFn: (milliseconds: number) => Promise<void>;
  signal: AbortSignal;
}

/**
 * Yield the events of a stream, and throw the error that ended it.
 *
 * A connection that breaks is opened again, a few times. The generated client would do so without
 * an end, also after an answer of the API that refuses the stream, and it tells errors and names to
 * functions only. OpenAPI 3.1 cannot describe the data of an event: its type is the one you name.
 */
export async function* events<Data>(
  open: (listening: Listening) => Promise<{ stream: AsyncGenerator }>,
  signal: AbortSignal,
  attempts = 3,
): AsyncGenerator<StreamEvent<Data>> {
  const refused = new AbortController();
  const last: { error?: unknown; name?: string | undefined } = {};
  const { stream } = await open({
    // Without it, the client of `client-config.ts` would not know that this is a stream.
    headers: { Accept: "text/event-stream" },
    signal: AbortSignal.any([signal, refused.signal]),
    sseMaxRetryAttempts: attempts,
    sseSleepFn: (milliseconds) => {
      if (signal.aborted || refused.signal.aborted) return Promise.resolve();
      return new Promise((resolve) => setTimeout(resolve, milliseconds));
    },
    onSseError: (error) => {
      last.error = error;
      if (error instanceof ApiError) refused.abort();
    },
    onSseEvent: ({ event }) => {
      last.name = event;
    },
  });
  for await (const data of stream) {
    delete last.error;
    yield { name: last.name, data: data as Data };
  }
  if (last.error !== undefined) throw last.error;
}
