import { renameSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Architecture } from '../config/architecture.ts';
import { UserError } from '../diagnostic/user-error.ts';
import type { Compression } from '../oci/compression-name.ts';
import { writeLayer } from '../oci/layer-file.ts';
import { entriesOf, makePlan } from '../plan/plan.ts';
import { sweep, temporaryPath } from '../temporary/temporary-path.ts';
import { transact } from '../temporary/transaction.ts';
import { checkParent } from '../temporary/writable-parent.ts';
import { readConfiguration, type Source } from './configuration.ts';
import { download, projectFiles, userCache } from './downloads.ts';
import { layerPlan } from './layer-plan.ts';
import { type Module, readStaticFiles } from './module.ts';
import type { Output } from './output.ts';
import { picture } from './picture.ts';
import { sourceDate } from './source-date.ts';
import { summary } from './summary.ts';

export type LayerOptions = {
  architecture: Architecture;
  file: string;
  compression: Compression;
  /** Names of parts to leave out. */
  without: readonly string[];
  cache: string | undefined;
  environment: NodeJS.ProcessEnv;
};

/** Writes what a recipe bakes as a layer: a tar, the same to the byte wherever it is made. */
export async function layer(source: Source, options: LayerOptions, module: Module, output: Output): Promise<void> {
  const { file, compression, environment } = options;
  const config = await readConfiguration(source, options.architecture);
  const whole = makePlan(config, readStaticFiles(module.files), module.version);
  const { plan, warnings } = layerPlan(whole, options.without);
  for (const warning of warnings) output.err(warning);
  const modificationTime = sourceDate(environment) ?? 0;
  const entries = entriesOf(plan);
  const written = await transact(file, async () => {
    checkFile(file);
    const project = projectFiles(source, false, environment);
    const downloaded = await download(entries, options.cache ?? userCache(environment), project, output);
    sweep(dirname(file));
    const unfinished = temporaryPath(dirname(file), basename(file));
    const result = await writeLayer({ entries }, unfinished, { compression, downloaded, modificationTime });
    renameSync(unfinished, file);
    return result;
  });
  const digests = `digest  ${written.digest}\ndiff id ${written.diffId}\n`;
  const missing = plan.parts.flatMap(({ ofImage }) => (ofImage ? `${ofImage.missingInLayer}\n` : [])).join('');
  output.out(
    `${summary(config)}\n${picture(plan, entries, output.outColors)}${file}: ${written.bytes} bytes\n${digests}${missing}`,
  );
}

/** Checks, before any download, that the file can be written. */
function checkFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new UserError(`${file} is a directory`, 'name the file that the layer becomes');
  if (found && !found.isFile()) throw new UserError(`${file} is not a regular file`, 'name another one');
  checkParent(file);
}
