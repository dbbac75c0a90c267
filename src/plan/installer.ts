import { type Demand, noneOf } from './demand.ts';
import { payloadEntries } from './first-boot.ts';
import { isProgramLink, noOtherNix, programLinks } from './native.ts';
import type { PartMaker } from './part.ts';
import { staticEntries, textEntry } from './static-files.ts';
import { enabledUnits } from './units.ts';

/** A vendor's nix-installer, and what the image runs of what it installs. */
export const installer: PartMaker = {
  name: 'installer',
  make: ({ installer }, files) => {
    if (installer.provider === 'native' || installer.provider === 'system') return { entries: [] };
    const { provider, version, args } = installer;
    const payload = {
      path: '/usr/libexec/bluebuild/nix/nix-installer',
      mode: 0o755,
      name: `${provider} nix-installer ${version}`,
    };
    const installsDeterminate = provider === 'determinate' && !args.includes('--prefer-upstream-nix');
    return {
      entries: [
        ...programLinks,
        ...staticEntries(files, 'installer'),
        textEntry('/usr/share/bluebuild/nix/installer-args', args.map((one) => `${one}\n`).join('')),
        ...payloadEntries(installer, files, payload),
        ...enabledUnits({ 'sockets.target': ['determinate-nixd.socket'] }),
      ],
      demands: [...(installsDeterminate ? [daemonOutlivesUpdates] : []), noNix, noOtherNix],
    };
  },
};

/** Determinate's installer puts its daemon into /usr/local/bin (its src/action/common/provision_determinate_nixd.rs). */
const daemonOutlivesUpdates: Demand = {
  paths: ['/usr/local'],
  refusal: (find) =>
    // A tree without /usr/local is not a whole image.
    find('/usr/local')?.kind === 'directory'
      ? {
          message:
            "/usr/local is a directory of this image, read-only once it is booted: Determinate's installer cannot put its daemon there",
          help: 'write `installer: nixos`, or make it a link to ../var/usrlocal before this module runs, as on Fedora Atomic',
        }
      : undefined,
};

/**
 * The installers refuse to run where they can start a nix-env in the PATH of nix-install.service (their src/planner): a link
 * that leads nowhere yet is none.
 */
const noNix: Demand = noneOf(
  ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin'].map((directory) => `${directory}/nix-env`),
  isProgramLink,
  (path) => ({
    message: `the image has a Nix of its own (${path}), and a nix-installer refuses to run beside it`,
    help: 'remove its package from the image before this module runs',
  }),
);
