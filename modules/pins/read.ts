import pRetry from 'p-retry';
import { UserError } from '../../src/diagnostic/user-error.ts';
import { badStatus, isTransient, unreachable } from '../../src/download/error.ts';

/** Gives the text at an https: address. */
export type Read = (url: string, headers?: Record<string, string>) => Promise<string>;

/** Reads small documents, and tries again where that can help. Throws a `UserError`. */
export const read: Read = (url, headers = {}) =>
  pRetry(() => readOnce(url, headers), { retries: 4, shouldRetry: ({ error }) => isTransient(error) });

async function readOnce(url: string, headers: Record<string, string>): Promise<string> {
  const document = { url, name: url, sha256: '' };
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(30_000) });
    if (!response.ok) throw badStatus(document, response, response.url, 0);
    return await response.text();
  } catch (cause) {
    // What is no answer of the server comes from the network.
    if (cause instanceof UserError || !(cause instanceof Error)) throw cause;
    throw unreachable(document, url, cause);
  }
}
