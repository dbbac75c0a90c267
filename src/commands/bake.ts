import { lstatSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Architecture } from '../config/architecture.ts';
import { filesDirectory } from '../config/rules.ts';
import { error } from '../diagnostic/diagnostic.ts';
import { formatDiagnostics } from '../diagnostic/format.ts';
import { picture } from '../image/picture.ts';
import { RootfsError, type WrittenRoot, writeRootfs, writeRootfsWithSteps } from '../image/rootfs.ts';
import { readStaticFiles } from '../image/static-files.ts';
import type { Plan } from '../plan/image-entry.ts';
import { plan as planOf } from '../plan/plan.ts';
import { readConfiguration, type Source } from './configuration.ts';
import type { Module } from './module.ts';
import type { Output } from './output.ts';
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
  const epoch = options.environment['SOURCE_DATE_EPOCH'] ?? '0';
  // A date of the year 5138 is none; file systems end sooner.
  if (!/^[0-9]{1,11}$/.test(epoch)) {
    return fail('SOURCE_DATE_EPOCH is not a number of seconds', 'unset it, or give seconds since 1970');
  }
  const planned = planOf(config, readStaticFiles(module.files), module.version);
  const cache = cacheDirectory(options);
  try {
    checkRoot(options.root);
    const carryOut = await prepareSteps(planned, options.root, output);
    const downloaded = await download(planned, cache.path, source, options, output);
    const ownedByRoot = process.getuid?.() === 0;
    const rootfsOptions = { modificationTime: Number(epoch), ownedByRoot, downloaded };
    const baked = carryOut
      ? await writeRootfsWithSteps(planned, options.root, rootfsOptions, carryOut)
      : writeRootfs(planned, options.root, rootfsOptions);
    output.out(`${summary(config)}\n${picture(planned, output.outColors)}${outcome(baked, options.root)}\n`);
    if (!ownedByRoot)
      output.err('Not run as root: the files belong to you, and in an image they must belong to root.\n');
    return 0;
  } catch (cause) {
    if (cause instanceof RootfsError) return fail(cause.message, cause.help);
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
  if (root === '') throw new RootfsError('the root has no name', 'name a directory, or `/` for this system itself');
  const found = statSync(root, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found || lstatSync(root, { throwIfNoEntry: false }))
    throw new RootfsError(`${root} is not a directory`, 'name the directory that is to become the root');
  if (!statSync(dirname(resolve(root)), { throwIfNoEntry: false })?.isDirectory()) {
    throw new RootfsError(`${dirname(resolve(root))} does not exist`, 'make it first, or name another root');
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
  if (resolve(root) !== '/') {
    return keep(
      join(environment['XDG_CACHE_HOME'] || join(environment['HOME'] || tmpdir(), '.cache'), 'bluebuild-nix'),
    );
  }
  const device = (path: string) => statSync(path, { throwIfNoEntry: false })?.dev;
  if (device('/var/cache') !== undefined && device('/var/cache') !== device('/var')) {
    return keep('/var/cache/bluebuild-nix');
  }
  const path = mkdtempSync(join(tmpdir(), 'bluebuild-nix-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

async function download(
  planned: Plan,
  cache: string,
  source: Source,
  options: BakeOptions,
  output: Output,
): Promise<Map<string, string>> {
  const downloads = planned.entries.flatMap((entry) => (entry.kind === 'download' ? [entry.download] : []));
  if (downloads.length === 0) return new Map();
  // Loaded only when something is to be fetched: it is the larger half of the program.
  const { fetchByDigest } = await import('../download/fetch-by-digest.ts');
  const { logProgress, terminalProgress } = await import('../download/progress.ts');
  const progressOptions = { write: output.err, colors: output.errColors };
  const progress = output.isTerminal
    ? terminalProgress({ ...progressOptions, columns: output.columns })
    : logProgress(progressOptions);
  const files = projectFiles(source, options);
  const downloaded = new Map<string, string>();
  for (const { url, sha256, name } of downloads) {
    const fetched = await fetchByDigest(
      { url: inProject(url, files), sha256, name },
      { cacheDirectory: cache, progress },
    );
    downloaded.set(sha256, fetched.path);
  }
  return downloaded;
}

/** The project's files/: where BlueBuild mounts it, or beside the recipe's folder outside a build. */
function projectFiles(source: Source, { root, environment }: BakeOptions): string {
  if ('recipe' in source && resolve(root) !== '/') return resolve(dirname(source.recipe), '../files');
  return environment['CONFIG_DIRECTORY'] || filesDirectory;
}

/** A file: url of the configuration as it is on this disk. Throws where a link leads it out of the project's files. */
function inProject(url: string, files: string): string {
  if (!url.startsWith('file:')) return url;
  const path = join(files, fileURLToPath(url).slice(filesDirectory.length));
  if (!statSync(path, { throwIfNoEntry: false })) return pathToFileURL(path).href;
  const real = realpathSync(path);
  if (!real.startsWith(`${realpathSync(files)}/`)) {
    throw new RootfsError(`${path} is a symbolic link to ${real}, outside ${files}`, 'copy the file itself there');
  }
  return pathToFileURL(real).href;
}
