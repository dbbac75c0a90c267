/** A file known by its digest before it is there. `name` is for messages; `bytes` its length, where known. */
export type Source = { url: string; sha256: string; bytes?: number; name: string };

const digestPattern = /^[0-9a-f]{64}$/;

/** Throws a TypeError for a digest that is no SHA-256: it becomes a file name, so nothing else may pass. */
export function requireDigest(source: Source): void {
  if (!digestPattern.test(source.sha256)) {
    throw new TypeError(`${source.name}: "${source.sha256}" is not a SHA-256 in 64 lower-case hex digits`);
  }
}
