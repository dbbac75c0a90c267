import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

const repository = join(import.meta.dirname, '../..');

/** Takes the place of a vendor's 73 MB installer in the image. Its name and its text say that it is a stand-in. */
const standInText = '#!/bin/sh\necho "a stand-in for nix-installer, made by a test" >&2\nexit 1\n';
export const standIn = {
  name: 'stand-in-for-nix-installer',
  text: standInText,
  sha256: createHash('sha256').update(standInText).digest('hex'),
};

/** An entry whose installer is the stand-in in the project's files/. */
export const entry = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'nix',
  installer: { version: '1.2.3', url: `file:///tmp/files/${standIn.name}-{arch}`, sha256: standIn.sha256 },
  ...more,
});

/** Makes a folder to build in, with the stand-in in files/. It is in the run's storage and is removed with it. */
export async function makeProject(storage: string): Promise<string> {
  const directory = await mkdtemp(join(storage, 'project-'));
  await mkdir(join(directory, 'files'));
  for (const arch of ['x86_64', 'aarch64'])
    await writeFile(join(directory, 'files', `${standIn.name}-${arch}`), standIn.text);
  await cp(join(import.meta.dirname, 'bluebuild-scripts'), join(directory, '.bluebuild-scripts'), { recursive: true });
  return directory;
}

/** Copies the module into the project, where `source: local` looks for it, as a user would. */
export async function vendorModule(project: string): Promise<void> {
  await mkdir(join(project, 'modules'));
  await cp(join(repository, 'modules/nix'), join(project, 'modules/nix'), { recursive: true });
}

export type ModuleSource = 'image' | 'local';

/**
 * A Containerfile like those that BlueBuild's CLI generates (template/templates/Containerfile.j2 and modules.j2), with
 * one RUN per command. A command is the configuration of the nix module, or a string that is run as it is.
 */
export function bluebuildContainerfile(source: ModuleSource, commands: (Record<string, unknown> | string)[]): string {
  const from = source === 'image' ? 'localhost/module' : 'stage-modules';
  const caches = {
    'rpm-ostree': '/var/cache/rpm-ostree',
    dnf: '/var/cache/libdnf5',
    zypper: '/var/cache/zypp',
    apk: '/var/cache/apk',
    apt: '/var/cache/apt',
    pacman: '/var/cache/pacman',
    'pacman-sysimage': '/usr/lib/sysimage/cache/pacman',
  };
  // BlueBuild gives every RUN the same ids. buildah 1.28 keeps a cache locked until the build ends, so the next RUN
  // would wait for it forever.
  const mounts = (index: number) => [
    'type=bind,from=stage-files,src=/files,dst=/tmp/files,rw',
    `type=bind,from=${from},src=/modules,dst=/tmp/modules,rw`,
    'type=bind,src=.bluebuild-scripts,dst=/tmp/scripts/,Z',
    ...Object.entries(caches).map(([id, path]) => `type=cache,sharing=locked,dst=${path},id=${id}-test-forky-${index}`),
  ];
  const script = (name: string) => `RUN --mount=type=bind,src=.bluebuild-scripts,dst=/scripts/,Z /scripts/${name}`;
  const modules = commands.map((command, index) => {
    const run = typeof command === 'string' ? command : `/tmp/scripts/run_module.sh 'nix' '${JSON.stringify(command)}'`;
    return `RUN \\\n${mounts(index)
      .map((mount) => `  --mount=${mount} \\\n`)
      .join('')}  ${run}`;
  });
  return `${[
    'ARG BASE_IMAGE="localhost/base"',
    'FROM "${BASE_IMAGE}" AS test',
    'FROM scratch AS stage-files\nCOPY ./files /files',
    ...(source === 'local' ? ['FROM scratch AS stage-modules\nCOPY ./modules /modules'] : []),
    'FROM test',
    'ARG TARGETARCH',
    'ARG RECIPE=recipes/recipe.yml',
    'ARG IMAGE_REGISTRY=localhost',
    'ARG BB_BUILD_FEATURES=""',
    'ARG CONFIG_DIRECTORY="/tmp/files"',
    'ARG MODULE_DIRECTORY="/tmp/modules"',
    'ARG IMAGE_NAME="test"',
    'ARG BASE_IMAGE="localhost/base"',
    'ARG FORCE_COLOR=1',
    script('pre_build.sh'),
    ...modules,
    script('post_build.sh'),
    'LABEL org.blue-build.build-id="test"',
  ].join('\n')}\n`;
}

/** What the program plans to bake (path, kind, mode, digest or target) into a base without an SELinux policy. */
export async function planOf(config: Record<string, unknown>): Promise<PlannedEntry[]> {
  const { stdout } = await execa({ cwd: repository, preferLocal: true })('node', [
    ...['src/cli.ts', 'plan', '--json', '--config', JSON.stringify(config), '--without', 'selinux'],
  ]);
  return (JSON.parse(stdout) as { entries: PlannedEntry[] }).entries;
}

export type PlannedEntry = {
  path: string;
  kind: 'directory' | 'file' | 'download' | 'symlink';
  mode?: string;
  sha256?: string;
  target?: string;
  download?: { sha256: string };
};
