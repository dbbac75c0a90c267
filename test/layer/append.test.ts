import { execa } from 'execa';
import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import {
  addImage,
  baseFiles,
  type Descriptor,
  docker,
  type File,
  type Json,
  type Layout,
  makeLayout,
  oci,
  tag,
  tarOf,
} from './base-image.ts';
import { useProject } from './project.ts';
import { makeBuildah, run } from './tools.ts';
import { tree } from './tree.ts';

const { project, newLayout } = useProject();
let layout: Layout;
beforeEach(() => {
  layout = newLayout();
});

/** Runs `append`, which must succeed. */
async function append(base: string, output: string, ...more: string[]) {
  const outcome = await project.run(['append', project.recipe, '--base', base, '-o', output, ...more]);
  expect(outcome.exitCode, outcome.stderr).toBe(0);
  return outcome;
}

type Config = {
  created: string;
  config: { Labels: Record<string, string> };
  rootfs: { diff_ids: string[] };
  history: Json[];
};
type Manifest = { config: Descriptor; layers: Descriptor[]; annotations: Record<string, string>; mediaType: string };

function imageAt(at: Layout, descriptor: Descriptor) {
  const manifest = at.read(descriptor.digest) as Manifest;
  return { manifest, config: at.read(manifest.config.digest) as Config };
}

/** Expects the name of every blob to be its digest. */
function checkBlobs({ directory }: Layout) {
  for (const name of readdirSync(join(directory, 'blobs/sha256'))) {
    const bytes = readFileSync(join(directory, 'blobs/sha256', name));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(name);
  }
}

async function unpacked(image: string): Promise<string> {
  const bundle = project.path(`unpacked-${basename(image).replace(':', '-')}-${randomUUID()}`);
  await run('umoci', 'unpack', '--image', image, bundle);
  return join(bundle, 'rootfs');
}

async function bakedOnto(files: typeof baseFiles): Promise<string> {
  const root = project.path(`baked-${randomUUID()}`);
  mkdirSync(root);
  await execa('tar', ['-xpf', '-', '-C', root], { input: await tarOf(files) });
  expect((await project.run(['bake', project.recipe, '--root', root])).exitCode).toBe(0);
  return root;
}

