import * as fs from 'node:fs';
import { join } from 'node:path';
import type { InitramfsStep } from '../plan/step.ts';
import { type PrepareRoot, parsePrepareRoot } from './prepare-root.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { howEnded, programsOf, type RunInImage } from './image-programs.ts';
import { type WrittenRoot } from './rootfs.ts';

/** An image whose initramfs can be rebuilt: paths and versions in it. */
export type InitramfsImage = {
  /** The versions of its kernels, each a directory of /usr/lib/modules. */
  kernels: readonly string[];
  dracut: string;
  lsinitrd: string;
};

const modules = '/usr/lib/modules';
const prepareRootFiles = ['/etc/ostree/prepare-root.conf', '/usr/lib/ostree/prepare-root.conf'];

/**
 * Finds what rebuilds the initramfs of an image. Throws a `UserError` for an image that lacks it, or that would not
 * boot with a transient root: why, and what to choose instead.
 */
export function findInitramfs(root: string): InitramfsImage {
  const unified = [...list(root, modules).map((name) => `${modules}/${name}`), '/boot/EFI/Linux'].flatMap((directory) =>
    list(root, directory)
      .filter((name) => name.toLowerCase().endsWith('.efi'))
      .map((name) => `${directory}/${name}`),
  );
  if (unified[0] !== undefined) {
    throw refusal(`${unified[0]} is a unified kernel image: its initramfs is part of a signed file`);
  }
  const kernels = list(root, modules).filter((name) => isFile(root, `${modules}/${name}/vmlinuz`));
  if (kernels.length === 0) throw refusal(`the image has no kernel (no ${modules}/*/vmlinuz)`);
  const dracut = program(root, 'dracut', ['/usr/libexec/rpm-ostree/wrapped', '/usr/bin', '/usr/sbin']);
  const lsinitrd = program(root, 'lsinitrd', ['/usr/bin', '/usr/sbin']);
  const dracutModules = '/usr/lib/dracut/modules.d';
  const ostree = list(root, dracutModules).find((name) => /^\d+ostree$/.test(name));
  if (ostree === undefined || !isFile(root, '/usr/lib/ostree/ostree-prepare-root')) {
    const missing = ostree === undefined ? `${dracutModules}/*ostree` : '/usr/lib/ostree/ostree-prepare-root';
    throw refusal(`the image has no ostree for its initramfs (no ${missing})`);
  }
  checkPrepareRoot(root);
  if (process.getuid?.() !== 0) throw refusal('only root can run the dracut of an image', 'run it as root');
  return { kernels, dracut, lsinitrd };
}

/**
 * Rebuilds the initramfs of every kernel whose initramfs is not as the step wants it, all of them or none. Says on the
 * way, through `say`, what it does and how long it took; when dracut fails, what dracut said. Gives the paths changed.
 */
export async function rebuildInitramfs(
  written: WrittenRoot,
  image: InitramfsImage,
  step: InitramfsStep,
  say: (text: string) => void,
): Promise<string[]> {
  const work = written.workDirectory('/usr/lib');
  // DRACUT_NO_XATTR: an image build may not set the labels that dracut would copy, and an initramfs holds none. TMPDIR: an
  // image may have no /var/tmp, and nothing is to be left in its /tmp.
  const { run, end } = programsOf(written.path, { DRACUT_NO_XATTR: '1', TMPDIR: work });
  try {
    const built: { from: string; to: string }[] = [];
    for (const kernel of image.kernels) {
      const to = step.path.replace('*', kernel);
      const isUpToDate = isFile(written.path, to) && (await faults(written.path, run, image, step, to)).length === 0;
      if (isUpToDate) continue;
      const from = `${work}/${kernel}.img`;
      await build(written.path, run, image, kernel, { from, to, work }, say);
      const [fault] = await faults(written.path, run, image, step, from);
      if (fault !== undefined) throw failure(`the new initramfs of kernel ${kernel} ${fault}`, dracutHelp);
      built.push({ from, to });
    }
    for (const { from, to } of built) written.moveIntoPlace(from, to, 0o600);
    return built.map(({ to }) => to);
  } finally {
    end();
  }
}

const instead = 'or use `transient-root: karg` or `off`: /nix exists either way';
const dracutHelp = `the image is as it was; see whether dracut builds an initramfs in this image without this module, ${instead}`;

