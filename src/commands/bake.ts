import { lstatSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Architecture } from '../config/architecture.ts';
import { error } from '../diagnostic/diagnostic.ts';
import { formatDiagnostics } from '../diagnostic/format.ts';
import { ImageError } from '../image/image-error.ts';
import { checkPersistentDirectories } from '../image/persistent-directories.ts';
import { picture } from '../image/picture.ts';
import { type WrittenRoot, writeRootfs, writeRootfsWithSteps } from '../image/rootfs.ts';
import { readStaticFiles } from '../image/static-files.ts';
import type { Plan } from '../plan/image-entry.ts';
import { plan as planOf } from '../plan/plan.ts';
import { readConfiguration, type Source } from './configuration.ts';
import { download, projectFiles, userCache } from './downloads.ts';
import type { Module } from './module.ts';
import type { Output } from './output.ts';
import { sourceDate } from './source-date.ts';
import { summary } from './validate.ts';

export type BakeOptions = {
  architecture: Architecture;
  root: string;
  /** Where downloads are kept; by default where the image does not get them. */
  cache: string | undefined;
  environment: NodeJS.ProcessEnv;
};

/** Bakes a recipe's Nix into a root filesystem and shows what it baked. Gives the exit code. */
export async function bake(source: Source, options: BakeOptions, module: Module, output: Output): Promise<number> {
  const fail = (message: string, help?: string) => {
    output.err(formatDiagnostics([error(message, undefined, help)], 'text', output.errColors));
    return 1;
  };
  const config = readConfiguration(source, options.architecture);
  if (Array.isArray(config)) {
    output.err(formatDiagnostics(config, 'text', output.errColors));
    return 1;
  }
  const planned = planOf(config, readStaticFiles(module.files), module.version);
  const cache = cacheDirectory(options);
  try {
    const modificationTime = sourceDate(options.environment) ?? 0;
    checkRoot(options.root);
    checkPersistentDirectories(options.root, planned.persistentDirectories);
    const carryOut = await prepareSteps(planned, options.root, output);
    const files = projectFiles(source, resolve(options.root) === '/', options.environment);
    const fetched = await download(planned, cache.path, files, output);
    const ownedByRoot = process.getuid?.() === 0;
    const downloaded = new Map([...fetched].map(([sha256, { path }]) => [sha256, path]));
    const rootfsOptions = { modificationTime, ownedByRoot, downloaded };
    const baked = carryOut
      ? await writeRootfsWithSteps(planned, options.root, rootfsOptions, carryOut)
      : writeRootfs(planned, options.root, rootfsOptions);
    output.out(`${summary(config)}\n${picture(planned, output.outColors)}${outcome(baked, options.root)}\n`);
    if (!ownedByRoot)
      output.err('Not run as root: the files belong to you, and in an image they must belong to root.\n');
    return 0;
  } catch (cause) {
    if (cause instanceof ImageError) return fail(cause.message, cause.help);
    throw cause;
  } finally {
    cache.remove();
  }
}

function outcome(baked: { changed: string[]; unchanged: string[] }, root: string): string {
  if (baked.changed.length === 0) return `Nothing to do: all of it is in ${root} already.`;
  const before = baked.unchanged.length > 0 ? ` (${baked.unchanged.length} were there already)` : '';
  return `Baked ${baked.changed.length} entries into ${root}${before}.`;
}

/** Finds out before a download whether there can be a root; makes it only afterwards. */
function checkRoot(root: string): void {
  // Joined with a path, nothing is `/`: a variable of a script that is not set must not bake into its own system.
  if (root === '') throw new ImageError('the root has no name', 'name a directory, or `/` for this system itself');
  const found = statSync(root, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found || lstatSync(root, { throwIfNoEntry: false }))
    throw new ImageError(`${root} is not a directory`, 'name the directory that is to become the root');
  if (!statSync(dirname(resolve(root)), { throwIfNoEntry: false })?.isDirectory()) {
    throw new ImageError(`${dirname(resolve(root))} does not exist`, 'make it first, or name another root');
  }
}

/** Finds out before a download or a write whether the image can do what the plan's steps need of it. */
async function prepareSteps({ steps }: Plan, root: string, output: Output) {
  const [step] = steps;
  if (!step) return undefined;
  // Loaded only when an image is to run its own programs: few images are.
  const { findInitramfs, rebuildInitramfs } = await import('../image/initramfs.ts');
  const found = findInitramfs(root);
  return (written: WrittenRoot) => rebuildInitramfs(written, found, step, output.err);
}

/**
 * A cache of the user's outside the image. Inside an image that is being built it is a mount on /var/cache where there
 * is one (image-template has it), and otherwise a directory that is removed again: nothing of it belongs in a layer.
 */
function cacheDirectory({ cache, root, environment }: BakeOptions): { path: string; remove: () => void } {
  const keep = (path: string) => ({ path, remove: () => {} });
  if (cache !== undefined) return keep(cache);
  if (resolve(root) !== '/') return keep(userCache(environment));
  const device = (path: string) => statSync(path, { throwIfNoEntry: false })?.dev;
  if (device('/var/cache') !== undefined && device('/var/cache') !== device('/var')) {
    return keep('/var/cache/bluebuild-nix');
  }
  const path = mkdtempSync(join(tmpdir(), 'bluebuild-nix-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