test('the new image is the base with one layer more, and the base is as it was', async () => {
  const before = await addImage(layout, {}, tag('base'));
  layout.writeIndex([before]);
  await append(
    `oci:${layout.directory}:base`,
    `oci:${layout.directory}:nix`,
    '--label',
    'a=b=c',
    '--annotation',
    'x.y=z',
  );
  expect(layout.tagged('base')).toEqual(before);
  const old = imageAt(layout, before);
  const { manifest, config } = imageAt(layout, layout.tagged('nix'));
  expect(manifest.layers.slice(0, -1)).toEqual(old.manifest.layers);
  expect(manifest.layers.at(-1)?.mediaType).toBe(oci.layer);
  expect(manifest.annotations).toEqual({ 'org.opencontainers.image.title': 'base', 'x.y': 'z' });
  expect(config).toMatchObject({
    created: '2026-01-02T03:04:05Z',
    config: { Labels: { 'containers.bootc': '1', 'ostree.bootable': 'true', a: 'b=c' }, Cmd: ['/sbin/init'] },
    history: [{ created_by: 'layer 0' }, { created_by: expect.stringMatching(/^bluebuild-nix .* append$/) }],
  });
  expect(config.rootfs.diff_ids).toHaveLength(2);
  checkBlobs(layout);
  expect(readdirSync(layout.directory).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
});

test('a base of Universal Blue: its file for recipes gets the line that bake gives it, also when the layer is replaced', async () => {
  const custom = 'usr/share/ublue-os/just/60-custom.just';
  const main = { name: 'usr/share/ublue-os/justfile', content: `import? "/${custom}"\n` };
  const own = { name: custom, content: '# of the base' };
  layout.writeIndex([await addImage(layout, { files: [baseFiles, [main], [own]] }, tag('base'))]);
  const image = `oci:${layout.directory}`;
  await append(`${image}:base`, `${image}:nix`);
  await append(`${image}:nix`, `${image}:again`);
  const baked = await bakedOnto([...baseFiles, main, own]);
  expect(readFileSync(join(baked, custom), 'utf8')).toMatch(/^# of the base\nimport\? ".*\/65-nix\.just"\n$/);
  expect(tree(await unpacked(`${layout.directory}:nix`))).toEqual(tree(baked));
  expect(layout.tagged('again').digest).toBe(layout.tagged('nix').digest);
});

test('skopeo, umoci and buildah read it, and see what bake writes', async () => {
  layout.writeIndex([await addImage(layout, {}, tag('base'))]);
  const image = `oci:${layout.directory}:nix`;
  await append(`oci:${layout.directory}:base`, image, '--label', 'one=1');
  const inspected = JSON.parse(await run('skopeo', 'inspect', image)) as { Labels: object; Layers: string[] };
  expect(inspected.Labels).toEqual({ 'containers.bootc': '1', 'ostree.bootable': 'true', one: '1' });
  expect(inspected.Layers).toHaveLength(2);
  for (const [index, target] of [
    `dir:${project.path('copied')}`,
    `docker-archive:${project.path('copied.tar')}:x:y`,
    `oci:${project.path('copied-oci')}:x`,
  ].entries()) {
    await run('skopeo', 'copy', ...(index === 0 ? ['--all'] : []), image, target);
  }
  const baked = tree(await bakedOnto(baseFiles));
  expect(tree(await unpacked(`${layout.directory}:nix`))).toEqual(baked);
  const { buildah, remove } = makeBuildah();
  try {
    const container = await buildah('from', image);
    // toMatchObject, because buildah adds files of its own to the root of a container that it mounts.
    expect(tree(await buildah('mount', container))).toMatchObject(baked);
    await buildah('umount', container);
  } finally {
    await remove();
  }
});

test('podman and buildah run it', async () => {
  // From Debian's busybox-static: a program that needs no other file in the image.
  const busybox: File = { name: 'bin/busybox', content: readFileSync('/bin/busybox'), mode: 0o755 };
  layout.writeIndex([await addImage(layout, { files: [[{ name: 'bin/' }, busybox]] }, tag('base'))]);
  const image = `oci:${layout.directory}:nix`;
  await append(`oci:${layout.directory}:base`, image);
  const command = ['/bin/busybox', 'stat', '-c', '%a %u:%g %n', '/nix', '/usr/libexec/bluebuild/nix/nix-installer'];
  const expected = '755 0:0 /nix\n755 0:0 /usr/libexec/bluebuild/nix/nix-installer';
  // Not in the project: podman rejects a runroot of more than 50 characters.
  const runRoot = mkdtempSync(join(tmpdir(), 'podman-'));
  const root = project.path('podman');
  const storage = ['--root', root, '--runroot', runRoot, '--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs'];
  const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024', '--network', 'none'];
  // runc, because crun 1.8 does not support a machine that has both versions of cgroups.
  const podman = [...storage, '--runtime', 'runc', 'run', '--rm', ...limits];
  expect(await run('podman', ...podman, image, ...command)).toBe(expected);
  rmSync(runRoot, { recursive: true, force: true });
  const { buildah, remove } = makeBuildah();
  try {
    expect(await buildah('run', await buildah('from', image), '--', ...command)).toBe(expected);
  } finally {
    await remove();
  }
});

test('with zstd, skopeo and buildah read it', async () => {
  layout.writeIndex([await addImage(layout, {}, tag('base'))]);
  const image = `oci:${layout.directory}:nix`;
  await append(`oci:${layout.directory}:base`, image, '--compression', 'zstd');
  expect(imageAt(layout, layout.tagged('nix')).manifest.layers[1]?.mediaType).toBe(
    'application/vnd.oci.image.layer.v1.tar+zstd',
  );
  const { buildah, remove } = makeBuildah();
  try {
    const container = await buildah('from', image);
    expect(tree(await buildah('mount', container))).toMatchObject(tree(await bakedOnto(baseFiles)));
    await buildah('umount', container);
  } finally {
    await remove();
  }
});

test('the layer is compressed as the base’s last one is', async () => {
  const zstd = { ...oci, layer: 'application/vnd.oci.image.layer.v1.tar+zstd' };
  const tar = await tarOf(baseFiles);
  const layer = layout.blob(zstdCompressSync(tar), zstd.layer);
  layout.writeIndex([await addImage(layout, { manifest: { layers: [layer] } }, tag('base'))]);
  await append(`oci:${layout.directory}:base`, `oci:${layout.directory}:nix`);
  expect(imageAt(layout, layout.tagged('nix')).manifest.layers[1]?.mediaType).toBe(zstd.layer);
});

test('run on its own output it replaces its layer, and on the same recipe gives the same image', async () => {
  layout.writeIndex([await addImage(layout, {}, tag('base'))]);
  const at = (name: string) => `oci:${layout.directory}:${name}`;
  await append(at('base'), at('once'));
  const { stdout } = await append(at('once'), at('twice'));
  expect(stdout).toContain('replaced the layer');
  expect(layout.tagged('twice').digest).toBe(layout.tagged('once').digest);
  const other = project.writeRecipe('other', { persistence: '/var/nix-store' });
  const outcome = await project.run(['append', other, '--base', at('once'), '-o', at('once')]);
  expect(outcome.exitCode, outcome.stderr).toBe(0);
  const { manifest, config } = imageAt(layout, layout.tagged('once'));
  expect(manifest.layers).toHaveLength(2);
  expect(config.rootfs.diff_ids).toHaveLength(2);
  expect(config.history).toHaveLength(2);
  const root = await unpacked(`${layout.directory}:once`);
  expect(readFileSync(join(root, 'usr/lib/tmpfiles.d/nix.conf'), 'utf8')).toContain('/var/nix-store');
  expect(layout.index().manifests).toHaveLength(3);
});

test('the layer is found again below another one, and after a copy through Docker’s schema', async () => {
  layout.writeIndex([await addImage(layout, {}, tag('base'))]);
  await append(`oci:${layout.directory}:base`, `oci:${layout.directory}:nix`);
  await run('umoci', 'config', '--image', `${layout.directory}:nix`, '--config.label', 'on=top');
  writeFileSync(project.path('more.tar'), await tarOf([{ name: 'etc/more', content: 'more' }]));
  await run('umoci', 'raw', 'add-layer', '--image', `${layout.directory}:nix`, project.path('more.tar'));
  const copy = makeLayout(project.path('through-docker'));
  await run('skopeo', 'copy', '-f', 'v2s2', `oci:${layout.directory}:nix`, `dir:${project.path('docker-dir')}`);
  rmSync(copy.directory, { recursive: true });
  await run('skopeo', 'copy', `dir:${project.path('docker-dir')}`, `oci:${copy.directory}:nix`);
  const { stdout } = await append(`oci:${copy.directory}:nix`, `oci:${copy.directory}:nix`);
  expect(stdout).toContain('replaced the layer');
  const { manifest } = imageAt(copy, copy.tagged('nix'));
  expect(manifest.layers).toHaveLength(3);
  expect(existsSync(join(await unpacked(`${copy.directory}:nix`), 'etc/more'))).toBe(true);
});

test('into another layout the base’s blobs are linked, and nothing else of the layout comes along', async () => {
  layout.writeIndex([
    await addImage(layout, {}, tag('base')),
    await addImage(layout, { architecture: 'arm64', files: [[{ name: 'other', content: 'x' }]] }, tag('other')),
  ]);
  const target = project.path('linked');
  await append(`oci:${layout.directory}:base`, `oci:${target}`);
  const other = { ...layout, directory: target };
  checkBlobs(other);
  // The base's layer and three new blobs.
  expect(readdirSync(join(target, 'blobs/sha256'))).toHaveLength(4);
  const [layer] = imageAt(layout, layout.tagged('base')).manifest.layers as [Descriptor];
  const [from, to] = [layout.blobFile(layer.digest), join(target, 'blobs', ...layer.digest.split(':'))];
  expect(statSync(to).ino).toBe(statSync(from).ino);
  await run('skopeo', 'inspect', `oci:${target}:base`);
});

test('onto another file system they are copied, and a damaged one is noticed', async () => {
  const disk = project.path('other-disk');
  mkdirSync(disk);
  await run('mount', '-t', 'tmpfs', 'none', disk);
  try {
    layout.writeIndex([await addImage(layout, {}, tag('base'))]);
    await append(`oci:${layout.directory}:base`, `oci:${disk}/one:nix`);
    checkBlobs({ ...layout, directory: `${disk}/one` });
    const encrypted = layout.blob(Buffer.alloc(2_000_000, 'noise'), `${oci.layer}+encrypted`);
    const config = { rootfs: { type: 'layers', diff_ids: [encrypted.digest] } };
    layout.writeIndex([await addImage(layout, { config, manifest: { layers: [encrypted] } }, tag('base'))]);
    writeFileSync(layout.blobFile(encrypted.digest), Buffer.alloc(2_000_000, 'other'));
    const args = ['append', project.recipe, '--base', `oci:${layout.directory}:base`, '-o', `oci:${disk}/two:nix`];
    const outcome = await project.run(args);
    expect(outcome).toMatchObject({ exitCode: 1 });
    expect(outcome.stderr).toMatch(/the blob sha256:[0-9a-f]{64} is damaged, its digest is sha256:/);
    expect(readdirSync(disk)).toEqual(['one']);
  } finally {
    await run('umount', disk);
  }
});

test('each image of an index gets the layer for its architecture', async () => {
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } });
  const images = [
    await addImage(layout, {}, platform('amd64')),
    await addImage(layout, { architecture: 'arm64' }, platform('arm64')),
  ];
  const index = { schemaVersion: 2, mediaType: oci.index, manifests: images, annotations: { kept: 'yes' } };
  layout.writeIndex([layout.document(index, oci.index, tag('all'))]);
  const installers = Object.fromEntries(
    ['x86_64', 'aarch64'].map((architecture) => {
      writeFileSync(project.path('files', `installer-${architecture}`), `installer for ${architecture}`);
      return [architecture, createHash('sha256').update(`installer for ${architecture}`).digest('hex')];
    }),
  );
  const recipe = project.writeRecipe('both', {
    installer: { version: '1.0.0', url: 'file:///tmp/files/installer-{arch}', sha256: installers },
  });
  const target = makeLayout(project.path('both'));
  rmSync(target.directory, { recursive: true });
  const args = ['append', recipe, '--base', `oci:${layout.directory}:all`, '-o', `oci:${target.directory}:all`];
  const outcome = await project.run([...args, '--annotation', 'new=too']);
  expect(outcome.exitCode, outcome.stderr).toBe(0);
  const top = target.read(target.tagged('all').digest) as { manifests: Descriptor[] };
  expect(top).toMatchObject({ mediaType: oci.index, annotations: { kept: 'yes', new: 'too' } });
  expect(top.manifests.map(({ platform: of }) => of)).toEqual(images.map(({ platform: of }) => of));
  for (const [architecture, name] of [
    ['amd64', 'x86_64'],
    ['arm64', 'aarch64'],
  ] as const) {
    const single = project.path(`single-${architecture}`);
    await run('skopeo', '--override-arch', architecture, 'copy', `oci:${target.directory}:all`, `oci:${single}:one`);
    const root = await unpacked(`${single}:one`);
    expect(readFileSync(join(root, 'usr/libexec/bluebuild/nix/nix-installer'), 'utf8')).toBe(`installer for ${name}`);
    expect(readFileSync(join(root, 'usr/share/bluebuild/nix/manifest.json'), 'utf8')).toContain(
      `"architecture": "${name}"`,
    );
  }
  await run('skopeo', 'copy', '--all', `oci:${target.directory}:all`, `dir:${project.path('all-dir')}`);
});

