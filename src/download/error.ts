import type { Source } from './source.ts';

/** What went wrong, for code; the message is for a person. */
export type DownloadErrorCode =
  | 'url' // not an address that can be read
  | 'not-found' // 404, 410, or no such file
  | 'http' // any other status that is no success
  | 'redirect' // a loop, too many, or to something else than https
  | 'unreachable' // no name, no route, refused, reset before an answer
  | 'certificate' // TLS does not trust the server
  | 'stalled' // nothing came for too long
  | 'truncated' // the connection ended early
  | 'size' // longer or shorter than `bytes` says
  | 'digest' // whole, but not the file
  | 'unreadable' // a `file:` that is there and cannot be read
  | 'disk'; // the cache directory cannot be written

/** `passing`: the same request may succeed later. `waitMilliseconds`: how long the server asks to wait before it. */
export type DownloadError = Error & { code: DownloadErrorCode; passing: boolean; waitMilliseconds: number };

const nodeErrorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** A person's words for a failed system call or connection; Node gives some of them no message at all. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.message || nodeErrorCode(error) || error.name;
};

type Details = {
  passing?: boolean;
  waitMilliseconds?: number;
  cause?: unknown;
  lines?: [label: string, text: string][];
};

function downloadError(
  code: DownloadErrorCode,
  source: Source,
  what: string,
  help: string,
  { passing = false, waitMilliseconds = 0, cause, lines = [] }: Details = {},
): DownloadError {
  const facts = [['from', shown(source.url)], ...lines].map(([label, text]) => `\n  ${`${label}:`.padEnd(10)}${text}`);
  return Object.assign(new Error(`${source.name}: ${what}${facts.join('')}\n  ${help}`, { cause }), {
    name: 'DownloadError',
    code,
    passing,
    waitMilliseconds,
  });
}

/** Whether an error is one of this folder's, with its `code`. */
export const isDownloadError = (error: unknown): error is DownloadError =>
  error instanceof Error && error.name === 'DownloadError';

/** An address without its password and query, in a redirect often a signature: messages end up in public logs. */
export function shown(url: string): string {
  if (!URL.canParse(url)) return url;
  const parsed = new URL(url);
  return parsed.protocol === 'file:' ? parsed.href : parsed.origin + parsed.pathname + (parsed.search && '?…');
}

export const badUrl = (source: Source, reason: string): DownloadError =>
  downloadError('url', source, reason, 'Give an https: address, or file: with an absolute path.');

export const wrongDigest = (source: Source, actual: string, bytes: number): DownloadError =>
  downloadError(
    'digest',
    source,
    'the file is not the one its digest promises',
    'Nothing was kept. The digest is of another version, or the file was changed: compare both with its publisher.',
    {
      passing: true,
      lines: [
        ['expected', `sha256 ${source.sha256}${source.bytes === undefined ? '' : `, ${source.bytes} bytes`}`],
        ['actual', `sha256 ${actual}, ${bytes} bytes`],
      ],
    },
  );

export const wrongSize = (source: Source, expected: number, actual: string): DownloadError =>
  downloadError(
    'size',
    source,
    `${expected} bytes are expected, the server sends ${actual}`,
    'Nothing was kept. Often this is a sign-in or error page in place of the file: open the address in a browser.',
    { lines: [['expected', `sha256 ${source.sha256}`]] },
  );

export const truncated = (
  source: Source,
  received: number,
  total: number | undefined,
  cause?: unknown,
): DownloadError =>
  downloadError(
    'truncated',
    source,
    `the connection ended after ${received} of ${total ?? 'an unknown number of'} bytes`,
    'What has come is kept and the next run goes on from there: try again.',
    { passing: true, cause },
  );

export const stalled = (source: Source, received: number, milliseconds: number): DownloadError =>
  downloadError(
    'stalled',
    source,
    `${received === 0 ? 'no answer' : `nothing more after ${received} bytes`} for ${milliseconds / 1000} s`,
    'What has come is kept and the next run goes on from there: check the network, or use a mirror.',
    { passing: true },
  );

export const badRange = (source: Source, answer: string): DownloadError =>
  downloadError(
    'http',
    source,
    `asked for the rest of the file, the server answered ${answer}`,
    'The server is at fault: use a mirror.',
    { passing: true },
  );

