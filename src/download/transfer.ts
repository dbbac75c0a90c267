import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../diagnostic/user-error.ts';
import type { Artifact } from './artifact.ts';
import { badStatus, failure, transient, unreachable, withoutSecrets, wrongDigest } from './error.ts';

const redirectStatus = new Set([301, 302, 303, 307, 308]);
const redirectLimit = 10;

/** A download in progress: what the attempts so far have written into `file`. */
export type Transfer = { file: FileHandle; hash: Hash; received: number; etag: string | undefined };

/** Before the first attempt. */
export const beginTransfer = (file: FileHandle): Transfer => ({
  file,
  hash: createHash('sha256'),
  received: 0,
  etag: undefined,
});

export type TransferOptions = {
  /** How long nothing may arrive before the attempt ends. Connecting has its own limit, Node's 10 s. */
  stallMilliseconds: number;
  /** A server that sends more than this does not send the file. */
  mostBytes: number;
  received: (received: number, total: number | undefined) => void;
};

/**
 * One attempt to complete a file over https: requests what is missing, or all of it where the server cannot send a part,
 * and computes the digest on the way. Once it returns, the file is on disk, whole and right; after a transient error it
 * can be called again. Throws a `UserError`, or Node's own error where the disk fails.
 */
export async function transfer(artifact: Artifact, state: Transfer, options: TransferOptions): Promise<void> {
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(), options.stallMilliseconds);
  let total: number | undefined;
  try {
    const offset = state.received;
    const { response, at } = await followRedirects(artifact, rangeHeaders(state), stall.signal);
    timer.refresh();
    const contentRange = response.headers.get('content-range') ?? '';
    const otherRange = response.status === 206 && !contentRange.startsWith(`bytes ${offset}-`);
    // 416: the file has no such rest, so what was received is of another one.
    if (otherRange || (response.status === 416 && offset > 0)) {
      await startOver(state);
      const answer = `${response.status} ${contentRange}`.trimEnd();
      throw transient(
        failure(
          artifact,
          `the server answered a request for a part with ${answer}`,
          'the server is broken: use a mirror',
        ),
      );
    }
    if (!response.ok) throw badStatus(artifact, response, at, retryAfter(response));
    if (response.status !== 206 && offset > 0) await startOver(state);
    const resumed = state.received > 0;
    state.etag = strongTag(response.headers.get('etag'));
    total = announcedTotal(response, state.received);
    if ((total ?? 0) > options.mostBytes) throw tooLarge(artifact, options.mostBytes);
    options.received(state.received, total);
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      timer.refresh();
      if (state.received + chunk.byteLength > options.mostBytes) throw tooLarge(artifact, options.mostBytes);
      await state.file.appendFile(chunk);
      state.hash.update(chunk);
      state.received += chunk.byteLength;
      options.received(state.received, total);
    }
    if (total !== undefined && state.received < total) throw truncated(artifact, state.received, total);
    const actual = state.hash.digest('hex');
    if (actual !== artifact.sha256) {
      const wrong = wrongDigest(artifact, actual, state.received);
      await startOver(state);
      // It may be parts of two files, or cut off. A file that arrives whole and is wrong stays wrong.
      throw resumed || total === undefined ? transient(wrong) : wrong;
    }
    await state.file.sync();
  } catch (error) {
    // What fetch says of a connection that breaks off in the body.
    const broken = error instanceof TypeError && error.cause !== undefined;
    if (stall.signal.aborted && !(error instanceof UserError))
      throw stalled(artifact, state.received, options.stallMilliseconds);
    throw broken ? truncated(artifact, state.received, total, error.cause) : error;
  } finally {
    clearTimeout(timer);
    // Closes the connection where the answer was not read to its end.
    stall.abort();
  }
}

async function startOver(state: Transfer): Promise<void> {
  await state.file.truncate(0);
  Object.assign(state, beginTransfer(state.file));
}

const tryAgain = 'check the network, or use a mirror';

function truncated(artifact: Artifact, received: number, total: number | undefined, cause?: unknown) {
  const what = `the connection ended after ${received}${total === undefined ? '' : ` of ${total}`} bytes`;
  return transient(failure(artifact, what, tryAgain, { cause }));
}

function stalled(artifact: Artifact, received: number, milliseconds: number) {
  const what = received === 0 ? 'no answer' : `nothing more after ${received} bytes`;
  return transient(failure(artifact, `${what} for ${milliseconds / 1000} s`, tryAgain));
}

function tooLarge(artifact: Artifact, mostBytes: number) {
  const what = `the server sends more than ${mostBytes / 1024 ** 2} MiB, the largest file that is accepted`;
  return failure(artifact, what, 'nothing was kept; check the URL: it should be an installer or a Nix tarball');
}

/** By hand, because fetch would also follow a redirect from https to http. */
async function followRedirects(
  artifact: Artifact,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<{ response: Response; at: string }> {
  const visited: string[] = [];
  const refuse = (what: string) =>
    failure(artifact, what, 'give the final URL of the file, or a mirror', {
      facts: [['redirects', visited.map(withoutSecrets).join(' -> ')]],
    });
  let at = artifact.url;
  for (;;) {
    visited.push(at);
    const response = await fetch(at, { headers, signal, redirect: 'manual' }).catch((error: unknown) => {
      throw error instanceof TypeError && error.cause instanceof Error ? unreachable(artifact, at, error.cause) : error;
    });
    if (!redirectStatus.has(response.status)) return { response, at };
    await response.body?.cancel();
    const location = response.headers.get('location') ?? '';
    const next = URL.parse(location, at);
    if (location === '' || next === null) throw refuse('the server redirects without a valid URL');
    if (next.protocol !== 'https:') throw refuse(`redirect to ${withoutSecrets(next.href)} refused: it is not https`);
    at = next.href;
    if (visited.includes(at)) {
      visited.push(at);
      throw refuse('the server redirects in a loop');
    }
    if (visited.length > redirectLimit) throw refuse(`more than ${redirectLimit} redirects`);
  }
}

/** Uncompressed, or lengths and ranges would be of something else than the file. */
function rangeHeaders({ received, etag }: Transfer): Record<string, string> {
  return {
    'accept-encoding': 'identity',
    ...(received > 0 && { range: `bytes=${received}-`, ...(etag !== undefined && { 'if-range': etag }) }),
  };
}

/** If-Range takes no weak tags (RFC 9110, 13.1.5). */
const strongTag = (etag: string | null): string | undefined => (etag?.startsWith('"') ? etag : undefined);

function announcedTotal(response: Response, received: number): number | undefined {
  const length = response.headers.get('content-length');
  return length === null || response.headers.has('content-encoding') ? undefined : received + Number(length);
}

/** Retry-After in milliseconds: seconds or a date (RFC 9110, 10.2.3); 0 where it is neither. */
function retryAfter(response: Response): number {
  const value = response.headers.get('retry-after') ?? '';
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(milliseconds) ? 0 : Math.max(0, milliseconds);
}