test('what a base says of its platforms is printed as text', async () => {
  const [hostile, hostileOs] = ['riscv64\u001b[2J\n::warning::x', 'linux\u001b[31m\n::add-mask::x'];
  const images = [
    await addImage(layout, {}, { platform: { os: hostileOs, architecture: 'amd64' } }),
    await addImage(layout, { architecture: hostile }, { platform: { os: 'linux', architecture: hostile } }),
  ];
  layout.writeIndex([layout.document({ schemaVersion: 2, manifests: images }, oci.index, tag('hostile'))]);
  const args = ['append', project.recipe, '--base', `oci:${layout.directory}:hostile`];
  for (const more of [[], ['--keep-others']]) {
    const { stdout, stderr } = await project.run([...args, '-o', `oci:${project.path('hostile')}:all`, ...more]);
    expect(stdout + stderr).toMatch(/riscv64/);
    expect(stdout + stderr).not.toMatch(/[\0-\x09\x0b-\x1f\x7f]|^\s*::/m);
  }
});

test('other architectures are refused, or left as they are when asked; attestations are left out', async () => {
  const riscv = await addImage(
    layout,
    { architecture: 'riscv64' },
    { platform: { os: 'linux', architecture: 'riscv64' } },
  );
  const attestation = layout.document({ schemaVersion: 2 }, oci.manifest, {
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  });
  const amd64 = await addImage(layout, {}, { platform: { os: 'linux', architecture: 'amd64' } });
  const index = { schemaVersion: 2, mediaType: oci.index, manifests: [amd64, riscv, attestation] };
  layout.writeIndex([layout.document(index, oci.index, tag('all'))]);
  const args = [
    'append',
    project.recipe,
    '--base',
    `oci:${layout.directory}:all`,
    '-o',
    `oci:${project.path('kept')}:all`,
  ];
  const refused = await project.run(args);
  expect(refused).toMatchObject({ exitCode: 1 });
  expect(refused.stderr).toMatch(/is for linux\/riscv64[^]*--keep-others/);
  expect(existsSync(project.path('kept'))).toBe(false);
  const kept = await project.run([...args, '--keep-others']);
  expect(kept.exitCode, kept.stderr).toBe(0);
  expect(kept.stderr).toMatch(/riscv64\): kept unchanged/);
  expect(kept.stderr).toMatch(/attestations are left out/);
  const target = { ...layout, directory: project.path('kept') };
  const manifest = JSON.parse(readFileSync(join(target.directory, 'index.json'), 'utf8')) as {
    manifests: Descriptor[];
  };
  const blob = (digest: string) => readFileSync(join(target.directory, 'blobs', ...digest.split(':')), 'utf8');
  const top = JSON.parse(blob(manifest.manifests[0]?.digest ?? '')) as { manifests: Descriptor[] };
  expect(top.manifests).toHaveLength(2);
  expect(top.manifests[1]).toEqual(riscv);
  checkBlobs(target);
});

