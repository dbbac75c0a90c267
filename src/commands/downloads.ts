import { realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { filesDirectory } from '../config/rules.ts';
import { UserError } from '../diagnostic/user-error.ts';
import type { Downloaded } from '../oci/tar-layer.ts';
import type { ImageEntry } from '../plan/image-entry.ts';
import type { Source } from './configuration.ts';
import type { Output } from './output.ts';

/** Where downloads are kept outside an image build. */
export function userCache(environment: NodeJS.ProcessEnv): string {
  return join(environment['XDG_CACHE_HOME'] || join(environment['HOME'] || tmpdir(), '.cache'), 'bluebuild-nix');
}

/** The project's files/: where BlueBuild mounts it in a build, or beside the recipe's folder outside one. */
export function projectFiles(source: Source, inBuild: boolean, environment: NodeJS.ProcessEnv): string {
  if ('recipe' in source && !inBuild) return resolve(dirname(source.recipe), '../files');
  return environment['CONFIG_DIRECTORY'] || filesDirectory;
}

/** Fetches all that entries embed; `files` is the project's files/. Throws a `UserError`. */
export async function download(
  entries: readonly ImageEntry[],
  cache: string,
  files: string,
  output: Output,
): Promise<Downloaded> {
  const downloads = entries.flatMap((entry) => (entry.kind === 'download' ? [entry.download] : []));
  if (downloads.length === 0) return new Map();
  // Loaded only when something is to be fetched: it is the larger half of the program.
  const { fetchByDigest } = await import('../download/fetch-by-digest.ts');
  const { logProgress, terminalProgress } = await import('../download/progress.ts');
  const progressOptions = { write: output.err, colors: output.errColors };
  const progress = output.isTerminal
    ? terminalProgress({ ...progressOptions, columns: output.columns })
    : logProgress(progressOptions);
  const downloaded = new Map<string, { path: string; bytes: number }>();
  for (const { url, sha256, name } of downloads) {
    const { path, bytes } = await fetchByDigest(
      { url: inProject(url, files), sha256, name },
      { cacheDirectory: cache, progress },
    );
    downloaded.set(sha256, { path, bytes });
  }
  return downloaded;
}

/** A file: url of the configuration as it is on this disk. Throws where a link leads it out of the project's files. */
function inProject(url: string, files: string): string {
  if (!url.startsWith('file:')) return url;
  const path = join(files, fileURLToPath(url).slice(filesDirectory.length));
  if (!statSync(path, { throwIfNoEntry: false })) return pathToFileURL(path).href;
  const real = realpathSync(path);
  if (!real.startsWith(`${realpathSync(files)}/`)) {
    throw new UserError(`${path} is a symbolic link to ${real}, outside ${files}`, 'copy the file itself there');
  }
  return pathToFileURL(real).href;
}
