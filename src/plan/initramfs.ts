import { outputOf } from '../diagnostic/format.ts';
import { UserError } from '../diagnostic/user-error.ts';
import type { PartMaker } from './part.ts';
import { type PrepareRoot, parsePrepareRoot } from './prepare-root.ts';
import { type CarryOut, type Ended, howEnded, type ReadImage, type Step } from './step.ts';

/**
 * What makes the dracut module of `transient-root: initramfs` take effect: an initramfs that was built with it. Leaving it
 * out leaves the module to whoever builds an initramfs later.
 */
export const initramfs: PartMaker = {
  name: 'initramfs',
  takesStep: true,
  make: ({ transientRoot }) => ({
    entries: [],
    ...(transientRoot === 'initramfs' ? { step: build } : { undo: buildWithout }),
  }),
};

const modules = '/usr/lib/modules';
const initramfsOf = (kernel: string) => `${modules}/${kernel}/initramfs.img`;
const dracutModule = '/usr/lib/dracut/modules.d/99bluebuild-nix-transient-root';
const program = '/usr/libexec/bluebuild/nix/transient-root';
const prepareRootFiles = ['/etc/ostree/prepare-root.conf', '/usr/lib/ostree/prepare-root.conf'];
const prepareRootProgram = '/usr/lib/ostree/ostree-prepare-root';
const prepareRootUnit = '/usr/lib/systemd/system/ostree-prepare-root.service';

/** What the new initramfs must hold: by path there, the file of the image. */
const held: Readonly<Record<string, string>> = {
  [program]: `${dracutModule}/transient-root`,
  '/usr/lib/systemd/system/transient-root.service': `${dracutModule}/transient-root.service`,
  '/usr/lib/systemd/system/transient-root-units.service': `${dracutModule}/transient-root-units.service`,
  ...Object.fromEntries(
    ['transient-root-label.service', 'service.d/50-transient-root-label.conf'].map((file) => [
      `/usr/share/bluebuild/nix/transient-root/${file}`,
      `${dracutModule}/booted/${file}`,
    ]),
  ),
  ...Object.fromEntries(prepareRootFiles.map((path) => [path, path])),
};

const required = [
  prepareRootProgram,
  prepareRootUnit,
  `${prepareRootUnit}.wants/transient-root.service`,
  `${prepareRootUnit}.wants/transient-root-units.service`,
];

const alternative = 'use `transient-root: karg` or `off`: /nix exists either way';
const dracutHelp = `the image is unchanged; check whether dracut builds an initramfs in this image without this module, or ${alternative}`;

const build: Step = {
  path: initramfsOf('*'),
  rebuiltBy: 'the dracut of the image',
  inLayer: {
    refused: {
      message:
        '`transient-root: initramfs` rebuilds the initramfs with the dracut of the image, and a layer alone cannot',
      help: `bake it in an image build (BlueBuild, or a Containerfile), or ${alternative}`,
    },
  },
  prepare: (image) => {
    const found = findDracut(image, refusal);
    const ostree = image.list('/usr/lib/dracut/modules.d').find((name) => /^\d+ostree$/.test(name));
    if (ostree === undefined || image.size(prepareRootProgram) === undefined) {
      const missing = ostree === undefined ? '/usr/lib/dracut/modules.d/*ostree' : prepareRootProgram;
      throw refusal(`the image has no ostree for its initramfs (no ${missing})`);
    }
    checkPrepareRoot(image);
    return rebuild(found, ['ostree', 'bluebuild-nix-transient-root'], faults);
  },
};

/** For an image whose initramfs holds the hook of an earlier plan. */
const buildWithout: Step = {
  path: initramfsOf('*'),
  rebuiltBy: 'the dracut of the image, without the hook of an earlier bake',
  inLayer: {
    refused: {
      message:
        'the initramfs of the base holds the hook of an earlier `transient-root: initramfs`, which only an image build can remove',
      help: 'bake this recipe in an image build, write `transient-root: initramfs`, or start from a base without it',
    },
  },
  prepare: (image) => {
    const cannot = (why: string, help?: string) =>
      new UserError(
        `the initramfs holds the hook of an earlier \`transient-root: initramfs\`, and cannot be rebuilt without it: ${why}`,
        help ?? 'start from an image without it',
      );
    const isClean: Faults = async (_, run, lsinitrd, path) =>
      (await namesIn(run, lsinitrd, path)).has(program) ? [`still holds ${program}`] : [];
    return rebuild(findDracut(image, cannot), ['ostree'], isClean);
  },
};

type Dracut = { kernels: readonly string[]; dracut: string; lsinitrd: string };

/** Finds what rebuilds the initramfs of an image; throws what `cannot` makes for an image that lacks it. */
function findDracut(image: ReadImage, cannot: (why: string, help?: string) => UserError): Dracut {
  const directories = [...image.list(modules).map((name) => `${modules}/${name}`), '/boot/EFI/Linux'];
  const unified = directories
    .flatMap((directory) => image.list(directory).map((name) => `${directory}/${name}`))
    .find((path) => path.toLowerCase().endsWith('.efi'));
  if (unified !== undefined)
    throw cannot(`${unified} is a unified kernel image: its initramfs is part of a signed file`);
  const kernels = image.list(modules).filter((name) => image.size(`${modules}/${name}/vmlinuz`) !== undefined);
  if (kernels.length === 0) throw cannot(`the image has no kernel (no ${modules}/*/vmlinuz)`);
  const find = (name: string, places: readonly string[]) => {
    const path = places.map((place) => `${place}/${name}`).find((candidate) => image.size(candidate) !== undefined);
    if (path !== undefined) return path;
    throw cannot(
      `it has no ${name} to rebuild its initramfs with`,
      `install dracut before this module, or ${alternative}`,
    );
  };
  const dracut = find('dracut', ['/usr/libexec/rpm-ostree/wrapped', '/usr/bin', '/usr/sbin']);
  const lsinitrd = find('lsinitrd', ['/usr/bin', '/usr/sbin']);
  if (!image.canRun) throw cannot('only root can run the dracut of an image', 'run it as root');
  return { kernels, dracut, lsinitrd };
}

