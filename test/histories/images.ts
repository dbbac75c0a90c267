/** The images that machines of histories run, and the stand-ins for systemd, the installers and Nix that cover them. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Provider } from '../../src/config/recipe-entry.ts';
import { bake } from '../unit/nix-install/first-boot.ts';

const standIns = join(import.meta.dirname, 'stand-ins');
const firstBootPrograms = join(import.meta.dirname, '../../modules/nix/files');

/**
 * An image with the module, or one without it: `blog` has a /nix of its own, as blog posts make it, `none` has none.
 */
export type Image =
  | { kind: 'none' | 'blog' }
  | { kind: 'nix'; provider: Provider; persistence: string; release: number; maxJobs: number };

export const persistences = ['/var/lib/nix', '/var/home/nix', '/var/srv/nix'] as const;
export const releases = [1, 2] as const;

/** The name of an image in a history's script. */
export function nameOf(image: Image): string {
  if (image.kind !== 'nix') return image.kind;
  return [image.provider, image.persistence, `release-${image.release}`, `max-jobs-${image.maxJobs}`].join(':');
}

/** The image with this name in a history's script; throws if there is none. */
export function imageNamed(name: string): Image {
  if (name === 'none' || name === 'blog') return { kind: name };
  const [, provider, persistence, release, maxJobs] =
    /^(determinate|nixos|native|system):(\/var\/[^:]+):release-(\d+):max-jobs-(\d+)$/.exec(name) ?? [];
  if (provider === undefined || persistence === undefined) throw new Error(`no image is called ${name}`);
  return {
    kind: 'nix',
    provider: provider as Provider,
    persistence,
    release: Number(release),
    maxJobs: Number(maxJobs),
  };
}

export type Images = {
  /** The tree that is mounted over every image's /usr. */
  standIns: string;
  /** The directory of a baked image, by its name. */
  directory: (name: string) => Promise<string>;
};

const nixVersion = (release: number): string => `2.35.${release}`;

/** Makes what machines need, in `work`; each image is baked when it is first asked for. */
export async function makeImages(work: string): Promise<Images> {
  const tree = join(work, 'stand-ins');
  writeStandIns(tree);
  await writeSocket(join(tree, 'lib/histories/socket'));
  const baked = new Map<string, Promise<string>>();
  const directory = (name: string): Promise<string> => {
    const known = baked.get(name);
    if (known !== undefined) return known;
    const path = join(work, 'images', name.replaceAll(/[/:]+/g, '-'));
    const made = writeImage(imageNamed(name), path, tree).then(() => path);
    baked.set(name, made);
    return made;
  };
  return { standIns: tree, directory };
}

function writeStandIns(tree: string): void {
  const [bin, own] = [join(tree, 'bin'), join(tree, 'lib/histories')];
  for (const directory of [bin, own, join(own, 'cut')]) fs.mkdirSync(directory, { recursive: true });
  // As on ostree systems, /usr/local is in /var.
  fs.symlinkSync('../var/usrlocal', join(tree, 'local'));
  for (const name of ['systemctl', 'systemd-notify', 'sync']) fs.copyFileSync(join(standIns, name), join(bin, name));
  for (const name of ['systemd.sh', 'booted.sh', 'determinate-nixd']) {
    fs.copyFileSync(join(standIns, name), join(own, name));
  }
  for (const release of releases) {
    execFileSync(join(standIns, 'nix-tarball.sh'), [join(standIns, 'nix'), nixVersion(release), own]);
  }
  for (const provider of ['determinate', 'nixos'] as const) {
    for (const release of releases) writeInstaller(join(own, `${provider}-${release}`), provider, release);
  }
  writeCuts(join(own, 'cut'));
}

/** Makes a socket that nobody listens on, for the stand-in for systemd to copy. */
async function writeSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}.listening`);
  await once(server, 'listening');
  fs.linkSync(`${path}.listening`, path);
  server.close();
}

function writeInstaller(path: string, provider: 'determinate' | 'nixos', release: number): void {
  const text = fs.readFileSync(join(standIns, 'nix-installer'), 'utf8');
  fs.writeFileSync(path, text.replace('@VENDOR@', provider).replace('@NIX_VERSION@', nixVersion(release)), {
    mode: 0o755,
  });
}

/** Wraps every program that a boot may run in one that counts the calls and kills all of them at the wanted count. */
function writeCuts(directory: string): void {
  const texts = [
    ...fs
      .globSync('*/usr/libexec/bluebuild/nix/*', { cwd: firstBootPrograms })
      .map((path) => join(firstBootPrograms, path)),
    join(standIns, 'nix-installer'),
    join(standIns, 'nix'),
  ].map((path) => fs.readFileSync(path, 'utf8'));
  const words = new Set(texts.flatMap((text) => text.match(/[a-z][a-z0-9-]*[a-z0-9]/g) ?? []));
  for (const word of [...words, 'systemctl', 'systemd-notify', 'sync']) {
    const program = ['/usr/bin', '/usr/sbin'].map((place) => join(place, word)).find((path) => fs.existsSync(path));
    if (program === undefined || !fs.statSync(program).isFile()) continue;
    fs.writeFileSync(
      join(directory, word),
      `#!/bin/sh
