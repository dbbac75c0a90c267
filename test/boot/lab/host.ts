import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

// The Debian package of each program on this machine that the lab runs.
const packages: Record<string, string> = {
  buildah: 'buildah',
  skopeo: 'skopeo',
  chattr: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  ip: 'iproute2',
  'mkfs.ext4': 'e2fsprogs',
  mmdebstrap: 'mmdebstrap',
  patch: 'patch',
  patchelf: 'patchelf',
  'qemu-img': 'qemu-utils',
  'qemu-storage-daemon': 'qemu-system-common',
  'qemu-system-x86_64': 'qemu-system-x86',
  setpriv: 'util-linux',
  unshare: 'util-linux',
  xz: 'xz-utils',
};

const isInPath = (program: string): boolean =>
  [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'].some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/**
 * Throws one error that names everything this machine lacks for the boot lab, and how to get it.
 * Cargo is needed too, but only where nix-installer is built.
 */
export const requireHost = (): void => {
  if (process.getuid?.() !== 0) throw new Error('the boot lab needs root: it makes file systems, mounts and chroots');
  if (process.arch !== 'x64')
    throw new Error(`the boot lab boots x86_64 guests from x86_64 packages, not ${process.arch}`);
  const missing = Object.entries(packages).filter(([program]) => !isInPath(program));
  if (missing.length === 0) return;
  const programs = missing.map(([program]) => program).join(', ');
  throw new Error(
    `the boot lab needs ${programs}: apt-get install ${[...new Set(missing.map(([, name]) => name))].join(' ')}`,
  );
};

/**
 * Arguments for execa that run a program of which nothing is left when this process ends, however it ends: its child
 * processes and its mounts are in namespaces that end with it.
 */
export const contained = (program: string, ...args: string[]): [string, string[]] => [
  'setpriv',
  ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--mount-proc', '--kill-child', program, ...args],
];

/** This machine's own Debian mirror, from its apt configuration. */
const debianMirror = async (): Promise<string> => {
  const { stdout } = await execa('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI)',
    'Created-By: Packages',
    'Component: main',
  ]);
  const mirror = stdout.split('\n').find((line) => line.endsWith('/debian/'));
  if (mirror === undefined) {
    throw new Error('no Debian mirror in the apt configuration of this machine: run apt-get update, or add one');
  }
  return mirror;
};

/**
 * Makes a Debian tree in `directory` with mmdebstrap: `minbase` installs the packages without their documentation,
 * `extract` only unpacks them, completely.
 * Expired metadata is accepted: the mirror's copy of a rolling suite may be older than its Valid-Until date allows.
 */
export const debianTree = async (
  variant: 'minbase' | 'extract',
  suite: string,
  include: string[],
  directory: string,
): Promise<void> => {
  const mmdebstrap = [
    ...['-n', '5', 'mmdebstrap', `--variant=${variant}`, '--mode=root', `--include=${include.join(',')}`],
    '--aptopt=Acquire::Check-Valid-Until "false"',
    ...(variant === 'extract' ? [] : ['doc', 'man', 'locale']).map(
      (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
    ),
    ...[suite, directory, await debianMirror()],
  ];
  await execa(...contained('nice', ...mmdebstrap));
};
