import * as fs from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import type { SelinuxStep } from '../plan/step.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { howEnded, programsOf } from './image-programs.ts';
import type { WrittenRoot } from './rootfs.ts';

/** The SELinux policy of an image that can take a module: paths in it. */
export type SelinuxPolicy = {
  /** Its name, as SELINUXTYPE has it. */
  type: string;
  semodule: string;
  /** The directory under which semodule keeps the modules of every policy (semanage.conf(5), store-root). */
  storeRoot: string;
};

const directory = '/etc/selinux';

/**
 * Finds the policy of an image. Gives a sentence that says why, for an image that has none in use. Throws a `UserError`
 * for a policy that cannot take a module: why, and what to do.
 */
export function findSelinuxPolicy(root: string): SelinuxPolicy | string {
  const config = text(root, `${directory}/config`);
  if (config === undefined) return `the image has no SELinux policy (no ${directory}/config)`;
  if (setting(config, 'SELINUX')?.toLowerCase() === 'disabled') {
    return `SELinux is disabled in the image (${directory}/config)`;
  }
  // libselinux' own default (selinux_config(5)).
  const type = setting(config, 'SELINUXTYPE') ?? 'targeted';
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(type)) {
    throw refusal(`SELINUXTYPE in ${directory}/config is no name of a policy`, 'mend that file before this module');
  }
  const compiled = list(root, `${directory}/${type}/policy`).some((name) => /^policy\.\d+$/.test(name));
  if (!compiled) return `the image has no SELinux policy (no ${directory}/${type}/policy/policy.*)`;

  const semodule = ['/usr/sbin/semodule', '/usr/bin/semodule'].find((path) => isFile(root, path));
  if (semodule === undefined) throw refusal('it has no semodule', 'install policycoreutils before this module');
  const storeRoot = setting(text(root, `${directory}/semanage.conf`) ?? '', 'store-root') ?? '/var/lib/selinux';
  if (!/^(\/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+$/.test(storeRoot)) {
    throw refusal(`store-root in ${directory}/semanage.conf is no path`, 'mend that file before this module');
  }
  if (list(root, `${storeRoot}/${type}/active/modules`).length === 0) {
    throw refusal(
      `the modules it was built of are not there (${storeRoot}/${type}/active/modules)`,
      'an image that drops /var loses them there: write `store-root=/etc/selinux` into semanage.conf, as Fedora Atomic does, and install the policy anew',
    );
  }
  if (process.getuid?.() !== 0) throw refusal('only root can run the semodule of an image', 'run it as root');
  return { type, semodule, storeRoot };
}

/**
 * Builds the policy of an image anew, with the step's module in it. semodule works on a copy, and only what it made of it
 * is moved into place, so that nothing is half written. Says on the way, through `say`, what it does and how long it took.
 * Gives the paths changed: none, if the policy has the module already.
 */