read -r count </run/count; count=$((count + 1)); echo $count >/run/count; read -r at </run/cut-at
if [ $count -ge $at ]; then kill -9 0; fi
exec ${program} "$@"
`,
      { mode: 0o755 },
    );
  }
}

/** What every image has in /etc. */
const baseEtc = {
  passwd: 'root:x:0:0:root:/root:/bin/bash\nlab:x:1000:1000::/var/home/lab:/bin/bash\n',
  group: 'root:x:0:\nlab:x:1000:\n',
  shadow: 'root:*:20000::::::\nlab:*:20000::::::\n',
  gshadow: 'root:*::\nlab:!::\n',
  'profile.d/lab.sh': '# of the image\n',
  'fish/conf.d/lab.fish': '# of the image\n',
  'tmpfiles.d/lab.conf': '# of the image\n',
  'systemd/system/lab.service': '[Unit]\nDescription=Of the image\n',
};

/** The Nix of a distribution, as far as a machine sees it: programs, units, settings and directories as Fedora has them. */
function writePackage(image: string, version: string): void {
  const write = (path: string, text: string, mode = 0o644): void => {
    fs.mkdirSync(join(image, path, '..'), { recursive: true });
    fs.writeFileSync(join(image, path), text, { mode });
  };
  write('usr/bin/nix', fs.readFileSync(join(standIns, 'nix'), 'utf8').replace('@VERSION@', version), 0o755);
  for (const name of ['daemon', 'env', 'hash', 'store']) fs.symlinkSync('nix', join(image, `usr/bin/nix-${name}`));
  const directory = '/nix/var/nix/daemon-socket';
  const unit = `[Unit]\nRequiresMountsFor=/nix/store\nConditionPathIsReadWrite=${directory}\n`;
  const units = 'usr/lib/systemd/system';
  write(`${units}/nix-daemon.service`, `${unit}[Service]\nExecStart=/usr/bin/nix-daemon --daemon\n`);
  write(`${units}/nix-daemon.socket`, `${unit}[Socket]\nListenStream=${directory}/socket\n`);
  write('usr/lib/tmpfiles.d/nix-daemon.conf', `d ${directory} 0755 root root - -\n`);
  write('etc/nix/nix.conf', 'experimental-features = nix-command flakes\nmax-jobs = auto\n');
}

async function writeImage(image: Image, directory: string, tree: string): Promise<void> {
  fs.mkdirSync(join(directory, 'usr/lib/systemd/system'), { recursive: true });
  if (image.kind === 'blog') fs.mkdirSync(join(directory, 'nix'));
  if (image.kind === 'nix') {
    const { provider, persistence, release, maxJobs } = image;
    const own = join(tree, 'lib/histories');
    const download = provider === 'native' ? `nix-${nixVersion(release)}.tar` : `${provider}-${release}`;
    const isOfDistribution = provider === 'system';
    await bake(
      {
        entry: {
          installer: isOfDistribution ? provider : { provider, version: nixVersion(release) },
          persistence,
          selinux: 'off',
          'transient-root': 'off',
          'nix-conf': { 'max-jobs': maxJobs },
        },
        ...(!isOfDistribution && { download: join(own, download) }),
      },
      directory,
    );
    if (isOfDistribution) writePackage(directory, nixVersion(release));
  }
  // ostree keeps the initial /etc of a new deployment in usr/etc.
  const etc = join(directory, 'usr/etc');
  if (fs.existsSync(join(directory, 'etc'))) fs.renameSync(join(directory, 'etc'), etc);
  for (const [name, text] of Object.entries(baseEtc)) {
    fs.mkdirSync(join(etc, name, '..'), { recursive: true });
    fs.writeFileSync(join(etc, name), text);
  }
}
