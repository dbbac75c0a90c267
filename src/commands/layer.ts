import { randomBytes } from 'node:crypto';
import { accessSync, constants, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Architecture } from '../config/architecture.ts';
import { error } from '../diagnostic/diagnostic.ts';
import { formatDiagnostics } from '../diagnostic/format.ts';
import type { Compression } from '../oci/compression-name.ts';
import { UserError, explained } from '../diagnostic/user-error.ts';
import { writeLayer } from '../oci/layer-file.ts';
import { picture } from './picture.ts';
import { readStaticFiles } from './static-files.ts';
import type { StepKind } from '../plan/step.ts';
import { readConfiguration, type Source } from './configuration.ts';
import { download, projectFiles, userCache } from './downloads.ts';
import type { Module } from './module.ts';
import type { Output } from './output.ts';
import { sourceDate } from './source-date.ts';
import { summary } from './validate.ts';
import { planWithoutSteps } from './without-steps.ts';

export type LayerOptions = {
  architecture: Architecture;
  file: string;
  compression: Compression;
  /** Steps that are left to whoever has the image. */
  without: readonly StepKind[];
  cache: string | undefined;
  environment: NodeJS.ProcessEnv;
};

/** Writes what a recipe bakes as a layer: a tar, the same to the byte wherever it is made. Gives the exit code. */
export async function layer(source: Source, options: LayerOptions, module: Module, output: Output): Promise<number> {
  const config = readConfiguration(source, options.architecture);
  if (Array.isArray(config)) {
    output.err(formatDiagnostics(config, 'text', output.errColors));
    return 1;
  }
  const { file, compression, environment } = options;
  try {
    const files = readStaticFiles(module.files);
    const planned = planWithoutSteps(config, files, module.version, options.without, output.err);
    const modificationTime = sourceDate(environment) ?? 0;
    checkFile(file);
    const project = projectFiles(source, false, environment);
    const downloaded = await download(planned, options.cache ?? userCache(environment), project, output);
    const unfinished = join(dirname(file), `.${basename(file)}.bluebuild-nix-${randomBytes(6).toString('hex')}`);
    const written = await writeLayer(planned, unfinished, { compression, downloaded, modificationTime });
    try {
      renameSync(unfinished, file);
    } catch (cause) {
      rmSync(unfinished, { force: true });
      throw cause;
    }
    const digests = `digest  ${written.digest}\ndiff id ${written.diffId}\n`;
    output.out(`${summary(config)}\n${picture(planned, output.outColors)}${file}: ${written.bytes} bytes\n${digests}`);
    return 0;
  } catch (cause) {
    const explanation = explained(cause, file);
    if (!(explanation instanceof UserError)) throw cause;
    output.err(formatDiagnostics([error(explanation.message, undefined, explanation.help)], 'text', output.errColors));
    return 1;
  }
}

/** Finds out before a download whether the file can be written; makes it only afterwards. */
function checkFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new UserError(`${file} is a directory`, 'name the file that the layer becomes');
  if (found && !found.isFile()) throw new UserError(`${file} is not a regular file`, 'name another one');
  if (!statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(`${dirname(file)} is not a directory`, 'make it first, or name another file');
  }
  accessSync(dirname(file), constants.W_OK | constants.X_OK);
}