type RunInside = (command: string, args: readonly string[]) => Promise<Ended>;
type Faults = (image: ReadImage, run: RunInside, lsinitrd: string, initramfs: string) => Promise<string[]>;

/** Rebuilds the initramfs of every kernel that has faults: all of them or none. */
function rebuild(
  { kernels, dracut, lsinitrd }: Dracut,
  dracutModules: readonly string[],
  findFaults: Faults,
): CarryOut {
  return async (work) => {
    const directory = work.workDirectory('/usr/lib');
    const built: { from: string; to: string }[] = [];
    // An image build may not set the labels that dracut would copy, and an initramfs holds none. An image may have no
    // /var/tmp, and nothing may happen in its /tmp.
    const environment = { DRACUT_NO_XATTR: '1', TMPDIR: directory };
    const inside: RunInside = (command, args) => work.run(command, args, environment);
    for (const kernel of kernels) {
      const to = initramfsOf(kernel);
      const before = work.size(to);
      if (before !== undefined && (await findFaults(work, inside, lsinitrd, to)).length === 0) continue;
      const from = `${directory}/${kernel}.img`;
      work.say(`Rebuilding the initramfs of kernel ${kernel} with ${dracut} (about a minute)\n`);
      const ended = await inside(dracut, [
        ...['--kver', kernel, '--no-hostonly', '--add', dracutModules.join(' '), '--reproducible', '--force'],
        ...['--tmpdir', directory, from],
      ]);
      const size = work.size(from) ?? 0;
      if (ended.exitCode !== 0 || size === 0) {
        work.say(outputOf('dracut', ended.all));
        throw new UserError(
          `dracut failed for kernel ${kernel} (${howEnded(ended)}); see its output above`,
          dracutHelp,
        );
      }
      const compared = before === undefined ? '' : ` (before: ${megabytes(before)})`;
      work.say(`Rebuilt ${to}: ${megabytes(size)}${compared}, in ${ended.seconds.toFixed(1)} s\n`);
      const [fault] = await findFaults(work, inside, lsinitrd, from);
      if (fault !== undefined) throw new UserError(`the new initramfs of kernel ${kernel} ${fault}`, dracutHelp);
      built.push({ from, to });
    }
    for (const { from, to } of built) work.moveIntoPlace(from, to, 0o600);
    return built.map(({ to }) => to);
  };
}

/** What an initramfs lacks of ostree and of the hook, or holds in another version than the image. */
const faults: Faults = async (image, run, lsinitrd, initramfs) => {
  let names: ReadonlySet<string>;
  try {
    names = await namesIn(run, lsinitrd, initramfs);
  } catch (cause) {
    return [(cause as Error).message];
  }
  const missing = required.filter((path) => !names.has(path));
  if (missing.length > 0) return missing.map((path) => `has no ${path}`);
  const different: string[] = [];
  for (const [there, here] of Object.entries(held)) {
    const found = names.has(there) ? (await run(lsinitrd, ['--file', there, initramfs])).stdout : undefined;
    if (image.read(here)?.toString() !== found) different.push(`does not hold ${there} as the image does`);
  }
  return different;
};

async function namesIn(run: RunInside, lsinitrd: string, initramfs: string): Promise<Set<string>> {
  const listed = await run(lsinitrd, [initramfs]);
  if (listed.exitCode !== 0) throw new Error(`cannot be read by lsinitrd: ${listed.all.trim().split('\n').at(-1)}`);
  // As `ls -l` prints them, a link with its target behind it.
  return new Set(listed.stdout.split('\n').flatMap((line) => line.split(' ').map((name) => `/${name}`)));
}

function checkPrepareRoot(image: ReadImage): void {
  const path = prepareRootFiles.find((file) => image.size(file) !== undefined);
  if (path === undefined) {
    throw refusal(
      'composefs is not on (there is no /usr/lib/ostree/prepare-root.conf), and ostree boots no transient root without it',
      `turn it on before this module, or ${alternative}`,
    );
  }
  let config: PrepareRoot;
  try {
    config = parsePrepareRoot(image.read(path) ?? Buffer.alloc(0));
  } catch (cause) {
    throw refusal(
      `${path} cannot be read: ${(cause as Error).message}`,
      `correct that file before this module, or ${alternative}`,
    );
  }
  if (config.composefs === 'off') {
    throw refusal(
      `composefs is not on in ${path}, and ostree boots no transient root without it`,
      `write \`[composefs] enabled = yes\` there before this module, or ${alternative}`,
    );
  }
  if (config.transientReadOnly) {
    throw refusal(
      `${path} sets \`[root] transient-ro\`, and ostree boots with that or with a transient root, not with both`,
      `remove it before this module, or ${alternative}`,
    );
  }
}

function refusal(why: string, help = alternative): UserError {
  return new UserError(`\`transient-root: initramfs\` is not possible in this image: ${why}`, help);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
