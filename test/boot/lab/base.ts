import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cached, keyOf, keyOfTree } from './cache.ts';
import { contained, debianTree } from './host.ts';

// What a bootc base image has that a first-boot program may use, and what ostree and dracut need. Debian's Nix is built
// to use bash-static as its sandbox's /bin/sh; the official Nix brings its own shell. No iproute2: with its libbpf,
// systemd prepares BPF programs twice per boot, which takes a tenth of an emulated boot.
const packagesInBase = [
  ...['attr', 'bash-static', 'busybox-static', 'ca-certificates', 'curl', 'dbus', 'dracut', 'e2fsprogs', 'jq', 'kmod'],
  ...['linux-image-cloud-amd64', 'login', 'ostree', 'ostree-boot', 'passwd', 'procps', 'sudo', 'systemd'],
  ...['systemd-sysv', 'udev', 'util-linux', 'xz-utils', 'zstd'],
];
/**
 * Additional packages of each base: a plain one, and one with SELinux, which enforces if the kernel arguments say so.
 */
const variants = {
  plain: [],
  // bubblewrap: ostree runs semodule with it when it deploys an update.
  selinux: ['bubblewrap', 'policycoreutils', 'selinux-policy-default', 'selinux-utils'],
};
export type BaseVariant = keyof typeof variants;

/** The kernel arguments that enable SELinux in Debian's kernel. */
export const selinuxArguments = ['security=selinux', 'selinux=1'];

const script = join(import.meta.dirname, 'base-image.sh');
const files = join(import.meta.dirname, 'base-tree');

/**
 * The lab's base: `root` is the tree of a bootc-like Debian forky image, which also serves as a chroot whose ostree,
 * dracut and journalctl are as new as the guest's; `key` changes with its recipe.
 */
export type Base = { key: string; root: string };

/** The key of a base, whether or not it has been built. */
export const baseKey = async (variant: BaseVariant): Promise<string> =>
  keyOf(packagesOf(variant).join(), await readFile(script, 'utf8'), await keyOfTree(files));

const packagesOf = (variant: BaseVariant): string[] => [...packagesInBase, ...variants[variant]];

export const labBase = async (variant: BaseVariant = 'plain'): Promise<Base> => {
  const key = await baseKey(variant);
  const directory = await cached('base', key, async (partial) => {
    const root = join(partial, 'root');
    const packages = await cached('debian', keyOf(packagesOf(variant).join()), (tree) =>
      debianTree('minbase', 'forky', packagesOf(variant), join(tree, 'root')),
    );
    await execa('cp', ['-a', join(packages, 'root'), root]);
    await execa(...contained('nice', '-n', '5', 'bash', script, root, files, variant));
  });
  return { key, root: join(directory, 'root') };
};