test('Docker’s schema 2 becomes OCI’s', async () => {
  const images = [await addImage(layout, { types: docker }, { platform: { os: 'linux', architecture: 'amd64' } })];
  const list = { schemaVersion: 2, mediaType: docker.index, manifests: images };
  layout.writeIndex([
    layout.document(list, docker.index, tag('list')),
    await addImage(layout, { types: docker, labels: {} }, tag('one')),
  ]);
  for (const name of ['list', 'one']) {
    await append(`oci:${layout.directory}:${name}`, `oci:${layout.directory}:new-${name}`);
    await run('skopeo', 'inspect', `oci:${layout.directory}:new-${name}`);
  }
  const { manifest } = imageAt(layout, layout.tagged('new-one'));
  expect(manifest).toMatchObject({ mediaType: oci.manifest, config: { mediaType: oci.config } });
  expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual([oci.layer, oci.layer]);
  expect(tree(await unpacked(`${layout.directory}:new-one`))).toEqual(tree(await bakedOnto(baseFiles)));
});

test('foreign and encrypted layers pass through, and what was not checked is said', async () => {
  const foreign = {
    mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    digest: `sha256:${'1'.repeat(64)}`,
    size: 5,
    urls: ['https://example.com/layer'],
  };
  const encrypted = layout.blob(Buffer.from('unreadable'), `${oci.layer}+encrypted`, {
    annotations: { 'org.opencontainers.image.enc.keys.jwe': 'key' },
  });
  const config = { rootfs: { type: 'layers', diff_ids: [foreign.digest, encrypted.digest] } };
  layout.writeIndex([await addImage(layout, { config, manifest: { layers: [foreign, encrypted] } }, tag('base'))]);
  const target = project.path('passed');
  const args = ['append', project.recipe, '--base', `oci:${layout.directory}:base`, '-o', `oci:${target}:nix`];
  const { stderr } = await project.run(args);
  for (const { digest } of [foreign, encrypted]) expect(stderr).toContain(`the layer ${digest} was not checked`);
  const inspected = JSON.parse(await run('skopeo', 'inspect', '--raw', `oci:${target}:nix`)) as Manifest;
  expect(inspected.layers.slice(0, 2)).toEqual([foreign, encrypted]);
  expect(readFileSync(join(target, 'blobs', ...encrypted.digest.split(':')), 'utf8')).toBe('unreadable');
});

