import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
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

/** Bash that puts the stand-in for a distribution's Nix of this version into an image. */
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

/** Bakes an image of this entry into the directory `image`, with a file of this machine as its download. */
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
 * Bash for `before`, by backend. The current content of /etc becomes the image's own, and the machine gets a copy of
 * it: in its place (ostree), or mounted over it (bootc's composefs-native).
 */
export const backends = {
  ostree: 'cp -a /etc/. /usr/etc/\n',
  'composefs-native':
    'rm -r /usr/etc/systemd; : >/usr/etc/npmrc; cp -a /etc /machine-etc; mount --bind /machine-etc /etc\n',
};

/**
 * Runs the first-boot program once in its own root (see sandbox.sh). `before` and `after` are bash that runs in that
 * root and can source `libraries` from /usr/local/lib. `entry` is baked into the image, with `download` (by default the
 * stand-in for the installer). `others` are more baked images: copying one from /images/NAME over the root is an update
 * or a rollback.
 */
export async function firstBoot(
  shell: string,
  {
    before = '',
    after = '',
    size = '2g',
    libraries = [],
    ...baked
  }: Image & {
    before?: string;
    after?: string;
    size?: string;
    libraries?: string[];
    others?: Record<string, Image>;
  },
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
    for (const library of [join(import.meta.dirname, 'cut-at-each.sh'), ...libraries]) {
      fs.copyFileSync(library, join(image, 'usr/local/lib', basename(library)));
    }
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