// RFC 9110: what a client may repeat unchanged. Everything else needs a person.
const passingStatus = new Set([408, 425, 429, 500, 502, 503, 504]);

/** `waitMilliseconds` from Retry-After; longer than `longestWait` is not worth holding up a build for. */
export function badStatus(
  source: Source,
  status: number,
  statusText: string,
  at: string,
  waitMilliseconds: number,
  longestWait: number,
): DownloadError {
  const lines: Details['lines'] = at === source.url ? [] : [['answered', shown(at)]];
  const what = `the server answered ${status} ${statusText}`.trimEnd();
  if (status === 404 || status === 410) {
    const help = 'Check the version and the address: the file is not there, or no longer.';
    return downloadError('not-found', source, what, help, { lines });
  }
  if (status === 401 || status === 403 || status === 407) {
    const help =
      'The server or a proxy refuses access: check the address, or use a mirror that is open to this machine.';
    return downloadError('http', source, what, help, { lines });
  }
  if (waitMilliseconds > longestWait) {
    const help = `It asks to be left alone for ${Math.ceil(waitMilliseconds / 1000)} s: wait, or use a mirror.`;
    return downloadError('http', source, what, help, { lines });
  }
  const passing = passingStatus.has(status);
  const help = passing ? 'The server is in trouble: try again later, or use a mirror.' : 'Check the address.';
  return downloadError('http', source, what, help, { lines, passing, waitMilliseconds });
}

export const badRedirect = (source: Source, what: string, visited: string[]): DownloadError =>
  downloadError('redirect', source, what, 'Give the address the file is really at, or a mirror.', {
    lines: [['by way of', visited.map(shown).join(' -> ')]],
  });

/** From what fetch gives as the cause of "fetch failed": DNS, connection, proxy or TLS, sometimes wrapped once more. */
export function unreachable(source: Source, at: string, failure: unknown): DownloadError {
  const cause = failure instanceof Error && failure.cause instanceof Error ? failure.cause : failure;
  const code = nodeErrorCode(cause);
  const lines: Details['lines'] = at === source.url ? [] : [['sent on to', shown(at)]];
  // OpenSSL's verification results as Node names them, and Node's own check of the host name.
  if (/CERT|ISSUER|SELF_SIGNED|LEAF_SIGNATURE|ERR_TLS_/.test(code)) {
    return downloadError(
      'certificate',
      source,
      `the server's certificate is not trusted: ${reasonOf(cause)}`,
      'For an authority of your own set NODE_EXTRA_CA_CERTS or NODE_USE_SYSTEM_CA=1; else check clock and address.',
      { cause, lines },
    );
  }
  // ENOTFOUND is a name that does not exist; a resolver that is away says EAI_AGAIN. No code: fetch itself refused.
  const passing = code !== '' && code !== 'ENOTFOUND' && !reasonOf(cause).startsWith('Proxy response (4');
  return downloadError(
    'unreachable',
    source,
    `cannot reach ${new URL(at).host}: ${reasonOf(cause)}`,
    'Check network and address. Proxy: HTTPS_PROXY and NODE_USE_ENV_PROXY=1. No internet: a mirror, or file:.',
    { cause, lines, passing },
  );
}

export const noSuchFile = (source: Source): DownloadError =>
  downloadError('not-found', source, 'there is no such file', 'Check the path; it must be absolute.');

export const unreadable = (source: Source, reason: unknown): DownloadError =>
  downloadError(
    'unreadable',
    source,
    `cannot be read: ${reasonOf(reason)}`,
    'Give a regular file this user may read.',
    {
      cause: reason,
    },
  );

export function diskFailed(source: Source, cacheDirectory: string, cause: unknown): DownloadError {
  const full = ['ENOSPC', 'EDQUOT'].includes(nodeErrorCode(cause));
  const needed = source.bytes === undefined ? '' : ` ${source.bytes} bytes are needed.`;
  return downloadError(
    'disk',
    source,
    full ? 'no space left in the cache directory' : `cannot use the cache directory: ${reasonOf(cause)}`,
    full ? `Make room or choose another cache directory.${needed}` : 'Choose a cache directory this user may write to.',
    { cause, lines: [['cache', cacheDirectory]] },
  );
}
