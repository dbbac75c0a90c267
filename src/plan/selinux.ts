import { outputOf } from '../diagnostic/format.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { readEarlier } from './earlier.ts';
import type { PartMaker } from './part.ts';
import { type StaticFiles, staticEntries } from './static-files.ts';
import { type CarryOut, howEnded, type ReadImage, type Step, type WorkImage } from './step.ts';
import { enabledUnits } from './units.ts';

/** The SELinux policy for /nix: its source, what builds it into the image's own, and what labels new store paths. */
export const selinux: PartMaker = {
  name: 'selinux',
  takesStep: true,
  make: ({ selinux, persistence }, files) =>
    selinux === 'off'
      ? { entries: [], undo: removeModule }
      : { entries: entries(files), step: installModule(persistence, selinux === 'on') },
};

const moduleName = 'bluebuild-nix';
const moduleSource = `/usr/share/bluebuild/nix/${moduleName}.cil`;
/** semodule's: 100 is the distribution's own, 400 what an administrator installs. */
const priority = '200';
const directory = '/etc/selinux';

function entries(files: StaticFiles) {
  return [
    ...staticEntries(files, 'selinux'),
    ...enabledUnits({ 'paths.target': ['nix-label.path'], 'multi-user.target': ['nix-label.service'] }),
  ];
}

const step = { path: `${directory}/*/policy/policy.*` };

function installModule(persistence: string, isNeeded: boolean): Step {
  return {
    ...step,
    rebuiltBy: `the semodule of the image${isNeeded ? '' : ', if it has a policy'}`,
    inLayer: isNeeded
      ? {
          refused: {
            message:
              '`selinux: on` rebuilds the SELinux policy of the image with its semodule, which a layer alone cannot do',
            help: 'bake it in an image build (BlueBuild, or a Containerfile)',
          },
        }
      : {
          leftOut:
            'selinux: auto: left out, because a layer alone cannot change the SELinux policy of an image. Where SELinux is enforced\n' +
            '(Fedora), bake Nix in an image build; elsewhere write `selinux: off`.\n',
        },
    prepare: (image) => {
      const policy = findPolicy(image, refusal);
      if (typeof policy !== 'string') return buildPolicy(policy, ['--install', moduleSource], persistence, image);
      if (!isNeeded) return `No SELinux policy for /nix: ${policy}.`;
      const help = 'write `auto` for images with and without one, or install a policy before this module';
      throw new UserError(`\`selinux: on\` is not possible: ${policy}`, help);
    },
  };
}

/** For an image whose policy holds the module of an earlier plan. */
const removeModule: Step = {
  ...step,
  rebuiltBy: 'the semodule of the image, without the module of an earlier bake',
  inLayer: {
    refused: {
      message:
        'the SELinux policy of the base contains the module of an earlier bake, which only an image build can remove',
      help: 'bake this recipe in an image build, or write `selinux: auto`',
    },
  },
  prepare: (image) => {
    const cannot = (why: string, help: string) =>
      new UserError(
        `the SELinux policy contains the module of an earlier bake, and cannot be built without it: ${why}`,
        help,
      );
    const policy = findPolicy(image, cannot);
    if (typeof policy === 'string') return `No SELinux policy to remove the labels of /nix from: ${policy}.`;
    const { type, storeRoot } = policy;
    const isInstalled = image.list(`${storeRoot}/${type}/active/modules/${priority}`).includes(moduleName);
    return buildPolicy(policy, isInstalled ? ['--remove', moduleName] : ['--build'], undefined, image);
  },
};

/** The SELinux policy of an image that can take a module: paths in it. */
type Policy = {
  /** Its name, as SELINUXTYPE has it. */
  type: string;
  semodule: string;
  /** The directory under which semodule keeps the modules of every policy (semanage.conf(5), store-root). */
  storeRoot: string;
};

/** Finds the policy of an image; a sentence says why, for an image that uses none. Throws where it can take no module. */
function findPolicy(image: ReadImage, cannot: (why: string, help: string) => UserError): Policy | string {
  const config = image.read(`${directory}/config`)?.toString();
  if (config === undefined) return `the image has no SELinux policy (no ${directory}/config)`;
  if (setting(config, 'SELINUX')?.toLowerCase() === 'disabled') {
    return `SELinux is disabled in the image (${directory}/config)`;
  }
  // libselinux' own default (selinux_config(5)).
  const type = setting(config, 'SELINUXTYPE') ?? 'targeted';
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(type)) {
    throw cannot(
      `SELINUXTYPE in ${directory}/config is not the name of a policy`,
      'correct that file before this module',
    );
  }
  const isCompiled = image.list(`${directory}/${type}/policy`).some((name) => /^policy\.\d+$/.test(name));
  if (!isCompiled) return `the image has no SELinux policy (no ${directory}/${type}/policy/policy.*)`;
  const semodule = ['/usr/sbin/semodule', '/usr/bin/semodule'].find((path) => image.size(path) !== undefined);
  if (semodule === undefined) throw cannot('it has no semodule', 'install policycoreutils before this module');
  const storeRoot =
    setting(image.read(`${directory}/semanage.conf`)?.toString() ?? '', 'store-root') ?? '/var/lib/selinux';
  if (!/^(\/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+$/.test(storeRoot)) {
    throw cannot(`store-root in ${directory}/semanage.conf is not a path`, 'correct that file before this module');
  }
  if (image.list(`${storeRoot}/${type}/active/modules`).length === 0) {
    throw cannot(
      `the modules it was built from are missing (${storeRoot}/${type}/active/modules)`,
      'an image that drops /var loses them there: write `store-root=/etc/selinux` into semanage.conf, as Fedora Atomic does, and install the policy again',
    );
  }
  if (!image.canRun) throw cannot('only root can run the semodule of an image', 'run it as root');
  return { type, semodule, storeRoot };
}

