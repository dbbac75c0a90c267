import { lstatSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Architecture } from '../config/architecture.ts';
import { error } from '../diagnostic/diagnostic.ts';
import { formatDiagnostics } from '../diagnostic/format.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { checkPersistentDirectories } from '../rootfs/persistent-directories.ts';
import { picture } from './picture.ts';
import { type WrittenRoot, writeRootfs, writeRootfsWithSteps } from '../rootfs/rootfs.ts';
import { readStaticFiles } from './static-files.ts';
import type { Plan } from '../plan/image-entry.ts';
import { makePlan } from '../plan/plan.ts';
import type { StepKind } from '../plan/step.ts';
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
  const cache = cacheDirectory(options);
  try {
    const modificationTime = sourceDate(options.environment) ?? 0;
    checkRoot(options.root);
    const files = readStaticFiles(module.files);
    const wanted = makePlan(config, files, module.version);
    checkPersistentDirectories(options.root, wanted.persistentDirectories);
    const { carryOut, without, notes } = await prepareSteps(wanted, options.root, output);
    const planned = makePlan(config, files, module.version, without);
    const project = projectFiles(source, resolve(options.root) === '/', options.environment);
    const fetched = await download(planned, cache.path, project, output);
    const ownedByRoot = process.getuid?.() === 0;
    const downloaded = new Map([...fetched].map(([sha256, { path }]) => [sha256, path]));
    const rootfsOptions = { modificationTime, ownedByRoot, downloaded };
    const baked = carryOut
      ? await writeRootfsWithSteps(planned, options.root, rootfsOptions, carryOut)
      : writeRootfs(planned, options.root, rootfsOptions);
    output.out(
      `${summary(config)}\n${picture(planned, output.outColors)}${notes.join('')}${outcome(baked, options.root)}\n`,
    );
    if (!ownedByRoot)
      output.err('Not run as root: the files belong to you, and in an image they must belong to root.\n');
    return 0;
  } catch (cause) {
    if (cause instanceof UserError) return fail(cause.message, cause.help);
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
  if (root === '') throw new UserError('the root has no name', 'name a directory, or `/` for this system itself');
  const found = statSync(root, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found || lstatSync(root, { throwIfNoEntry: false }))
    throw new UserError(`${root} is not a directory`, 'name the directory that is to become the root');
  if (!statSync(dirname(resolve(root)), { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(`${dirname(resolve(root))} does not exist`, 'make it first, or name another root');
  }
}

/**
 * Finds out before a download or a write whether the image can do what the plan's steps need of it: gives how they are
 * carried out, the kinds of those that this image has no use for, and why.
 */
async function prepareSteps({ steps }: Plan, root: string, output: Output) {
  const prepared: ((written: WrittenRoot) => Promise<string[]>)[] = [];
  const without: StepKind[] = [];
  const notes: string[] = [];
  for (const step of steps) {
    // Loaded only when an image is to run its own programs.
    if (step.kind === 'initramfs') {
      const { findInitramfs, rebuildInitramfs } = await import('../rootfs/initramfs.ts');
      const found = findInitramfs(root);
      prepared.push((written) => rebuildInitramfs(written, found, step, output.err));
    } else {
      const { buildSelinuxPolicy, findSelinuxPolicy } = await import('../rootfs/selinux-policy.ts');
      const found = findSelinuxPolicy(root);
      if (typeof found !== 'string') {
        prepared.push((written) => buildSelinuxPolicy(written, found, step, output.err));
      } else if (step.needed) {
        const help = 'write `auto` for images with and without one, or install a policy before this module';
        throw new UserError(`\`selinux: on\` cannot be had: ${found}`, help);
      } else {
        notes.push(`No SELinux policy for /nix: ${found}.\n`);
        without.push(step.kind);
      }
    }
  }
  if (prepared.length === 0) return { carryOut: undefined, without, notes };
  const carryOut = async (written: WrittenRoot) => {
    const changed: string[] = [];
    for (const carry of prepared) changed.push(...(await carry(written)));
    return changed;
  };
  return { carryOut, without, notes };
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
