/** Histories of a machine: the possible steps, the model that follows them, and what must hold after each step. */
import fc from 'fast-check';
import type { Provider } from '../../src/config/recipe-entry.ts';
import { type Image, type Images, imageNamed, nameOf, persistences, releases } from './images.ts';
import type { Machine } from './machine.ts';

/** A deployment, as ostree has it: an image, and an /etc of its own. */
type Deployment = {
  id: number;
  image: string;
  masks: ReadonlySet<string>;
  /** Whether its /etc may hold parts of an installation that no boot of an image with the module has seen since. */
  isUnfinished: boolean;
  /** Whether an installer that a person ran has written nix.conf. */
  hasOwnNixConf: boolean;
};

/** What the model knows about the machine. */
export type Model = {
  on: boolean;
  current: Deployment;
  previous: Deployment | undefined;
  /** What the next boot switches to. */
  next: { image: string } | 'previous' | undefined;
  deployments: number;
  packages: number;
  room: 'much' | 'little' | 'none';
  /** Directories that are links to another disk. */
  links: ReadonlySet<string>;
  /** The number of undisturbed boots in a row with the same image. */
  calm: number;
  canBuild: boolean;
  hasBackup: boolean;
};

/** The machine on which steps are carried out, and what goes with it. */
export type Real = {
  machine: Machine;
  images: Images;
  /** How many steps have been carried out, in all histories. */
  counted: { steps: number };
  /** Receives what the machine says, for a person who reads the history. */
  tell: (lines: readonly string[]) => void;
};

/** Something that must hold on a machine does not hold. */
class Fault extends Error {}

/** A step, as the words of a line in a history's script. */
export type Step = readonly [name: string, ...words: string[]];

const maskable = ['nix.mount', 'nix-daemon.socket', 'nix-install.service', 'nix-daemon.service'] as const;

const image: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 1, arbitrary: fc.constantFrom<Image>({ kind: 'none' }, { kind: 'blog' }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('nix' as const),
        provider: fc.constantFrom<Provider>('determinate', 'nixos', 'native', 'system'),
        persistence: fc.constantFrom(...persistences),
        release: fc.constantFrom(...releases),
        maxJobs: fc.constantFrom(1, 2),
      }),
    },
  )
  .map(nameOf);

const step: fc.Arbitrary<Step> = fc.oneof(
  // While a history is made shorter, a step that the failure does not need becomes a boot.
  { withCrossShrink: true },
  { weight: 10, arbitrary: fc.constant<Step>(['boot']) },
  { weight: 6, arbitrary: fc.nat(160).map((count): Step => ['cut', String(count + 1)]) },
  { weight: 6, arbitrary: image.map((name): Step => ['update', name]) },
  { weight: 2, arbitrary: fc.constant<Step>(['rollback']) },
  { weight: 5, arbitrary: fc.constant<Step>(['build']) },
  { weight: 2, arbitrary: fc.constant<Step>(['again']) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('move', 'move', 'repair'), fc.oneof(fc.constant(0), fc.nat(120)))
      .map(([command, cut]): Step => ['person', command, String(cut)]),
  },
  { weight: 1, arbitrary: fc.constant<Step>(['trouble', 'installer-fails']) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        provider: fc.constantFrom('determinate', 'nixos'),
        release: fc.constantFrom(...releases),
        // Mostly the installers' own default.
        persistence: fc.constantFrom('/var/home/nix', '/var/home/nix', '/var/lib/nix', '/var/srv/own'),
      })
      .map(({ provider, release, persistence }): Step => ['by-hand', provider, String(release), persistence]),
  },
  { weight: 1, arbitrary: fc.constantFrom(...maskable).map((unit): Step => ['mask', unit]) },
  { weight: 2, arbitrary: fc.constantFrom(...maskable).map((unit): Step => ['unmask', unit]) },
  { weight: 2, arbitrary: fc.constantFrom('none', 'little', 'much', 'much').map((room): Step => ['room', room]) },
  { weight: 1, arbitrary: fc.constant<Step>(['factory-reset']) },
  { weight: 1, arbitrary: fc.constant<Step>(['lose-etc-nix']) },
  { weight: 1, arbitrary: fc.constantFrom<Step>(['backup'], ['restore']) },
  {
    weight: 1,
    arbitrary: fc
      // The places where an image looks for a store that it has no record of.
      .tuple(fc.constantFrom(...persistences), fc.constantFrom('/var/lib/nix', '/var/home/nix'))
      .map(([from, to]): Step => ['move', from, to]),
  },
  { weight: 1, arbitrary: fc.constantFrom(...persistences).map((directory): Step => ['link', directory]) },
);

