import type { Demand } from './demand.ts';
import { isPersistenceLine } from './mount-point.ts';
import { isProgramLink, programs } from './native.ts';
import type { PartMaker } from './part.ts';
import { staticEntries } from './static-files.ts';
import { enabledUnits } from './units.ts';

/**
 * The Nix that is a package of the image: what the package lacks on a read-only root. Its own units start it; drop-ins bind
 * them to a store that is mounted and whole.
 */
export const system: PartMaker = {
  name: 'system',
  make: ({ installer }, files) => {
    if (installer.provider !== 'system') return { entries: [] };
    return {
      entries: [...staticEntries(files, 'system'), ...enabledUnits({ 'sockets.target': ['nix-first-store.service'] })],
      demands: [isInstalled, hasSandboxShell, noStore, noMountByHand, noHiddenUnit],
    };
  },
};

const packages = ['nix', 'nix-daemon', 'nix-legacy', 'busybox'];
const units = ['service', 'socket'].map((kind) => `/usr/lib/systemd/system/nix-daemon.${kind}`);
const commands = programs.map((name) => `/usr/bin/${name}`);

/** All of it, where Fedora and Debian have it: what is missing shows only when somebody needs it (home-manager, nix-env). */
const isInstalled: Demand = {
  paths: [...commands, ...units],
  contents: units,
  refusal: (find, read) => {
    const isMissing = (path: string) => {
      const found = find(path);
      return !found || isProgramLink(path, found) || isOfModule(read(path));
    };
    const missing = [...commands, ...units].find(isMissing);
    if (missing === undefined) return undefined;
    const what = find('/usr/bin/nix')
      ? `the Nix of the image is not complete: it has no ${missing}`
      : `the image has no Nix of its own (${missing})`;
    return { message: `${what}, and \`system\` takes the one of the distribution`, help: howToInstall };
  },
};

const howToInstall =
  `install all of it before this module runs, because weak dependencies may be off: on Fedora ${packages.join(', ')} ` +
  `(in BlueBuild \`- type: dnf\` with \`install: {packages: [${packages.join(', ')}]}\`, in a Containerfile ` +
  `\`RUN dnf install -y ${packages.join(' ')}\`), on Debian nix-bin and nix-setup-systemd`;

const nixConf = '/etc/nix/nix.conf';
const busybox = '/usr/bin/busybox';

/** Fedora's nix.conf names a shell for builds that only a weak dependency brings. */
const hasSandboxShell: Demand = {
  paths: [nixConf, busybox],
  contents: [nixConf],
  refusal: (find, read) => {
    const named = new RegExp(`^\\s*(extra-)?sandbox-paths\\s*=.*=${busybox}(\\s|$)`, 'm');
    if (find(busybox) || !named.test(read(nixConf)?.toString() ?? '')) return undefined;
    return {
      message: `${nixConf} names ${busybox} as the shell of builds (sandbox-paths), and the image has none: no build would work`,
      help: howToInstall,
    };
  },
};

/** What Nix leaves where it was run while the image was built. */
const noStore: Demand = {
  paths: ['/nix/var/nix/db/db.sqlite'],
  refusal: (find) =>
    find('/nix/var/nix/db/db.sqlite')
      ? {
          message: 'the image has a Nix store in its own /nix, which the store of the machine would hide',
          help: 'run no Nix while the image is built, or delete what it left: rm -rf /nix/store /nix/var/nix/db',
        }
      : undefined,
};

const places = ['/etc', '/usr/lib'];
const mountByHand = [
  ...places.map((place) => `${place}/systemd/system/nix.mount`),
  ...places.flatMap((place) => ['nix', 'nix-mount', 'nix-store'].map((name) => `${place}/tmpfiles.d/${name}.conf`)),
];

/** The same by hand, as images have it that brought Fedora's Nix before. */
const noMountByHand: Demand = {
  paths: mountByHand,
  contents: mountByHand,
  refusal: (find, read) => {
    const path = mountByHand.find((candidate) => find(candidate) && !isOfModule(read(candidate)));
    return path === undefined
      ? undefined
      : {
          message: `the image mounts a Nix store by itself (${path}), which this module does as well`,
          help:
            'remove it, with what enables it; where it mounted another directory than /var/lib/nix, name that as `persistence`, ' +
            'so that machines keep their store',
        };
  },
};

const hidingUnits = units.map((unit) => unit.replace('/usr/lib', '/etc'));

/** A daemon by hand, or a socket that is masked because SELinux denies it without a policy. */
const noHiddenUnit: Demand = {
  paths: hidingUnits,
  refusal: (find) => {
    const path = hidingUnits.find((candidate) => find(candidate));
    return path === undefined
      ? undefined
      : {
          message: `${path} hides the unit of the package, which starts the Nix of the distribution`,
          help: 'remove it, or the command that masks it: with the policy of this module SELinux lets systemd start the socket',
        };
  },
};

/** Whether a unit, or what makes the persistence, is what this module put into the image. */
function isOfModule(content: Buffer | undefined): boolean {
  return content?.includes('bluebuild-nix') === true || isPersistenceLine(content?.toString() ?? '');
}