test('archives are read and written, the same to the byte', async () => {
  layout.writeIndex([await addImage(layout, {}, tag('base'))]);
  const archive = project.path('base.tar');
  await run('skopeo', 'copy', `oci:${layout.directory}:base`, `oci-archive:${archive}:base`);
  await append(`oci-archive:${archive}:base`, `oci-archive:${project.path('one.tar')}:nix`);
  await append(`oci:${layout.directory}:base`, `oci-archive:${project.path('two.tar')}:nix`);
  expect(readFileSync(project.path('one.tar')).equals(readFileSync(project.path('two.tar')))).toBe(true);
  await append(`oci-archive:${project.path('one.tar')}`, `oci-archive:${project.path('one.tar')}`);
  expect(readFileSync(project.path('one.tar')).equals(readFileSync(project.path('two.tar')))).toBe(true);
  await append(`oci-archive:${project.path('one.tar')}:nix`, `oci:${project.path('from-archive')}`);
  for (const image of [`oci-archive:${project.path('one.tar')}:nix`, `oci:${project.path('from-archive')}:nix`]) {
    expect(JSON.parse(await run('skopeo', 'inspect', image))).toMatchObject({ Labels: { 'containers.bootc': '1' } });
  }
  expect(readdirSync(project.directory).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('SOURCE_DATE_EPOCH dates the image', async () => {
  layout.writeIndex([await addImage(layout, {}, tag('base'))]);
  const args = [
    'append',
    project.recipe,
    '--base',
    `oci:${layout.directory}:base`,
    '-o',
    `oci:${layout.directory}:nix`,
  ];
  expect(await project.run(args, { SOURCE_DATE_EPOCH: '1600000000' })).toMatchObject({ exitCode: 0 });
  const { config } = imageAt(layout, layout.tagged('nix'));
  expect(config.created).toBe('2020-09-13T12:26:40Z');
  expect(config.history.at(-1)?.['created']).toBe('2020-09-13T12:26:40Z');
});

test('a base without a history gets a whole one', async () => {
  layout.writeIndex([
    await addImage(
      layout,
      { history: undefined, files: [baseFiles, [{ name: 'etc/two', content: '2' }]] },
      tag('base'),
    ),
  ]);
  await append(`oci:${layout.directory}:base`, `oci:${layout.directory}:nix`);
  expect(imageAt(layout, layout.tagged('nix')).config.history).toHaveLength(3);
  expect((await append(`oci:${layout.directory}:nix`, `oci:${layout.directory}:nix`)).stdout).toContain(
    'replaced the layer',
  );
  expect(imageAt(layout, layout.tagged('nix')).config.history).toHaveLength(3);
});

test('several processes on one layout leave every tag', async () => {
  layout.writeIndex([await addImage(layout, {}, tag('base'))]);
  const tags = Array.from({ length: 6 }, (_, index) => `tag-${index}`);
  await Promise.all(
    tags.map(async (name, index) => {
      const recipe = project.writeRecipe(name, { persistence: `/var/store-${index}` });
      const args = [
        'append',
        recipe,
        '--base',
        `oci:${layout.directory}:base`,
        '-o',
        `oci:${layout.directory}:${name}`,
      ];
      const outcome = await project.run(args);
      expect(outcome.exitCode, outcome.stderr).toBe(0);
    }),
  );
  checkBlobs(layout);
  for (const name of tags) await run('skopeo', 'inspect', `oci:${layout.directory}:${name}`);
  expect(readdirSync(layout.directory).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
});

test('what is in the base’s upper layers is looked at', async () => {
  const cases: [string, Parameters<typeof addImage>[1], RegExp | undefined][] = [
    ['a link', { files: [baseFiles, [{ name: 'nix', link: 'var/nix' }]] }, /\/nix is a symbolic link to var\/nix/],
    [
      'a file',
      { files: [baseFiles, [{ name: 'usr/lib/systemd/system', content: '' }]] },
      /\/usr\/lib\/systemd\/system is not a directory/,
    ],
    [
      'a directory for a file',
      { files: [[{ name: 'usr/lib/systemd/system/nix.mount/' }], baseFiles] },
      /nix\.mount is a directory/,
    ],
    [
      'a link that a later layer removes',
      { files: [[{ name: 'nix', link: 'var/nix' }], [{ name: '.wh.nix' }]] },
      undefined,
    ],
    [
      'a link under a directory that a later layer empties',
      { files: [[{ name: 'usr/lib/systemd', link: '../x' }], [{ name: 'usr/.wh..wh..opq' }]] },
      undefined,
    ],
    [
      'a link that a later layer makes a directory',
      { files: [[{ name: './nix', link: 'var/nix' }], [{ name: './nix/' }]] },
      undefined,
    ],
  ];
  for (const [what, options, message] of cases) {
    layout.writeIndex([await addImage(layout, options, tag('base'))]);
    const args = [
      'append',
      project.recipe,
      '--base',
      `oci:${layout.directory}:base`,
      '-o',
      `oci:${layout.directory}:nix`,
    ];
    const outcome = await project.run(args);
    expect(outcome.exitCode, `${what}: ${outcome.stderr}`).toBe(message ? 1 : 0);
    if (message) expect(outcome.stderr).toMatch(message);
  }
});

test('what was baked into the base earlier goes by whiteouts, and what was changed since is kept and named', async () => {
  const native = project.writeRecipe('native', {
    installer: {
      version: '1.0.0',
      url: 'file:///tmp/files/installer',
      sha256: project.installerDigest,
      provider: 'native',
    },
  });
  const root = project.path('baked-root');
  expect(await project.run(['bake', native, '--root', root])).toMatchObject({ exitCode: 0 });
  const fileOf = (path: string): File => {
    const at = join(root, path);
    const found = lstatSync(at);
    if (found.isSymbolicLink()) return { name: path, link: readlinkSync(at) };
    return found.isDirectory()
      ? { name: `${path}/` }
      : { name: path, content: readFileSync(at), mode: found.mode & 0o7777 };
  };
  const baked = readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted().map(fileOf);
  const changed: File[] = [{ name: 'etc/profile.d/nix.sh', content: 'mine' }];
  layout.writeIndex([await addImage(layout, { files: [baseFiles, baked, changed] }, tag('base'))]);
  const outcome = await append(`oci:${layout.directory}:base`, `oci:${layout.directory}:nix`);
  expect(outcome.stderr).toContain('/etc/profile.d/nix.sh was baked earlier and has changed since: it is kept');
  const unpackedRoot = await unpacked(`${layout.directory}:nix`);
  expect(existsSync(join(unpackedRoot, 'usr/libexec/bluebuild/nix/nix.tar.xz'))).toBe(false);
  expect(existsSync(join(unpackedRoot, 'usr/lib/tmpfiles.d/nix-state.conf'))).toBe(false);
  expect(readFileSync(join(unpackedRoot, 'etc/profile.d/nix.sh'), 'utf8')).toBe('mine');
  expect(existsSync(join(unpackedRoot, 'usr/libexec/bluebuild/nix/nix-installer'))).toBe(true);
});
