import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { hashFile } from './digest.ts';
import {
  badRange,
  badRedirect,
  badStatus,
  badUrl,
  isDownloadError,
  shown,
  stalled,
  truncated,
  unreachable,
  wrongDigest,
  wrongSize,
} from './error.ts';
import type { PartialFile } from './cache.ts';
import type { Source } from './source.ts';

const redirectStatus = new Set([301, 302, 303, 307, 308]);
const redirectLimit = 10;
const longestWait = 60_000;

export type TransferOptions = {
  /** Nothing came for so long: give up this attempt. Connecting has its own limit, Node's 10 s. */
  stallMilliseconds: number;
  signal: AbortSignal | undefined;
  received: (received: number, total: number | undefined) => void;
};

/**
 * One attempt to complete a partial file over https: asks for what is missing, or for all where the server cannot give
 * a part, and writes it as it comes, the digest computed on the way. When it returns, the file is on disk, whole, and
 * right; what it leaves when it throws can be gone on from. Throws a DownloadError, Node's own error where the disk
 * fails, or the signal's reason.
 */
export async function transfer(source: Source, partial: PartialFile, options: TransferOptions): Promise<number> {
  const file = await open(partial.path, 'a+');
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(), options.stallMilliseconds);
  let received = 0;
  let total: number | undefined;
  try {
    let hash = createHash('sha256');
    received = hashFile(hash, file.fd);
    // Whole already when an earlier run ended between the last byte and the final name.
    if (received === 0 || hash.copy().digest('hex') !== source.sha256) {
      const signal = options.signal === undefined ? stall.signal : AbortSignal.any([stall.signal, options.signal]);
      const { response, at } = await followRedirects(source, rangeHeaders(partial, received), signal);
      timer.refresh();
      const contentRange = response.headers.get('content-range') ?? '';
      const otherRange = response.status === 206 && !contentRange.startsWith(`bytes ${received}-`);
      // 416: there is no such rest, so what we have is not of this file.
      if (otherRange || (response.status === 416 && received > 0)) {
        await file.truncate(0);
        throw badRange(source, `${response.status} ${contentRange}`.trimEnd());
      }
      if (!response.ok) {
        throw badStatus(source, response.status, response.statusText, at, retryAfter(response), longestWait);
      }
      if (response.status !== 206 && received > 0) {
        await file.truncate(0);
        hash = createHash('sha256');
        received = 0;
      }
      partial.etag = strongTag(response.headers.get('etag'));
      total = announcedTotal(response, received);
      if (source.bytes !== undefined && total !== undefined && total !== source.bytes) {
        await file.truncate(0);
        throw wrongSize(source, source.bytes, `${total}`);
      }
      total ??= source.bytes;
      options.received(received, total);
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        timer.refresh();
        if (source.bytes !== undefined && received + chunk.byteLength > source.bytes) {
          await file.truncate(0);
          throw wrongSize(source, source.bytes, 'more');
        }
        await file.appendFile(chunk);
        hash.update(chunk);
        received += chunk.byteLength;
        options.received(received, total);
      }
      if (total !== undefined && received < total) throw truncated(source, received, total);
    }
    const actual = hash.digest('hex');
    if (actual !== source.sha256) {
      await file.truncate(0);
      throw wrongDigest(source, actual, received);
    }
    await file.sync();
    return received;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (stall.signal.aborted && !isDownloadError(error)) throw stalled(source, received, options.stallMilliseconds);
    // What fetch says of a connection that breaks off in the body.
    if (error instanceof TypeError && error.cause !== undefined) throw truncated(source, received, total, error.cause);
    throw error;
  } finally {
    clearTimeout(timer);
    // Closes the connection where the answer was not read to its end.
    stall.abort();
    await file.close();
  }
}

/** By hand, because fetch would also follow from https to http. */
async function followRedirects(
  source: Source,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<{ response: Response; at: string }> {
  const visited: string[] = [];
  let at = source.url;
  for (;;) {
    visited.push(at);
    const response = await fetch(at, { headers, signal, redirect: 'manual' }).catch((error: unknown) => {
      if (error instanceof TypeError && error.cause !== undefined) throw unreachable(source, at, error.cause);
      throw error;
    });
    if (!redirectStatus.has(response.status)) return { response, at };
    await response.body?.cancel();
    const location = response.headers.get('location') ?? '';
    const next = URL.parse(location, at);
    if (location === '' || next === null) throw badRedirect(source, 'redirected without a usable address', visited);
    if (next.protocol !== 'https:') {
      throw badRedirect(source, `redirected away from https, to ${shown(next.href)}: refused`, visited);
    }
    at = next.href;
    if (visited.includes(at)) throw badRedirect(source, 'redirected in a loop', [...visited, at]);
    if (visited.length > redirectLimit) throw badRedirect(source, `redirected over ${redirectLimit} times`, visited);
  }
}

/** Uncompressed, or lengths and ranges would be of something else than the file. */
function rangeHeaders(partial: PartialFile, received: number): Record<string, string> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (received === 0) return headers;
  headers['range'] = `bytes=${received}-`;
  if (partial.etag !== undefined) headers['if-range'] = partial.etag;
  return headers;
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

/** Throws for an address fetch would refuse with a message that helps nobody. */
export function requireHttps(source: Source): void {
  const url = URL.parse(source.url);
  if (url === null) throw badUrl(source, 'not an address');
  if (url.protocol !== 'https:') throw badUrl(source, `${url.protocol} is not supported`);
  if (url.username !== '' || url.password !== '')
    throw badUrl(source, 'a user name or password in the address is not supported');
}
