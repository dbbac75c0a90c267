import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../diagnostic/user-error.ts';
import type { Plan } from './plan.ts';
import { type Described, manifestPath } from './record.ts';
import type { Step } from './step.ts';

/** What an earlier plan put into an image, as its manifest.json says. */
export type Earlier = {
  files: ReadonlyMap<string, Described>;
  /** The names of the parts whose steps were taken. */
  steps: readonly string[];
  persistence: string;
};

/** Reads the manifest of an image; undefined where nothing was baked into it. Throws a `UserError` where it is damaged. */
export function readEarlier(image: { read: (path: string) => Buffer | undefined }): Earlier | undefined {
  const content = image.read(manifestPath);
  if (content === undefined) return undefined;
  const help = `remove ${manifestPath} from the image to bake over whatever is there, or start from another base`;
  try {
    const { files, steps = {}, persistence } = JSON.parse(content.toString()) as Record<string, object>;
    const entries = Object.entries(files as Record<string, Described>);
    if (typeof persistence !== 'string' || !entries.every(([path]) => isNormal(path))) throw new Error('damaged');
    return { files: new Map(entries), steps: Object.keys(steps), persistence };
  } catch (cause) {
    throw new UserError(`${manifestPath} is not a manifest of this module`, help, { cause });
  }
}

/** Which files of an earlier plan go: those that this plan lacks, even in its parts that are left out. */
export function staleFiles({ files }: Earlier, { parts, leftOut }: Plan): Map<string, Described> {
  const wanted = new Set([...parts, ...leftOut].flatMap(({ entries }) => entries.map(({ path }) => path)));
  return new Map(
    [...files].filter(([path, { sha256, target }]) => !wanted.has(path) && (sha256 ?? target) !== undefined),
  );
}

/** Of stale files, those that are as they were baked, which go, and those that something changed since, which stay. */
export function sortStale(
  stale: ReadonlyMap<string, Described>,
  describe: (path: string) => Described | undefined,
): { unchanged: string[]; changed: string[] } {
  const found = [...stale].map(([path, baked]) => ({ path, baked, now: describe(path) }));
  const there = found.filter(({ now }) => now !== undefined);
  return {
    unchanged: there.filter(({ now, baked }) => isDeepStrictEqual(now, baked)).map(({ path }) => path),
    changed: there.filter(({ now, baked }) => !isDeepStrictEqual(now, baked)).map(({ path }) => path),
  };
}

/** The steps that undo what an earlier plan did to an image and this one does not do. */
export function undoingSteps(earlier: Earlier | undefined, { parts }: Plan): Step[] {
  return parts.flatMap(({ name, undo }) => (undo && earlier?.steps.includes(name) ? [undo] : []));
}

function isNormal(path: string): boolean {
  return (
    path.startsWith('/') &&
    path
      .split('/')
      .slice(1)
      .every((name) => !['', '.', '..'].includes(name))
  );
}
