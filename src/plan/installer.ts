import type { Config } from '../config/config.ts';
import type { ImageEntry } from './image-entry.ts';
import { textEntry } from './static-files.ts';

/**
 * What first boot needs on the disk beside the store before it begins, in MiB: Nix's own closure, the copy of the
 * installer that the installer leaves in /nix, and room for the first builds.
 */
const minimumFree = 1024;

/** The installer (or where to get it at first boot), and what the first-boot program reads of the recipe. */
export function installerEntries({ installer, persistence }: Config): ImageEntry[] {
  const { provider, version, url, sha256, embed, args } = installer;
  const settings = {
    provider,
    version,
    persistence,
    embedded: embed,
    url: embed ? '' : url,
    sha256,
    'minimum-free-mebibytes': minimumFree,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  const embedded: ImageEntry = {
    kind: 'download',
    path: '/usr/libexec/bluebuild/nix/nix-installer',
    mode: 0o755,
    download: { url, sha256, name: `${provider} nix-installer ${version}` },
  };
  return [
    textEntry('/usr/share/bluebuild/nix/install.conf', lines.join('')),
    textEntry('/usr/share/bluebuild/nix/installer-args', args.map((argument) => `${argument}\n`).join('')),
    ...(embed ? [embedded] : []),
  ];
}

/** Determinate's installer puts its daemon into /usr/local/bin (its src/action/common/provision_determinate_nixd.rs). */
export function persistentDirectories({ installer: { provider, args } }: Config): string[] {
  return provider === 'determinate' && !args.includes('--prefer-upstream-nix') ? ['/usr/local'] : [];
}
