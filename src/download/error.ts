import { error } from '../diagnostic/diagnostic.ts';
import { UserError } from '../diagnostic/user-error.ts';
import type { Artifact } from './artifact.ts';

/** An error of a request that may succeed when it is repeated, `retryAfter` milliseconds later. */
export type TransientError = UserError & { retryAfter: number };

/** Whether repeating the request may help. */
export const isTransient = (cause: unknown): cause is TransientError =>
  cause instanceof UserError && 'retryAfter' in cause;

/** Marks an error as one that a repeated request may not meet. */
export const transient = (cause: UserError, retryAfter = 0): TransientError => Object.assign(cause, { retryAfter });

type Details = { cause?: unknown; facts?: [label: string, text: string][] };

/** What is wrong with an artifact, where it comes from, and what to do. */
export function failure(
  artifact: Artifact,
  what: string,
  help: string,
  { cause, facts = [] }: Details = {},
): UserError {
  const from: [string, string] = ['from', withoutSecrets(artifact.url)];
  return new UserError(
    [{ ...error(`${artifact.name}: ${what}`, undefined, help), facts: [from, ...facts] }],
    undefined,
    { cause },
  );
}

/** A url without its password and query, in a redirect often a signature: messages end up in public logs. */
export function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, href, origin, pathname, search } = new URL(url);
  return protocol === 'file:' ? href : origin + pathname + (search && '?…');
}

export function wrongDigest(artifact: Artifact, actual: string, bytes: number): UserError {
  const help =
    'nothing was kept; is the digest of another version, or was the file changed? Compare it with its publisher';
  const facts: Details['facts'] = [
    ['expected', `sha256 ${artifact.sha256}`],
    ['actual', `sha256 ${actual}, ${bytes} bytes`],
  ];
  return failure(artifact, 'the file does not match its digest', help, { facts });
}

// RFC 9110: what a client may repeat unchanged. Everything else needs a person.
const transientStatus = new Set([408, 425, 429, 500, 502, 503, 504]);
/** What a server asks to wait beyond this is not worth holding up a build. */
const longestWait = 60_000;

/** `at`: the url that answered, after redirects. `wait`: the milliseconds of Retry-After. */
export function badStatus(
  artifact: Artifact,
  { status, statusText }: { status: number; statusText: string },
  at: string,
  wait: number,
): UserError {
  const facts: Details['facts'] = at === artifact.url ? [] : [['answered', withoutSecrets(at)]];
  const because = (help: string) =>
    failure(artifact, `the server answered ${status} ${statusText}`.trimEnd(), help, { facts });
  if (status === 404 || status === 410) return because('check the version and the URL: there is no such file');
  if (status === 401 || status === 403 || status === 407) {
    return because('the server or a proxy denies access: check the URL, or use a mirror that needs no login');
  }
  if (wait > longestWait) {
    return because(`the server asks to wait ${Math.ceil(wait / 1000)} s: try again then, or use a mirror`);
  }
  if (!transientStatus.has(status)) return because('check the URL');
  return transient(because('the server has a problem: try again later, or use a mirror'), wait);
}

/** From the cause of fetch's "fetch failed": DNS, connection, proxy or TLS. */
export function unreachable(artifact: Artifact, at: string, failed: Error): UserError {
  const cause = failed.cause instanceof Error ? failed.cause : failed;
  const code = 'code' in cause ? String(cause.code) : '';
  const facts: Details['facts'] = at === artifact.url ? [] : [['redirected', withoutSecrets(at)]];
  const reason = cause.message || code || cause.name;
  // OpenSSL's verification results as Node names them, and Node's own check of the host name.
  if (/CERT|ISSUER|SELF_SIGNED|LEAF_SIGNATURE|ERR_TLS_/.test(code)) {
    const help =
      'for a private certificate authority set NODE_EXTRA_CA_CERTS or NODE_USE_SYSTEM_CA=1; otherwise check the clock and the URL';
    return failure(artifact, `the server's certificate is not trusted: ${reason}`, help, { cause, facts });
  }
  const help =
    'check the network and the URL; for a proxy set HTTPS_PROXY and NODE_USE_ENV_PROXY=1; without internet use a mirror or a file: URL';
  const error = failure(artifact, `cannot reach ${new URL(at).host}: ${reason}`, help, { cause, facts });
  // ENOTFOUND is a name that does not exist; a resolver that is away says EAI_AGAIN. No code: fetch itself refused.
  const permanent = code === '' || code === 'ENOTFOUND' || reason.startsWith('Proxy response (4');
  return permanent ? error : transient(error);
}

/** From Node's error of a failed system call in the cache directory. */
export function diskFailed(artifact: Artifact, cacheDirectory: string, cause: NodeJS.ErrnoException): UserError {
  const full = ['ENOSPC', 'EDQUOT'].includes(cause.code ?? '');
  const reason = cause.code === 'EEXIST' ? 'it is not a directory' : cause.message;
  return failure(
    artifact,
    full ? 'no space left in the cache directory' : `cannot use the cache directory: ${reason}`,
    full ? 'free some space, or choose another cache directory' : 'choose a cache directory that you may write to',
    { cause, facts: [['cache', cacheDirectory]] },
  );
}
