import { nixInstaller } from './lab/nix-installer.ts';
import { nixTarball } from './lab/nix-tarball.ts';
import { native } from './native-image.ts';
import type { NixImage } from './nix-image.ts';
import { system } from './system-image.ts';

/** A way to install Nix, with what the scenarios that run for each provider need. */
export type Provider = {
  /** The options of `nixImage` for an image with this provider. */
  image: () => Promise<NixImage>;
  /** The free space that it requires, in MiB. */
  minimumFree: number;
  /** Moments of an installation, in order, each as a shell condition that becomes true at that moment. */
  moments: Record<string, string>;
  /** The moment at which scenarios fill up the disk. */
  filling: string;
  /** The unit that installs Nix at first boot, if not nix-install.service, and arguments that mask it for one boot. */
  firstUnit?: string;
  kernelArguments?: string[];
};
/** A provider that embeds a file to install: its path in the image and on the host, and its name in messages. */
type EmbeddingProvider = Provider & {
  download: { inImage: string; onHost: () => Promise<string>; name: string };
};

const beginning = {
  'as it begins': 'test -e /nix/var/bluebuild-nix/installing',
};
const middle = {
  'with one store path in place': 'ls -d /nix/store/*-nix-*',
  'when the database is there': 'test -s /nix/var/nix/db/db.sqlite',
};
const profile = { 'when the default profile is there': 'test -e /nix/var/nix/profiles/default/bin/nix' };

export const installer: EmbeddingProvider = {
  image: async () => ({}),
  download: { inImage: '/usr/libexec/bluebuild/nix/nix-installer', onHost: nixInstaller, name: 'installer' },
  minimumFree: 1024,
  filling: 'while Nix is unpacked',
  moments: {
    ...beginning,
    'while Nix is unpacked': 'test -d /nix/temp-install-dir',
    ...middle,
    ...profile,
    'when nix.conf is written': 'test -e /etc/nix/nix.conf',
    "when the installer's units are there": 'test -e /etc/systemd/system/nix-daemon.socket',
    'when the installer has written its receipt': 'test -e /nix/receipt.json',
    'while the units are handed over': 'test -d /nix/var/bluebuild-nix/set-aside',
    'just before the end': 'test -d /nix/var/bluebuild-nix/etc-nix',
  },
};

export const ownTarball: EmbeddingProvider = {
  image: native,
  download: {
    inImage: '/usr/libexec/bluebuild/nix/nix.tar.xz',
    onHost: async () => (await nixTarball()).path,
    name: 'Nix tarball',
  },
  minimumFree: 512,
  filling: 'while Nix is unpacked',
  moments: {
    ...beginning,
    'while Nix is unpacked': 'ls /nix/var/bluebuild-nix/work | grep -x store',
    ...middle,
    "when the image's root is there": 'ls /nix/var/nix/gcroots/bluebuild-nix/*/nix',
    ...profile,
  },
};

export const ownPackage: Provider = {
  image: async () => system(),
  minimumFree: 16,
  filling: 'as it begins',
  firstUnit: 'nix-first-store.service',
  kernelArguments: ['systemd.mask=nix-first-store.service'],
  moments: {
    ...beginning,
    'when the database is there': middle['when the database is there'],
    'when the store follows the image': 'test -e /nix/var/bluebuild-nix/follows/system',
  },
};

const triedInCore = ['while Nix is unpacked', 'when the installer has written its receipt'];
const installerMoments = (inCore: boolean): Record<string, string> =>
  Object.fromEntries(Object.entries(installer.moments).filter(([moment]) => triedInCore.includes(moment) === inCore));
/** The installer's moments, split into those that core/ tests and the others, for extended/. */
export const coreMoments = installerMoments(true);
export const extendedMoments = installerMoments(false);

/** The providers, by the names that they have in the names of scenarios. */
export const providers: Record<string, Provider> = {
  'nix-installer': installer,
  native: ownTarball,
  system: ownPackage,
};
export const embeddingProviders: Record<string, EmbeddingProvider> = { 'nix-installer': installer, native: ownTarball };
