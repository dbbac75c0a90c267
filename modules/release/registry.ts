import { createHash } from 'node:crypto';
import { ExecaError, execa } from 'execa';
import { compare, parse, valid } from 'semver';

const skopeo = (...args: string[]) => execa('skopeo', args, { stripFinalNewline: false, encoding: 'buffer' });

/** The digest of what a tag names in its registry; undefined where there is no such tag. */
export async function digestOfTag(reference: string): Promise<string | undefined> {
  try {
    const { stdout } = await skopeo('inspect', '--retry-times', '3', '--raw', `docker://${reference}`);
    return `sha256:${createHash('sha256').update(stdout).digest('hex')}`;
  } catch (cause) {
    // A registry that is away must not be taken for one without the tag.
    if (cause instanceof ExecaError && /manifest unknown|name unknown/i.test(cause.message)) return undefined;
    throw cause;
  }
}

/** Pushes the index and all that it names by their digests alone: nobody who pulls a tag sees them yet. */
export async function pushImage(name: string, digest: string, layout: string): Promise<void> {
  await skopeo(
    'copy',
    '--all',
    '--preserve-digests',
    '--retry-times',
    '3',
    `oci:${layout}`,
    `docker://${name}@${digest}`,
  );
}

/** Has a tag name the index, which must be in the registry. */
export async function setTag(name: string, digest: string, tag: string): Promise<void> {
  const [from, to] = [`docker://${name}@${digest}`, `docker://${name}:${tag}`];
  await skopeo('copy', '--all', '--preserve-digests', '--retry-times', '3', from, to);
}

/** The versions that are out. */
export async function versionsIn(name: string): Promise<string[]> {
  const { stdout } = await skopeo('list-tags', '--retry-times', '3', `docker://${name}`);
  const { Tags: tags } = JSON.parse(Buffer.from(stdout).toString()) as { Tags: string[] };
  return tags.filter((tag) => valid(tag) === tag);
}

/**
 * The tags that a version takes over: `latest`, `v1`, `1.2`, each where no higher version is out that it could name. A
 * prerelease takes none.
 */
export function movingTags(version: string, out: readonly string[]): string[] {
  const own = parse(version);
  if (!own) throw new Error(`${version} is not a version`);
  if (own.prerelease.length > 0) return [];
  const higher = out
    .flatMap((other) => parse(other) ?? [])
    .filter((other) => compare(other, own) > 0 && other.prerelease.length === 0);
  const sameMajor = higher.filter(({ major }) => major === own.major);
  const sameMinor = sameMajor.filter(({ minor }) => minor === own.minor);
  return [
    ...(sameMinor.length === 0 ? [`${own.major}.${own.minor}`] : []),
    ...(sameMajor.length === 0 ? [`v${own.major}`] : []),
    ...(higher.length === 0 ? ['latest'] : []),
  ];
}
