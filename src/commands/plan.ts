import { createHash } from 'node:crypto';
import type { Architecture } from '../config/architecture.ts';
import { error } from '../diagnostic/diagnostic.ts';
import { formatDiagnostics } from '../diagnostic/format.ts';
import { picture } from './picture.ts';
import { readStaticFiles } from './static-files.ts';
import type { ImageEntry, Plan } from '../plan/image-entry.ts';
import { makePlan } from '../plan/plan.ts';
import type { StepKind } from '../plan/step.ts';
import { readConfiguration, type Source } from './configuration.ts';
import type { Module } from './module.ts';
import type { Output } from './output.ts';
import { summary } from './validate.ts';

/** Shows what would be baked, without touching anything. Gives the exit code. */
export function plan(
  source: Source,
  options: { architecture: Architecture; json: boolean; show: string | undefined; without: readonly StepKind[] },
  module: Module,
  output: Output,
): number {
  const config = readConfiguration(source, options.architecture);
  if (Array.isArray(config)) {
    output.err(formatDiagnostics(config, 'text', output.errColors));
    return 1;
  }
  const planned = makePlan(config, readStaticFiles(module.files), module.version, options.without);
  if (options.show !== undefined) return show(planned, options.show, output);
  if (options.json) {
    output.out(
      `${JSON.stringify({ architecture: config.architecture, entries: planned.entries.map(asJson), steps: planned.steps }, null, 2)}\n`,
    );
    return 0;
  }
  output.out(`${summary(config)}\n${picture(planned, output.outColors)}`);
  return 0;
}

function show(planned: Plan, path: string, output: Output): number {
  const entry = planned.entries.find((candidate) => candidate.path === path);
  if (entry?.kind === 'file') {
    output.out(entry.content.toString('utf8'));
    return 0;
  }
  const what = {
    directory: 'is a directory',
    symlink: 'is a symbolic link',
    download: 'is downloaded when the image is built, and has no content before',
  };
  const reason = entry ? what[entry.kind] : 'is not in the plan';
  const help = 'without --show the whole plan is printed';
  output.err(formatDiagnostics([error(`${path} ${reason}`, undefined, help)], 'text', output.errColors));
  return 1;
}

function asJson(entry: ImageEntry): object {
  if (entry.kind === 'symlink') return entry;
  const mode = entry.mode.toString(8).padStart(4, '0');
  if (entry.kind === 'directory') return { ...entry, mode };
  if (entry.kind === 'download') return { ...entry, mode };
  const { content, ...rest } = entry;
  return { ...rest, mode, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}