/** The first step of every history: a disk, and the image that the machine is installed from. */
export const beginning: fc.Arbitrary<Step> = fc
  .record({ home: fc.constantFrom('same', 'same', 'other'), image })
  .map(({ home, image: name }): Step => ['machine', home, name]);

/** A step as a command of fast-check. */
type Command = fc.AsyncCommand<Model, Real>;

/** Any sequence of steps; the model decides which of them are possible. */
export const steps: fc.Arbitrary<Iterable<Command>> = fc.commands([step.map(commandOf)], {
  size: 'max',
  maxCommands: 30,
  disableReplayLog: true,
});

function commandOf(words: Step): Command {
  return {
    check: (model) => isPossible(model, words),
    run: async (model, real) => carryOut(model, real, words),
    toString: () => words.join(' '),
  };
}

/** Whether a step makes sense for a machine in this state. */
export function isPossible(model: Readonly<Model>, [name, ...words]: Step): boolean {
  switch (name) {
    case 'rollback':
      return model.previous !== undefined;
    case 'build':
      return model.on && model.canBuild && model.room !== 'none';
    case 'again':
      return model.on && hasModule(model.current.image) && model.room !== 'none';
    case 'person':
      return model.on && hasModule(model.current.image) && model.room !== 'none';
    case 'by-hand':
      return model.on && model.current.image === 'blog' && model.current.masks.size === 0 && model.room === 'much';
    case 'mask':
      return model.on && !model.current.masks.has(words[0] ?? '');
    case 'unmask':
      return model.on && model.current.masks.has(words[0] ?? '');
    case 'room':
      return model.room !== words[0];
    case 'lose-etc-nix':
      return model.on;
    case 'restore':
      return model.hasBackup && model.room === 'much';
    case 'move':
      return words[0] !== words[1] && model.room === 'much';
    case 'backup':
    case 'factory-reset':
    case 'link':
      return model.room === 'much';
    default:
      return true;
  }
}

function hasModule(name: string): boolean {
  return imageNamed(name).kind === 'nix';
}

/** Installs a machine from an image and leaves it off. Gives its model. */
export async function begin(real: Real, [, home = 'same', name = 'none']: Step): Promise<Model> {
  await real.machine.ask('machine', home);
  await real.machine.ask('install', '1', await real.images.directory(name));
  return {
    on: false,
    current: { id: 1, image: name, masks: new Set(), isUnfinished: false, hasOwnNixConf: false },
    previous: undefined,
    next: undefined,
    deployments: 1,
    packages: 0,
    room: 'much',
    links: new Set(),
    calm: 0,
    canBuild: false,
    hasBackup: false,
  };
}

