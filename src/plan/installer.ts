import type { Config } from '../config/config.ts';
import type { ImageEntry } from './image-entry.ts';
import { type StaticFiles, staticEntries, textEntry } from './static-files.ts';

/**
 * What first boot needs on the disk beside the store before it begins, in MiB. For a nix-installer: Nix's own closure, the
 * copy of the installer that it leaves in /nix, and room for the first builds; for `native`: the closure and that room.
 */
const minimumFree = { determinate: 1024, nixos: 1024, native: 512 };

/** The installer or Nix itself (or where to get it at first boot), and what the first-boot program reads of the recipe. */
export function installerEntries({ installer, persistence }: Config, files: StaticFiles): ImageEntry[] {
  const { provider, version, url, sha256, embed, args } = installer;
  const settings = {
    provider,
    version,
    persistence,
    embedded: embed,
    url: embed ? '' : url,
    sha256,
    'minimum-free-mebibytes': minimumFree[provider],
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  const isNative = provider === 'native';
  const embedded: ImageEntry = {
    kind: 'download',
    path: `/usr/libexec/bluebuild/nix/${isNative ? 'nix.tar.xz' : 'nix-installer'}`,
    mode: isNative ? 0o644 : 0o755,
    download: { url, sha256, name: isNative ? `Nix ${version}` : `${provider} nix-installer ${version}` },
  };
  const installerArgs = textEntry('/usr/share/bluebuild/nix/installer-args', args.map((one) => `${one}\n`).join(''));
  return [
    ...staticEntries(files, isNative ? 'native' : 'installer'),
    textEntry('/usr/share/bluebuild/nix/install.conf', lines.join('')),
    ...(isNative ? nativeEntries(sha256) : [installerArgs]),
    ...(embed ? [embedded] : []),
    ...(embed ? [] : staticEntries(files, 'download')),
  ];
}

/** Nix's programs (its package's bin/), without those of other packages. */
const programs = [
  'nix',
  ...['build', 'channel', 'collect-garbage', 'copy-closure', 'daemon', 'env', 'hash', 'instantiate', 'prefetch-url'],
  ...['shell', 'store'],
].map((name) => (name === 'nix' ? name : `nix-${name}`));

/**
 * What makes Nix the image's own: its programs where sudo, ssh, units and cron look, and a service that runs again on an
 * image with another Nix (the file is named by the digest, so that a boot of the same one starts nothing).
 */
function nativeEntries(sha256: string): ImageEntry[] {
  const follow = `[Unit]\nConditionPathExists=|!/nix/var/bluebuild-nix/follows/${sha256}\n`;
  return [
    textEntry('/usr/lib/systemd/system/nix-install.service.d/50-follow.conf', follow),
    ...programs.map((name): ImageEntry => ({
      kind: 'symlink',
      path: `/usr/bin/${name}`,
      target: `/nix/var/nix/profiles/default/bin/${name}`,
    })),
  ];
}

/** Determinate's installer puts its daemon into /usr/local/bin (its src/action/common/provision_determinate_nixd.rs). */
export function persistentDirectories({ installer: { provider, args } }: Config): string[] {
  return provider === 'determinate' && !args.includes('--prefer-upstream-nix') ? ['/usr/local'] : [];
}
