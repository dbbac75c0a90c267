import { type Demand, type Found, noneOf } from './demand.ts';
import { payloadEntries } from './first-boot.ts';
import type { ImageEntry } from './image-entry.ts';
import type { PartMaker } from './part.ts';
import { staticEntries, textEntry } from './static-files.ts';

/**
 * Nix that belongs to the image, and a service that runs again on an image with another one (a file named by the digest says
 * which one the store follows, so that a boot of the same one starts nothing).
 */
export const native: PartMaker = {
  name: 'native',
  make: ({ installer }, files) => {
    if (installer.provider !== 'native') return { entries: [] };
    const { version, sha256 } = installer;
    const follow = `[Unit]\nConditionPathExists=|!/nix/var/bluebuild-nix/follows/${sha256}\n`;
    const payload = { path: '/usr/libexec/bluebuild/nix/nix.tar.xz', mode: 0o644, name: `Nix ${version}` };
    return {
      entries: [
        ...staticEntries(files, 'native'),
        textEntry('/usr/lib/systemd/system/nix-install.service.d/50-follow.conf', follow),
        ...programLinks,
        ...payloadEntries(installer, files, payload),
      ],
      demands: [noOtherNix],
    };
  },
};

/** Nix's programs (its package's bin/), without those of other packages. */
export const programs = [
  'nix',
  ...[
    'build',
    'channel',
    'collect-garbage',
    'copy-closure',
    'daemon',
    'env',
    'hash',
    'instantiate',
    'prefetch-url',
  ].map((name) => `nix-${name}`),
  'nix-shell',
  'nix-store',
];

/** Where a machine has a program of Nix, whichever Nix that is. */
function nixProgram(name: string): string {
  return `/nix/var/nix/profiles/default/bin/${name}`;
}

/** Nix's programs where sudo, ssh, units and cron look; they lead nowhere until Nix is installed. */
export const programLinks: readonly ImageEntry[] = programs.map((name) => ({
  kind: 'symlink',
  path: `/usr/bin/${name}`,
  target: nixProgram(name),
}));

/** Whether a program of Nix is the link that this module puts into an image. */
export function isProgramLink(path: string, found: Found): boolean {
  return found.kind === 'symlink' && found.target === nixProgram(path.split('/').at(-1) ?? '');
}

/** No Nix of the image's own where those links belong. */
export const noOtherNix: Demand = noneOf(
  programs.map((name) => `/usr/bin/${name}`),
  isProgramLink,
  (path) => ({
    message: `the image has a Nix of its own (${path}), where this module puts a link`,
    help: 'remove its package from the image before this module runs',
  }),
);