/** Carries out a step on the machine and in the model; throws a `Fault` if something does not hold afterwards. */
export async function carryOut(model: Model, real: Real, [name, ...words]: Step): Promise<void> {
  real.counted.steps += 1;
  const { machine } = real;
  const [first = '', second = '', third = ''] = words;
  if (!['boot', 'build', 'again'].includes(name)) model.calm = 0;
  switch (name) {
    case 'boot':
      return boot(model, real, { cut: '0', trouble: '' });
    case 'cut':
      return boot(model, real, { cut: first, trouble: '' });
    case 'trouble':
      return boot(model, real, { cut: '0', trouble: first });
    case 'update':
      model.next = { image: first };
      return;
    case 'rollback':
      model.next = 'previous';
      return;
    case 'build': {
      model.packages += 1;
      await machine.ask('build', `${String(model.packages).padStart(32, '0')}-of-a-user`);
      return;
    }
    case 'again':
      return expectWhole(model, real, await machine.ask('again'));
    case 'person': {
      const could = model.canBuild;
      const lines = await machine.ask('person', first, second);
      if (read(lines, 'cut') !== undefined) {
        real.tell(lines);
        return lose(model);
      }
      await expectWhole(model, real, lines);
      if (could && !model.canBuild) throw new Fault(`${first} has cost the user Nix\n${lines.join('\n')}`);
      return;
    }
    case 'by-hand':
      model.current = { ...model.current, isUnfinished: true, hasOwnNixConf: true };
      await byHand(model, real, `${first}-${second}`, third);
      return;
    case 'mask':
    case 'unmask': {
      const lines = await machine.ask(name, first);
      const masks = new Set(model.current.masks);
      if (name === 'unmask') masks.delete(first);
      else if (read(lines, 'masked') !== undefined) masks.add(first);
      model.current = { ...model.current, masks };
      return;
    }
    case 'lose-etc-nix':
      await machine.ask('lose_etc_nix');
      model.canBuild = false;
      return;
  }
  // What happens while the machine is off.
  await switchOff(model, real);
  const inVar = (path: string): string => path.replace(/^\/var\//, '');
  switch (name) {
    case 'room':
      model.room = first as Model['room'];
      await machine.ask('room', { much: '2g', little: '100m', none: 'none' }[model.room]);
      return;
    case 'factory-reset':
      model.links = new Set();
      await machine.ask('factory_reset');
      return;
    case 'backup':
      model.hasBackup = true;
      await machine.ask('backup');
      return;
    case 'restore':
      await machine.ask('restore');
      return;
    case 'move':
      await machine.ask('move', inVar(first), inVar(second));
      return;
    case 'link':
      model.links = new Set([...model.links, first]);
      await machine.ask('link', inVar(first));
      return;
    default:
      throw new Error(`no step is called ${name}`);
  }
}

async function switchOff(model: Model, { machine }: Real): Promise<void> {
  if (model.on) await machine.ask('off');
  model.on = false;
  model.canBuild = false;
}

async function byHand(model: Model, real: Real, installer: string, persistence: string): Promise<void> {
  const lines = await real.machine.ask('by_hand', installer, persistence);
  real.tell(lines);
  model.canBuild = read(lines, 'cannot-build') === '';
}

async function boot(model: Model, real: Real, { cut, trouble }: { cut: string; trouble: string }): Promise<void> {
  const { machine, images } = real;
  await switchOff(model, real);
  await deploy(model, real);
  const { id, image: name } = model.current;
  const lines = await machine.ask('boot', String(id), await images.directory(name), cut, trouble);
  const broken = read(lines, 'broken');
  if (broken !== undefined) throw new Error(`the machine of this history is broken: ${lines.join('\n')}`);
  if (read(lines, 'cut') !== undefined) {
    real.tell(lines);
    model.current = { ...model.current, isUnfinished: true };
    return lose(model);
  }
  model.on = true;
  model.calm = trouble === '' ? model.calm + 1 : 0;
  await expectWhole(model, real, lines, trouble !== '');
}

/** Notes a power cut in the model. */
function lose(model: Model): void {
  model.on = false;
  model.canBuild = false;
  model.calm = 0;
}

/** Switches to what was staged; ostree merges /etc at shutdown. */
async function deploy(model: Model, { machine, images }: Real): Promise<void> {
  const { current, previous, next } = model;
  model.next = undefined;
  if (next === 'previous' && previous) {
    [model.current, model.previous] = [previous, current];
  } else if (typeof next === 'object') {
    model.deployments += 1;
    const id = model.deployments;
    const [before, after] = [await images.directory(current.image), await images.directory(next.image)];
    await machine.ask('merge', String(id), String(current.id), before, after);
    if (previous) await machine.ask('discard', String(previous.id));
    model.previous = current;
    model.current = { ...current, id, image: next.image };
  }
}

function read(lines: readonly string[], key: string): string | undefined {
  return readAll(lines, key)[0];
}

function readAll(lines: readonly string[], key: string): string[] {
  return lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
}

/** Throws a `Fault` unless everything holds that must hold on a machine that is on. */
async function expectWhole(model: Model, real: Real, lines: readonly string[], troubled = false): Promise<void> {
  real.tell(lines);
  const [outcome, status, cannotBuild] = ['outcome', 'status', 'cannot-build'].map((key) => read(lines, key) ?? '');
  model.canBuild = cannotBuild === '';
  const found = faults(model, { lines, outcome, status, cannotBuild, troubled });
  if (['0', 'skipped'].includes(outcome ?? '')) model.current = { ...model.current, isUnfinished: false };
  if (found.length > 0) throw new Fault(`${found.join('\n')}\n${lines.join('\n')}`);
}

type Seen = {
  lines: readonly string[];
  /** The exit code of nix-install.service, or why it was not run. */
  outcome: string | undefined;
  /** The status of nix-install.service that `systemctl status` shows. */
  status: string | undefined;
  /** Why a user cannot build; empty if they can. */
  cannotBuild: string | undefined;
  troubled: boolean;
};

function faults(model: Model, { lines, outcome = '', status = '', cannotBuild = '', troubled }: Seen): string[] {
  const found: string[] = [];
  const expect = (holds: boolean, what: string): void => {
    if (!holds) found.push(what);
  };
  const { current, room, links, calm } = model;
  const image = imageNamed(current.image);
  const standIn = readAll(lines, 'stand-in');
  if (standIn.length > 0) throw new Error(standIn.join('\n'));

  // No package that a user built is ever lost, or hidden without a message.
  const packages = readAll(lines, 'package').map((line) => line.split(' '));
  const isHelpless = image.kind !== 'nix' || current.masks.has('nix-install.service');
  for (const [name, ...where] of packages) {
    expect(where.join() !== 'nowhere', `${name} is lost`);
    const isTold = where[0] === 'in' || where[0] === 'named';
    expect(isHelpless || isTold, `${name} is hidden: it is ${where.join(' ')}, and nothing says so`);
  }

  // A person's masks stay.
  const etc = readAll(lines, 'etc');
  for (const unit of current.masks) {
    expect(etc.includes(`/etc/systemd/system/${unit} masked`), `the mask of ${unit} is gone`);
  }

  if (image.kind !== 'nix') {
    expect(outcome === 'absent', `an image without the module runs nix-install.service: ${outcome}`);
  } else if (!outcome.startsWith('person') && !current.masks.has('nix-install.service')) {
    const isSaid = /\bNix is installed\b/.test(status);
    const isKept = /keeps working/.test(status);
    expect(['0', '75', '78', 'skipped'].includes(outcome), `nix-install.service ended with ${outcome}`);
    expect(!isSaid || cannotBuild === '', `"Nix is installed" is said, and a user cannot build: ${cannotBuild}`);
    expect(!isKept || cannotBuild === '', `"keeps working" is said, and a user cannot build: ${cannotBuild}`);
    if (outcome === '0') {
      expect(status !== '', 'it succeeded, and its status says nothing');
      expect(isSaid || cannotBuild !== '', `a user can build, and the status says: ${status}`);
    }
    if (outcome === '75' || outcome === '78') {
      expect(readAll(lines, 'log').filter((line) => line.startsWith('<3>')).length >= 2, 'it failed without a reason');
      // A mask takes effect at the next boot.
      const isMasked = current.masks.size > 0;
      expect(isKept || isMasked || cannotBuild !== '', `a user can build, and the status says only: ${status}`);
    }
    const isHindered = current.masks.size > 0;
    if (outcome === 'skipped') {
      expect(isHindered || cannotBuild === '', `nothing is done or said, and a user cannot build: ${cannotBuild}`);
    }
    // An installer does not take over a store that never had a Nix, and says so.
    const isRefused = /belongs to `installer: system` and has no Nix/.test(status);
    const isMendable = !isHindered && !isRefused && room === 'much' && links.size === 0 && !troubled;
    expect(!isMendable || calm < 2 || cannotBuild === '', `not mended by two boots: ${cannotBuild} (${status})`);
  }

  // With `native` and `system` nix.conf is the image's, whatever images came before.
  const nixConf = read(lines, 'nix-conf');
  const isOwn = current.hasOwnNixConf || nixConf === undefined;
  expect(!['0', 'skipped'].includes(outcome) || isOwn, `nix.conf is not the image's: ${nixConf}`);

  // Nothing of an installer is left in /etc, once a boot has succeeded.
  const ours = etc.filter(
    (path) => /nix|ensure-symlinked|\.new$/.test(path) && !path.endsWith(' masked') && !isMadeByBase(path),
  );
  const isDone = image.kind === 'nix' ? ['0', 'skipped'].includes(outcome) : !current.isUnfinished;
  expect(!isDone || ours.length === 0, `left in /etc: ${ours.join(' ')}`);
  return found;
}

function isMadeByBase(path: string): boolean {
  return path.endsWith('/lab.service') || path.endsWith('/lab.conf');
}