/**
 * Builds the policy of an image again, with or without the module. semodule works on a copy, and only what it made of it is
 * moved into place, so that nothing is half written. No path is changed where the policy is like that already.
 */
function buildPolicy(
  { type, semodule, storeRoot }: Policy,
  action: readonly string[],
  persistence: string | undefined,
  before: ReadImage,
): CarryOut {
  const earlier = readEarlier(before);
  const isOurs = (path: string) => path === persistence || path === earlier?.persistence;
  return async (image) => {
    const work = image.workDirectory('/usr/share');
    const trees = `${storeRoot}/`.startsWith(`${directory}/`) ? [directory] : [directory, storeRoot];
    for (const tree of trees) image.copyTree(tree, `${work}${tree}`);
    const how = persistence === undefined ? 'without' : 'with';
    image.say(`Building the SELinux policy "${type}" ${how} the labels of /nix, by ${semodule} (about ten seconds)\n`);
    const ended = await image.run(semodule, [
      ...['--path', work, '--store', type, '--noreload', '--priority', priority, ...action],
    ]);
    if (ended.exitCode !== 0) {
      image.say(outputOf('semodule', ended.all));
      throw new UserError(`semodule failed (${howEnded(ended)}); see its output above`, semoduleHelp);
    }
    const contexts = `${work}${directory}/${type}/contexts/files`;
    if (persistence !== undefined) checkLabels(image, contexts, type);
    writeEquivalent(image, `${contexts}/file_contexts.subs`, isOurs, persistence);
    const differences = trees.map((tree) => ({ tree, ...image.differences(tree, `${work}${tree}`) }));
    // A lock holds nothing.
    const inImage = (tree: string, paths: readonly string[]) =>
      paths.filter((path) => !path.endsWith('.LOCK')).map((path) => `${tree}/${path}`);
    const changed = differences.flatMap((one) => inImage(one.tree, one.changed));
    const gone = differences.flatMap((one) => inImage(one.tree, one.gone));
    // semodule counts its runs there.
    if ([...changed, ...gone].every((path) => path.endsWith('/commit_num'))) return [];
    for (const path of changed) image.moveIntoPlace(`${work}${path}`, path);
    for (const path of gone) image.remove(path);
    image.say(`Built it in ${ended.seconds.toFixed(1)} s\n`);
    if (persistence !== undefined && storeRoot.startsWith('/var/')) {
      image.say(
        `warning: the modules of the policy are in ${storeRoot}, which an ostree image does not carry. The policy has the\n` +
          'labels of /nix; a semodule on the booted machine would not know them. Fedora Atomic has store-root=/etc/selinux\n',
      );
    }
    return [...changed, ...gone];
  };
}

const semoduleHelp =
  'the image is unchanged; check whether `semodule --noreload --build` works in this image without this module, or use `selinux: off`';

/** Every label of the module must be in the compiled policy, which silently leaves out what it has no type for. */
function checkLabels(image: ReadImage, contexts: string, type: string): void {
  const source = image.read(moduleSource)?.toString() ?? '';
  const compiled = image.read(`${contexts}/file_contexts`)?.toString() ?? '';
  const found = new Set(compiled.split('\n').map((line) => line.split(/\s/, 1)[0]));
  const missing = [...source.matchAll(/\(filecon "([^"]+)"/g)].find(([, path]) => !found.has(path));
  if (missing) throw new UserError(`the SELinux policy "${type}" has no type for ${missing[1]}`, semoduleHelp);
}

/** The persistence directory has the labels of /nix; that of an earlier plan no longer has. */
function writeEquivalent(
  image: WorkImage,
  path: string,
  isOurs: (path: string) => boolean,
  persistence: string | undefined,
): void {
  const before = image.read(path)?.toString() ?? '';
  const others = before.split('\n').filter((line) => line !== '' && !isOurs(line.split(/\s/, 1)[0] ?? ''));
  const lines = [...others, ...(persistence === undefined ? [] : [`${persistence} /nix`])];
  const after = lines.map((line) => `${line}\n`).join('');
  if (after !== before) image.write(path, after, 0o644);
}

/** What a line `KEY=VALUE` of a file sets; the last one counts, and blanks are allowed around it. */
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
