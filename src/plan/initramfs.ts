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
const systemUnits = '/usr/lib/systemd/system';
const setupRootFile = '/usr/lib/composefs/setup-root-conf.toml';
const setupRootFileThere = '/etc/composefs/setup-root-conf.toml';

/** What the new initramfs must hold: by path there, the file of the image. */
const held: Readonly<Record<string, string>> = {
  [program]: `${dracutModule}/transient-root`,
  [`${program}-mounts`]: `${dracutModule}/transient-root-mounts`,
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

/** What mounts the root of an image, by its module of dracut. */
type Backend = { module: string; program: string; unit: string };

const ostree: Backend = {
  module: 'ostree',
  program: '/usr/lib/ostree/ostree-prepare-root',
  unit: 'ostree-prepare-root.service',
};
/** bootc's composefs-native backend; its module is in many an image whose initramfs does without it. */
const bootc: Backend = {
  module: 'bootc',
  program: '/usr/lib/bootc/initramfs-setup',
  unit: 'bootc-root-setup.service',
};

/** What of a backend and of the hook an initramfs must hold. */
const required = ({ program: backendProgram, unit }: Backend): string[] => [
  backendProgram,
  `${systemUnits}/${unit}`,
  `${systemUnits}/${unit}.wants/transient-root.service`,
  `${systemUnits}/${unit}.wants/transient-root-units.service`,
];

/** What an image lacks of a backend; `undefined` where it is whole. */
const lacking = (image: ReadImage, { module, program: backendProgram }: Backend): string | undefined => {
  const there = image.list('/usr/lib/dracut/modules.d').some((name) => name.replace(/^\d+/, '') === module);
  if (!there) return `/usr/lib/dracut/modules.d/*${module}`;
  return image.size(backendProgram) === undefined ? backendProgram : undefined;
};

const alternative = 'use `transient-root: karg` or `off`: /nix exists either way';
const dracutHelp = `the image is unchanged; check whether dracut builds an initramfs in this image without this module, or ${alternative}`;

const build: Step = {
  path: initramfsOf('*'),
  rebuiltBy: 'the dracut of the image',
  inLayer: {
    refused: {
      message:
        '`transient-root: initramfs` rebuilds the initramfs with the dracut of the image, which a layer alone cannot do',
      help: `bake it in an image build (BlueBuild, or a Containerfile), or ${alternative}`,
    },
  },
  prepare: (image) => {
    const found = findDracut(image, refusal);
    const backends = backendsOf(image);
    return rebuild(found, backends, ['bluebuild-nix-transient-root'], faults);
  },
};

/** For an image whose initramfs holds the hook of an earlier plan. */
const buildWithout: Step = {
  path: initramfsOf('*'),
  rebuiltBy: 'the dracut of the image, without the hook of an earlier bake',
  inLayer: {
    refused: {
      message:
        'the initramfs of the base contains the hook of an earlier `transient-root: initramfs`, which only an image build can remove',
      help: 'bake this recipe in an image build, write `transient-root: initramfs`, or start from a base without it',
    },
  },
  prepare: (image) => {
    const cannot = (why: string, help?: string) =>
      new UserError(
        `the initramfs contains the hook of an earlier \`transient-root: initramfs\`, and cannot be rebuilt without it: ${why}`,
        help ?? 'start from an image without it',
      );
    const isClean: Faults = ({ names }) => Promise.resolve(names.has(program) ? [`still contains ${program}`] : []);
    const present = [ostree].filter((backend) => lacking(image, backend) === undefined);
    return rebuild(findDracut(image, cannot), present, [], isClean);
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
/** What lsinitrd shows of an initramfs. */
type Initramfs = { names: ReadonlySet<string>; textOf: (path: string) => Promise<string> };
type Faults = (initramfs: Initramfs, image: ReadImage, backends: readonly Backend[]) => Promise<string[]>;

/**
 * Rebuilds the initramfs of every kernel that has faults: all of them or none. Each holds these backends, and what it held
 * before of the others.
 */
function rebuild(
  { kernels, dracut, lsinitrd }: Dracut,
  backends: readonly Backend[],
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
    const look = async (path: string): Promise<Initramfs | string> => {
      const listed = await inside(lsinitrd, [path]);
      if (listed.exitCode !== 0) return `cannot be read by lsinitrd: ${listed.all.trim().split('\n').at(-1)}`;
      return {
        // As `ls -l` prints them, a link with its target behind it.
        names: new Set(listed.stdout.split('\n').flatMap((line) => line.split(' ').map((name) => `/${name}`))),
        textOf: async (file) => (await inside(lsinitrd, ['--file', file, path])).stdout,
      };
    };
    for (const kernel of kernels) {
      const to = initramfsOf(kernel);
      const before = work.size(to);
      const present = before === undefined ? undefined : await look(to);
      const isKept = (backend: Backend) =>
        typeof present === 'object' &&
        present.names.has(`${systemUnits}/${backend.unit}`) &&
        lacking(work, backend) === undefined;
      const demanded = [ostree, bootc].filter((backend) => backends.includes(backend) || isKept(backend));
      if (typeof present === 'object' && (await findFaults(present, work, demanded)).length === 0) continue;
      const from = `${directory}/${kernel}.img`;
      work.say(`Rebuilding the initramfs of kernel ${kernel} with ${dracut} (about a minute)\n`);
      const modulesToAdd = [...demanded.map(({ module }) => module), ...dracutModules].join(' ');
      const ended = await inside(dracut, [
        ...['--kver', kernel, '--no-hostonly', '--add', modulesToAdd, '--reproducible', '--force'],
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
      const made = await look(from);
      const [fault] = typeof made === 'string' ? [made] : await findFaults(made, work, demanded);
      if (fault !== undefined) throw new UserError(`the new initramfs of kernel ${kernel} ${fault}`, dracutHelp);
      built.push({ from, to });
    }
    for (const { from, to } of built) work.moveIntoPlace(from, to, 0o600);
    return built.map(({ to }) => to);
  };
}

/** What an initramfs lacks of its backends and of the hook, or holds in another version than the image. */
const faults: Faults = async ({ names, textOf }, image, backends) => {
  const missing = backends.flatMap(required).filter((path) => !names.has(path));
  if (missing.length > 0) return missing.map((path) => `has no ${path}`);
  const different: string[] = [];
  const expected = [
    ...Object.entries(held).map(([there, here]) => [there, image.read(here)?.toString()] as const),
    ...(backends.includes(bootc) ? [[setupRootFileThere, image.read(setupRootFile)?.toString() ?? ''] as const] : []),
  ];
  for (const [there, text] of expected) {
    const found = names.has(there) ? await textOf(there) : undefined;
    if (text !== found) different.push(`does not contain ${there} as it is in the image`);
  }
  return different;
};

/** What is to mount the root of this image, and can mount a transient one; throws for an image without any. */
function backendsOf(image: ReadImage): Backend[] {
  const lacks = { ostree: lacking(image, ostree), bootc: lacking(image, bootc) };
  if (lacks.ostree !== undefined && lacks.bootc !== undefined) {
    throw refusal(
      `the image has no ostree for its initramfs (no ${lacks.ostree}), and no composefs-native backend of bootc (no ${lacks.bootc})`,
    );
  }
  // bootc depends on ostree's package, so that an image for its own backend may have that too, without a configuration.
  const isConfigured = prepareRootFiles.some((path) => image.size(path) !== undefined);
  if (lacks.bootc === undefined && (lacks.ostree !== undefined || !isConfigured)) return [bootc];
  checkPrepareRoot(image);
  return [ostree];
}

function checkPrepareRoot(image: ReadImage): void {
  const path = prepareRootFiles.find((file) => image.size(file) !== undefined);
  if (path === undefined) {
    throw refusal(
      'composefs is off (there is no /usr/lib/ostree/prepare-root.conf), and ostree cannot boot a transient root without it',
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
      `composefs is off in ${path}, and ostree cannot boot a transient root without it`,
      `write \`[composefs] enabled = yes\` there before this module, or ${alternative}`,
    );
  }
  if (config.transientReadOnly) {
    throw refusal(
      `${path} sets \`[root] transient-ro\`, which ostree cannot combine with a transient root`,
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
