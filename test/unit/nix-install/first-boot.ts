import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { readStaticFiles } from '../../../src/commands/module.ts';
import { writeRootfs } from '../../../src/rootfs/rootfs.ts';
import { entriesOf, makePlan } from '../../../src/plan/plan.ts';
import type { RecipeEntry } from '../../../src/config/recipe-entry.ts';
import { configurationOf } from '../arbitrary-entry.ts';

const standIns = join(import.meta.dirname, 'stand-ins');
const installer = join(standIns, 'nix-installer');
const digestOf = (file: string): string => createHash('sha256').update(fs.readFileSync(file)).digest('hex');
const files = readStaticFiles(join(import.meta.dirname, '../../../modules/nix/files'));

/** Bash that puts the Nix of a distribution into an image, in a version. */
export const distributionNix = (version: string): string => `rm -f /usr/bin/nix /usr/bin/nix-store /usr/bin/nix-daemon
cat >/usr/bin/nix <<'end'
${fs.readFileSync(join(standIns, 'nix'), 'utf8')}end
chmod +x /usr/bin/nix; ln -s nix /usr/bin/nix-store; ln -s nix /usr/bin/nix-daemon; echo ${version} >/usr/share/nix-version
`;

export type FirstBoot = {
  code: number;
  stdout: string;
  stderr: string;
  /** What `after` printed. */
  found: string;
};

export type Image = { entry?: Partial<RecipeEntry>; download?: string };

/** Bakes an image of this entry, whose download is a file of this machine, into a directory. */
export async function bake({ entry = {}, download = installer }: Image, image: string): Promise<void> {
  const sha256 = digestOf(download);
  const { installer: settings = {}, ...rest } = entry;
  const own =
    settings === 'system'
      ? settings
      : { url: 'https://example.org/installer', sha256, ...(typeof settings === 'string' ? {} : settings) };
  const config = configurationOf({ type: 'nix', ...rest, installer: own });
  const options = { modificationTime: 0, ownedByRoot: true, downloaded: new Map([[sha256, download]]) };
  fs.mkdirSync(dirname(image), { recursive: true });
  await writeRootfs({ entries: entriesOf(makePlan(config, files, '0.0.0')) }, image, options);
}

/**
 * Bash for `before`, by backend: what /etc holds so far is the image's own, and the machine has a copy of it, in its place
 * (ostree) or mounted over it (bootc's composefs-native).
 */
export const backends = {
  ostree: 'cp -a /etc/. /usr/etc/\n',
  'composefs-native':
    'rm -r /usr/etc/systemd; : >/usr/etc/npmrc; cp -a /etc /machine-etc; mount --bind /machine-etc /etc\n',
};

/**
 * Runs the first-boot program once in a root of its own (see sandbox.sh). `before` and `after` are bash, run in that
 * root; `entry` is what was baked, with `download` (the stand-in for the installer, unless it is given); `others` are more
 * images as they would be baked: copying one from /images/NAME over the root is an update, or a rollback.
 */
export async function firstBoot(
  shell: string,
  {
    before = '',
    after = '',
    size = '2g',
    ...baked
  }: Image & { before?: string; after?: string; size?: string; others?: Record<string, Image> },
): Promise<FirstBoot> {
  const directory = fs.mkdtempSync(join(tmpdir(), 'nix-first-boot-'));
  try {
    const [image, out] = [join(directory, 'image'), join(directory, 'out')];
    await bake(baked, image);
    for (const [name, other] of Object.entries(baked.others ?? {})) await bake(other, join(out, 'images', name));
    fs.mkdirSync(join(image, 'usr/local/sbin'), { recursive: true });
    for (const name of ['systemctl', 'systemd-notify', 'systemd-sysusers']) {
      fs.copyFileSync(join(standIns, name), join(image, 'usr/local/sbin', name));
    }
    fs.mkdirSync(join(image, 'usr/local/lib'), { recursive: true });
    fs.copyFileSync(join(import.meta.dirname, 'cut-at-each.sh'), join(image, 'usr/local/lib/cut-at-each.sh'));
    fs.mkdirSync(out, { recursive: true });
    fs.writeFileSync(join(out, 'before'), before);
    fs.writeFileSync(join(out, 'after'), after);
    const sandbox = join(import.meta.dirname, 'sandbox.sh');
    await execa('unshare', ['--mount', '--propagation', 'private', sandbox, shell, image, out, size]);
    const read = (name: string) => fs.readFileSync(join(out, name), 'utf8');
    return { code: Number(read('code')), stdout: read('stdout'), stderr: read('stderr'), found: read('found') };
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}