export async function buildSelinuxPolicy(
  written: WrittenRoot,
  { type, semodule, storeRoot }: SelinuxPolicy,
  step: SelinuxStep,
  say: (text: string) => void,
): Promise<string[]> {
  const root = written.path;
  const work = written.workDirectory('/usr/share');
  const trees = `${storeRoot}/`.startsWith(`${directory}/`) ? [directory] : [directory, storeRoot];
  for (const tree of trees) fs.cpSync(join(root, tree), join(root, work, tree), { recursive: true, ...verbatim });
  for (const tree of trees) copyModes(join(root, tree), join(root, work, tree));
  const { run, end } = programsOf(root, {});
  say(`Building the SELinux policy "${type}" with the labels of /nix, by ${semodule} (about ten seconds)\n`);
  const started = performance.now();
  try {
    const ended = await run(semodule, [
      ...['--path', work, '--store', type, '--noreload', '--priority', String(step.priority)],
      ...['--install', step.module],
    ]);
    if (ended.exitCode !== 0) {
      say(`${ended.all.trimEnd()}\n`);
      throw new UserError(`semodule failed (${howEnded(ended)}); what it said stands above`, help);
    }
  } finally {
    end();
  }
  checkLabels(root, work, type, step);
  writeEquivalent(root, work, type, step);
  const changed = trees.flatMap((tree) =>
    changedFiles(join(root, tree), join(root, work, tree)).map((path) => join(tree, path)),
  );
  // semodule counts its runs there.
  if (changed.every((path) => basename(path) === 'commit_num')) return [];
  for (const path of changed) {
    makeDirectories(written, work, dirname(path));
    written.moveIntoPlace(join(work, path), path, fs.statSync(join(root, work, path)).mode & 0o7777);
  }
  say(`Built it in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  if (storeRoot.startsWith('/var/')) {
    say(
      `warning: the modules of the policy are in ${storeRoot}, which an ostree image does not carry. The policy has the\n` +
        'labels of /nix; a semodule on the booted machine would not know of them. Fedora Atomic has store-root=/etc/selinux\n',
    );
  }
  return changed;
}

const verbatim = { preserveTimestamps: true, verbatimSymlinks: true };
const help =
  'the image is as it was; see whether `semodule --noreload --build` works in this image without this module, or use `selinux: off`';

/** Every label of the module's source must be in the compiled policy: what it lacks a type for is left out of it silently. */
function checkLabels(root: string, work: string, type: string, step: SelinuxStep): void {
  const source = fs.readFileSync(join(root, step.module), 'utf8');
  const wanted = new Set([...source.matchAll(/\(filecon "([^"]+)"/g)].map(([, path]) => path));
  const contexts = text(root, join(work, directory, type, 'contexts/files/file_contexts')) ?? '';
  const found = new Set(contexts.split('\n').map((line) => line.split(/\s/, 1)[0]));
  const missing = [...wanted].find((path) => !found.has(path));
  if (missing !== undefined) throw new UserError(`the SELinux policy "${type}" has no type for ${missing}`, help);
}

function writeEquivalent(root: string, work: string, type: string, { equivalent }: SelinuxStep): void {
  const path = join(work, directory, type, 'contexts/files/file_contexts.subs');
  const before = text(root, path);
  const others = (before ?? '').split('\n').filter((line) => line !== '' && line.split(/\s/, 1)[0] !== equivalent.path);
  const lines = [...others, `${equivalent.path} ${equivalent.to}`];
  fs.writeFileSync(join(root, path), lines.map((line) => `${line}\n`).join(''));
  if (before === undefined) fs.chmodSync(join(root, path), 0o644);
}

/** The regular files that are new or other in a copy; by their paths in it. Locks hold nothing. */
function changedFiles(before: string, after: string): string[] {
  return fs
    .readdirSync(after, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.LOCK'))
    .map((entry) => relative(after, join(entry.parentPath, entry.name)))
    .filter((path) => {
      const found = fs.lstatSync(join(before, path), { throwIfNoEntry: false });
      return !found?.isFile() || !fs.readFileSync(join(before, path)).equals(fs.readFileSync(join(after, path)));
    })
    .toSorted();
}

/** Node's copy keeps the modes of files only. */
function copyModes(from: string, to: string): void {
  fs.chmodSync(to, fs.statSync(from).mode & 0o7777);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) copyModes(join(from, entry.name), join(to, entry.name));
  }
}

function makeDirectories(written: WrittenRoot, work: string, path: string): void {
  if (fs.lstatSync(join(written.path, path), { throwIfNoEntry: false })) return;
  makeDirectories(written, work, dirname(path));
  written.makeDirectory(path, fs.statSync(join(written.path, work, path)).mode & 0o7777);
}

/** What a line `KEY=VALUE` of a file sets; the last one counts. Blanks may stand around. */
function setting(text: string, key: string): string | undefined {
  const values = text.split('\n').flatMap((line) => {
    const [, name, value] = /^\s*([A-Za-z-]+)\s*=\s*(\S*)\s*$/.exec(line) ?? [];
    return name === key && value !== undefined ? [value.replace(/^"(.*)"$/, '$1')] : [];
  });
  return values.at(-1);
}

function refusal(why: string, whatToDo: string): UserError {
  return new UserError(
    `the SELinux policy of this image cannot take the labels of /nix: ${why}`,
    `${whatToDo}, or use \`selinux: off\``,
  );
}

function text(root: string, path: string): string | undefined {
  return isFile(root, path) ? fs.readFileSync(join(root, path), 'utf8') : undefined;
}

function isFile(root: string, path: string): boolean {
  return fs.statSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true;
}

function list(root: string, path: string): string[] {
  const isDirectory = fs.statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() === true;
  return isDirectory ? fs.readdirSync(join(root, path)) : [];
}