async function build(
  root: string,
  run: RunInImage,
  { dracut }: InitramfsImage,
  kernel: string,
  paths: { from: string; to: string; work: string },
  say: (text: string) => void,
): Promise<void> {
  const before = fs.statSync(join(root, paths.to), { throwIfNoEntry: false })?.size;
  say(`Rebuilding the initramfs of kernel ${kernel} with ${dracut} (about a minute)\n`);
  const started = performance.now();
  const ended = await run(dracut, [
    ...['--kver', kernel, '--no-hostonly', '--add', 'ostree bluebuild-nix-transient-root', '--reproducible', '--force'],
    ...['--tmpdir', paths.work, paths.from],
  ]);
  const size = fs.statSync(join(root, paths.from), { throwIfNoEntry: false })?.size ?? 0;
  if (ended.exitCode !== 0 || size === 0) {
    say(`${ended.all.trimEnd()}\n`);
    throw failure(`dracut failed for kernel ${kernel} (${howEnded(ended)}); what it said stands above`, dracutHelp);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const compared = before === undefined ? '' : ` (before: ${megabytes(before)})`;
  say(`Rebuilt ${paths.to}: ${megabytes(size)}${compared}, in ${seconds} s\n`);
}

/** What an initramfs lacks of ostree and of the step's own, or holds otherwise than the image. */
async function faults(
  root: string,
  run: RunInImage,
  { lsinitrd }: InitramfsImage,
  step: InitramfsStep,
  initramfs: string,
): Promise<string[]> {
  const listed = await run(lsinitrd, [initramfs]);
  if (listed.exitCode !== 0) return [`cannot be read by lsinitrd: ${listed.all.trim().split('\n').at(-1)}`];
  // As `ls -l` prints them, a link with its target behind it.
  const names = new Set(listed.stdout.split('\n').flatMap((line) => line.split(' ')));
  const isInside = (path: string) => names.has(path.slice(1));
  const missing = requiredInside.filter((path) => !isInside(path));
  if (missing.length > 0) return missing.map((path) => `has no ${path}`);
  const different: string[] = [];
  for (const [there, here] of [
    ...Object.entries(step.holds),
    ...prepareRootFiles.map((path) => [path, path] as const),
  ]) {
    const wanted = isFile(root, here) ? fs.readFileSync(join(root, here), 'utf8') : undefined;
    const found = isInside(there) ? (await run(lsinitrd, ['--file', there, initramfs])).stdout : undefined;
    if (wanted !== found) different.push(`does not hold ${there} as the image does`);
  }
  return different;
}

const prepareRootUnit = '/usr/lib/systemd/system/ostree-prepare-root.service';
const requiredInside = [
  '/usr/lib/ostree/ostree-prepare-root',
  prepareRootUnit,
  `${prepareRootUnit}.wants/transient-root.service`,
  `${prepareRootUnit}.wants/transient-root-units.service`,
];

function checkPrepareRoot(root: string): void {
  const path = prepareRootFiles.find((file) => fs.existsSync(join(root, file)));
  if (path === undefined) {
    throw refusal(
      'composefs is not on (there is no /usr/lib/ostree/prepare-root.conf), and ostree boots no transient root without it',
      `turn it on before this module, ${instead}`,
    );
  }
  let config: PrepareRoot;
  try {
    config = parsePrepareRoot(fs.readFileSync(join(root, path)));
  } catch (cause) {
    throw refusal(
      `${path} cannot be read: ${(cause as Error).message}`,
      `mend that file before this module, ${instead}`,
    );
  }
  if (config.composefs === 'off') {
    throw refusal(
      `composefs is not on in ${path}, and ostree boots no transient root without it`,
      `write \`[composefs] enabled = yes\` there before this module, ${instead}`,
    );
  }
  if (config.transientReadOnly) {
    throw refusal(
      `${path} sets \`[root] transient-ro\`, and ostree boots with that or with a transient root, not with both`,
      `take it out before this module, ${instead}`,
    );
  }
}

function refusal(why: string, help = `use \`transient-root: karg\` or \`off\`: /nix exists either way`): UserError {
  return new UserError(`\`transient-root: initramfs\` cannot be had in this image: ${why}`, help);
}

function failure(what: string, help?: string): UserError {
  return new UserError(what, help);
}

function program(root: string, name: string, directories: readonly string[]): string {
  const found = directories.map((directory) => `${directory}/${name}`).find((path) => isFile(root, path));
  if (found === undefined) {
    throw refusal(`it has no ${name} to rebuild its initramfs with`, `install dracut before this module, ${instead}`);
  }
  return found;
}

function isFile(root: string, path: string): boolean {
  return fs.statSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true;
}

function list(root: string, path: string): string[] {
  const isDirectory = fs.statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() === true;
  return isDirectory ? fs.readdirSync(join(root, path)).sort() : [];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
