import { lstatSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Architecture } from '../config/architecture.ts';
import { printable } from '../diagnostic/format.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { readEarlier, sortStale, staleFiles, undoingSteps } from '../plan/earlier.ts';
import { entriesOf, forImage, leaveOut, makePlan, type Plan } from '../plan/plan.ts';
import type { CarryOut, ReadImage } from '../plan/step.ts';
import { lookAtRoot } from '../rootfs/image-root.ts';
import { type Baked, writeRootfs } from '../rootfs/rootfs.ts';
import { cleaningUp } from '../temporary/signals.ts';
import { readConfiguration, type Source } from './configuration.ts';
import { checkDemands } from './demands.ts';
import { download, projectFiles, userCache } from './downloads.ts';
import { type Module, readStaticFiles } from './module.ts';
import type { Output } from './output.ts';
import { picture } from './picture.ts';
import { sourceDate } from './source-date.ts';
import { leftAsItIs, summary } from './summary.ts';

export type BakeOptions = {
  architecture: Architecture;
  root: string;
  /** Where downloads are kept; by default where the image does not get them. */
  cache: string | undefined;
  environment: NodeJS.ProcessEnv;
};

/** Bakes a recipe's Nix into a root filesystem and shows what it baked. */
export async function bake(source: Source, options: BakeOptions, module: Module, output: Output): Promise<void> {
  const { root, environment } = options;
  const config = await readConfiguration(source, options.architecture);
  const modificationTime = sourceDate(environment) ?? 0;
  checkRoot(root);
  const image = lookAtRoot(root);
  const whole = forImage(makePlan(config, readStaticFiles(module.files), module.version), image);
  checkDemands(whole, image);
  const { plan, steps, notes } = prepareSteps(whole, image);
  const earlier = readEarlier(image);
  const stale = sortStale(earlier ? staleFiles(earlier, plan) : new Map(), image.describe);
  const entries = entriesOf(plan);
  const project = projectFiles(source, resolve(root) === '/', environment);
  const ownedByRoot = process.getuid?.() === 0;
  const baked = await withCache(options, async (cache) => {
    const fetched = await download(entries, cache, project, output);
    const downloaded = new Map([...fetched].map(([sha256, { path }]) => [sha256, path]));
    const changes = { entries, removed: stale.unchanged, steps };
    return writeRootfs(changes, root, { modificationTime, ownedByRoot, downloaded, say: output.err });
  });
  output.out(
    `${summary(config)}\n${picture(plan, entries, output.outColors)}${notes.map((note) => `${note}\n`).join('')}`,
  );
  output.out(
    `${stale.unchanged.map((path) => `Removed ${printable(path)} of an earlier bake.\n`).join('')}${outcome(baked, root)}\n`,
  );
  output.err(leftAsItIs(stale.changed));
  if (!ownedByRoot) output.err('Not run as root: the files belong to you, and in an image they must belong to root.\n');
}

function outcome({ changed, unchanged }: Baked, root: string): string {
  if (changed.length === 0) return `Nothing to do: all of it is in ${root} already.`;
  const before = unchanged.length > 0 ? ` (${unchanged.length} were there already)` : '';
  return `Baked ${changed.length} entries into ${root}${before}.`;
}

/** Checks, before any download, that the root exists or can be created later. */
function checkRoot(root: string): void {
  // An empty root would be `/`: a script with an unset variable must not bake into the running system.
  if (root === '') throw new UserError('the root has no name', 'name a directory, or `/` for this system itself');
  const found = statSync(root, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found || lstatSync(root, { throwIfNoEntry: false }))
    throw new UserError(`${root} is not a directory`, 'name the directory that is to become the root');
  if (!statSync(dirname(resolve(root)), { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(`${dirname(resolve(root))} does not exist`, 'create it first, or name another root');
  }
}

/**
 * Checks, before any download or write, that the image can take the plan's steps. Gives the plan without the parts that the
 * image has no use for, notes that say why, and the steps to carry out: first those that undo an earlier plan's.
 */
function prepareSteps(whole: Plan, image: ReadImage): { plan: Plan; steps: CarryOut[]; notes: string[] } {
  const steps: CarryOut[] = [];
  const useless: string[] = [];
  const notes: string[] = [];
  for (const step of undoingSteps(readEarlier(image), whole)) {
    const prepared = step.prepare(image);
    if (typeof prepared === 'string') notes.push(prepared);
    else steps.push(prepared);
  }
  for (const { name, step } of whole.parts) {
    const prepared = step?.prepare(image);
    if (typeof prepared === 'string') {
      notes.push(prepared);
      useless.push(name);
    } else if (prepared) steps.push(prepared);
  }
  return { plan: leaveOut(whole, useless), steps, notes };
}

/**
 * Runs `work` with a cache of the user's outside the image. Inside an image that is being built it is a mount on /var/cache
 * where there is one (image-template has it), and otherwise a directory that is removed again: nothing of it belongs in a
 * layer.
 */
async function withCache<Result>(
  { cache, root, environment }: BakeOptions,
  work: (cache: string) => Promise<Result>,
): Promise<Result> {
  if (cache !== undefined) return work(cache);
  if (resolve(root) !== '/') return work(userCache(environment));
  const device = (path: string) => statSync(path, { throwIfNoEntry: false })?.dev;
  if (device('/var/cache') !== undefined && device('/var/cache') !== device('/var')) {
    return work('/var/cache/bluebuild-nix');
  }
  const path = mkdtempSync(join(tmpdir(), 'bluebuild-nix-'));
  const remove = () => rmSync(path, { recursive: true, force: true });
  return await cleaningUp(remove, () => work(path)).finally(remove);
}
