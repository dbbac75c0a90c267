import { hash } from 'node:crypto';
import type { Architecture } from '../config/architecture.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { type ImageEntry, modeText } from '../plan/image-entry.ts';
import { entriesOf, leaveOut, makePlan } from '../plan/plan.ts';
import { readConfiguration, type Source } from './configuration.ts';
import { type Module, readStaticFiles } from './module.ts';
import type { Output } from './output.ts';
import { picture } from './picture.ts';
import { summary } from './summary.ts';

export type PlanOptions = {
  architecture: Architecture;
  json: boolean;
  /** The path of the one entry whose content is shown. */
  show: string | undefined;
  without: readonly string[];
};

/** Shows what would be baked, without touching anything. */
export async function plan(source: Source, options: PlanOptions, module: Module, output: Output): Promise<void> {
  const config = await readConfiguration(source, options.architecture);
  const planned = leaveOut(makePlan(config, readStaticFiles(module.files), module.version), options.without);
  const entries = entriesOf(planned);
  if (options.show !== undefined) {
    output.out(contentOf(entries, options.show));
  } else if (options.json) {
    const steps = planned.parts.flatMap(({ name, step }) => (step ? [{ name, path: step.path }] : []));
    const shown = { architecture: config.architecture, entries: entries.map(asJson), steps };
    output.out(`${JSON.stringify(shown, null, 2)}\n`);
  } else {
    output.out(`${summary(config)}\n${picture(planned, entries, output.outColors)}`);
  }
}

function contentOf(entries: readonly ImageEntry[], path: string): string {
  const entry = entries.find((candidate) => candidate.path === path);
  if (entry?.kind === 'file') return entry.content.toString('utf8');
  const what = {
    directory: 'is a directory',
    symlink: 'is a symbolic link',
    download: 'is downloaded when the image is built, and has no content before',
  };
  throw new UserError(
    `${path} ${entry ? what[entry.kind] : 'is not in the plan'}`,
    'without --show the whole plan is printed',
  );
}

function asJson(entry: ImageEntry): object {
  if (entry.kind === 'symlink') return entry;
  const mode = modeText(entry.mode);
  if (entry.kind !== 'file') return { ...entry, mode };
  const { content, ...rest } = entry;
  return { ...rest, mode, bytes: content.length, sha256: hash('sha256', content) };
}
