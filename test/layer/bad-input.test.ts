import { execa } from 'execa';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import { addImage, baseFiles, type Descriptor, digestOf, docker, type Layout, oci, tag, tarOf } from './base-image.ts';
import { useProject } from './project.ts';
import { run } from './tools.ts';
import { tree } from './tree.ts';

const { project, newLayout } = useProject(100_000);
let layout: Layout;
let base: Descriptor;
beforeEach(async () => {
  layout = newLayout();
  base = await addImage(layout, {}, tag('base'));
  layout.writeIndex([base]);
});

const append = (from: string, to: string, ...more: string[]) =>
  project.run(['append', project.recipe, '--base', from, '-o', to, ...more]);

type Case = {
  what: string;
  /** Damages the layout. */
  damage?: () => Promise<void> | void;
  base?: () => string;
  output?: () => string;
  more?: string[];
  message: RegExp;
  exitCode?: number;
};

const manifest = () => layout.read(base.digest) as { config: Descriptor; layers: [Descriptor] };
const rebase = async (...options: Parameters<typeof addImage> extends [unknown, ...infer Rest] ? Rest : never) => {
  layout.writeIndex([await addImage(layout, options[0], { ...tag('base'), ...options[1] })]);
};

const cases: Case[] = [
  { what: 'a base that is not there', base: () => 'oci:nowhere:base', message: /nowhere does not exist/ },
  {
    what: 'a file as a layout',
    base: () => `oci:${project.recipe}`,
    message: /is not a directory[^]*oci-archive:FILE/,
  },
  {
    what: 'a directory that is no layout',
    base: () => `oci:${project.path('files')}`,
    message: /is not an OCI layout: its file oci-layout is missing/,
  },
  {
    what: 'another version of the layout',
    damage: () => writeFileSync(join(layout.directory, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}'),
    message: /version "2\.0\.0", not 1\.0\.0/,
  },
  {
    what: 'a damaged oci-layout',
    damage: () => writeFileSync(join(layout.directory, 'oci-layout'), '{'),
    message: /oci-layout is missing or damaged/,
  },
  { what: 'no index', damage: () => rmSync(join(layout.directory, 'index.json')), message: /index\.json is missing/ },
  {
    what: 'an index that is not JSON',
    damage: () => writeFileSync(join(layout.directory, 'index.json'), 'x'),
    message: /index\.json is not JSON/,
  },
  {
    what: 'an index that is no index',
    damage: () => writeFileSync(join(layout.directory, 'index.json'), '[]'),
    message: /index\.json is not a JSON object/,
  },
  {
    what: 'an index without manifests',
    damage: () => writeFileSync(join(layout.directory, 'index.json'), '{"schemaVersion":2}'),
    message: /index\.json is not an OCI index/,
  },
  {
    what: 'an index of 5 MB',
    damage: () => writeFileSync(join(layout.directory, 'index.json'), Buffer.alloc(5_000_000, ' ')),
    message: /larger than 4 MiB/,
  },
  { what: 'an empty index', damage: () => layout.writeIndex([]), message: /holds no image/ },
  {
    what: 'a tag that is not there',
    base: () => `oci:${layout.directory}:bsae`,
    message: /no image has this tag[^]*its tags are base/,
  },
  {
    what: 'two images and no tag',
    damage: async () => layout.writeIndex([base, await addImage(layout, { labels: {} }, tag('two'))]),
    base: () => `oci:${layout.directory}`,
    message: /holds several images[^]*base, two/,
  },
  {
    what: 'one tag twice',
    damage: async () => layout.writeIndex([base, await addImage(layout, { labels: {} }, tag('base'))]),
    message: /several images have this tag/,
  },
  {
    what: 'a digest that is a path',
    damage: () => layout.writeIndex([{ ...base, digest: 'sha256:../../../etc/passwd' }]),
    message: /names a blob by "sha256:\.\.\/.*which is not a digest/,
  },
  {
    what: 'a digest nobody knows',
    damage: () => layout.writeIndex([{ ...base, digest: `md5:${'0'.repeat(32)}` }]),
    message: /which is not a digest[^]*sha256 and sha512/,
  },
  {
    what: 'a descriptor without a size',
    damage: () => layout.writeIndex([{ mediaType: base.mediaType, digest: base.digest }]),
    message: /a descriptor in it has no media type, digest or size/,
  },
  {
    what: 'a missing manifest',
    damage: () => rmSync(layout.blobFile(base.digest)),
    message: /the blob sha256:.* is missing/,
  },
  {
    what: 'a changed manifest',
    damage: () => {
      const file = layout.blobFile(base.digest);
      writeFileSync(file, readFileSync(file, 'utf8').replace('base', 'vase'));
    },
    message: /is damaged, its digest is sha256:/,
  },
  {
    what: 'a manifest of the wrong length',
    damage: () => layout.writeIndex([{ ...base, size: 3 }]),
    message: /bytes long instead of 3/,
  },
  {
    what: 'a manifest that is not JSON',
    damage: () => layout.writeIndex([layout.blob(Buffer.from('x'), oci.manifest, tag('base'))]),
    message: /is not JSON/,
  },
  {
    what: 'a missing config',
    damage: () => rmSync(layout.blobFile(manifest().config.digest)),
    message: /its config: the blob sha256:.* is missing/,
  },
  {
    what: 'a config that is none',
    damage: () => rebase({ manifest: { config: layout.document({ os: 'linux' }, oci.config) } }),
    message: /its config is not an OCI image config/,
  },
  {
    what: 'a missing layer',
    damage: () => rmSync(layout.blobFile(manifest().layers[0].digest)),
    message: /the blob sha256:.* is missing/,
  },
  {
    what: 'a shortened layer',
    damage: () => truncateSync(layout.blobFile(manifest().layers[0].digest), 10),
    message: /is 10 bytes long instead of/,
  },
  {
    what: 'a changed layer that is read',
    damage: () => {
      const file = layout.blobFile(manifest().layers[0].digest);
      const bytes = readFileSync(file);
      bytes[9] = bytes[9]! ^ 1;
      writeFileSync(file, bytes);
    },
    message: /is damaged, its digest is sha256:/,
  },
  {
    what: 'a layer that is no gzip',
    damage: () => {
      const file = layout.blobFile(manifest().layers[0].digest);
      writeFileSync(file, readFileSync(file).fill(7));
    },
    message: /the layer sha256:.* cannot be read/,
  },
  {
    what: 'a layer that is no tar',
    damage: () => rebase({ manifest: { layers: [layout.blob(gzipSync(Buffer.alloc(2000, 'x')), oci.layer)] } }),
    message: /the layer sha256:.* cannot be read/,
  },
  {
    what: 'more layers than diff ids',
    damage: () => rebase({ config: { rootfs: { type: 'layers', diff_ids: [] } } }),
    message: /has 1 layers and 0 diff ids/,
  },
  {
    what: 'a history of too many layers',
    damage: () => rebase({ history: [{}, {}, {}] }),
    message: /has 1 layers, and its history lists more/,
  },
  {
    what: 'Docker’s first schema',
    damage: () =>
      layout.writeIndex([
        layout.document({ schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws', tag('base')),
      ]),
    message: /it is not a container image[^]*skopeo copy --format oci/,
  },
  {
    what: 'Docker’s first schema under another name',
    damage: () => layout.writeIndex([layout.document({ schemaVersion: 1 }, oci.manifest, tag('base'))]),
    message: /Docker's schema 1[^]*skopeo copy --format oci/,
  },
  {
    what: 'an artifact',
    damage: () => rebase({ types: { ...oci, config: 'application/vnd.oci.empty.v1+json' } }),
    message: /a config of the type application\/vnd\.oci\.empty\.v1\+json: it is not a container image/,
  },
  {
    what: 'a Helm chart’s layer',
    damage: () => rebase({ types: { ...oci, layer: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip' } }),
    message: /a layer of the type application\/vnd\.cncf\.helm/,
  },
  {
    what: 'an index of itself',
    damage: () => {
      let one = layout.document({ schemaVersion: 2, manifests: [base] }, oci.index);
      for (let i = 0; i < 6; i += 1)
        one = layout.document({ schemaVersion: 2, manifests: [one] }, oci.index, tag('base'));
      layout.writeIndex([one]);
    },
    message: /too many nested indexes/,
  },
  {
    what: 'another architecture',
    damage: () => rebase({ architecture: 's390x' }),
    message: /is for linux\/s390x[^]*x86_64 and aarch64/,
  },
  { what: 'another system', damage: () => rebase({ os: 'windows' }), message: /is for windows\/amd64/ },
  {
    what: 'a Docker image for another architecture',
    damage: () => rebase({ types: docker, architecture: 'arm' }),
    message: /is for linux\/arm/,
  },
  {
    what: 'no transport',
    base: () => layout.directory,
    message: /is not an image reference that this program reads[^]*write oci:DIRECTORY:TAG/,
  },
  {
    what: 'a registry',
    base: () => 'docker://ghcr.io/ublue-os/bluefin:stable',
    message: /skopeo copy --all docker:\/\/ghcr\.io\/ublue-os\/bluefin:stable oci:DIRECTORY:TAG/,
  },
  { what: 'no path', base: () => 'oci:', message: /names no path/ },
  {
    what: 'a tag that cannot be one',
    output: () => `oci:${layout.directory}:two words`,
    message: /"two words" cannot be a tag/,
  },
  { what: 'an output whose parent is not there', output: () => 'oci:no/where:nix', message: /no is not a directory/ },
  {
    what: 'an output that is something else',
    output: () => `oci:${project.path('files')}:nix`,
    message: /is not an OCI layout/,
  },
  {
    what: 'an archive over a directory',
    output: () => `oci-archive:${project.path('files')}:nix`,
    message: /is not a regular file/,
  },
  {
    what: 'an archive that is not there',
    base: () => 'oci-archive:nowhere.tar',
    message: /nowhere\.tar does not exist/,
  },
  {
    what: 'an archive that is compressed',
    damage: () => writeFileSync(project.path('a.tar.gz'), gzipSync('x')),
    base: () => 'oci-archive:a.tar.gz',
    message: /is compressed[^]*gunzip a\.tar\.gz/,
  },
  {
    what: 'an archive that is none',
    base: () => `oci-archive:${project.recipe}`,
    message: /cannot be read as a tar|its file oci-layout is missing/,
  },
  {
    what: 'an archive cut short',
    damage: async () => {
      await run('skopeo', 'copy', `oci:${layout.directory}:base`, `oci-archive:${project.path('cut.tar')}:base`);
      truncateSync(project.path('cut.tar'), 1000);
    },
    base: () => 'oci-archive:cut.tar',
    message: /cannot be read as a tar/,
  },
  {
    what: 'an archive with a link for a blob',
    damage: async () =>
      writeFileSync(
        project.path('link.tar'),
        await tarOf([{ name: `blobs/sha256/${'0'.repeat(64)}`, link: '/etc/passwd' }]),
      ),
    base: () => 'oci-archive:link.tar',
    message: /in it is not a regular file/,
  },
  { what: 'a label without a value', more: ['--label', 'novalue'], message: /It must be KEY=VALUE/, exitCode: 2 },
  { what: 'an annotation without a key', more: ['--annotation', '=x'], message: /It must be KEY=VALUE/, exitCode: 2 },
  {
    what: 'another compression',
    more: ['--compression', 'xz'],
    message: /Allowed choices are none, gzip, zstd/,
    exitCode: 2,
  },
];

test.each(cases)('$what', async ({ damage, base: from, output, more = [], message, exitCode = 1 }) => {
  await damage?.();
  const before = tree(project.directory);
  const outcome = await append(
    from?.() ?? `oci:${layout.directory}:base`,
    output?.() ?? `oci:${layout.directory}:nix`,
    ...more,
  );
  expect(outcome.stderr).toMatch(message);
  expect(outcome.exitCode).toBe(exitCode);
  expect(outcome.stderr).not.toMatch(/\n\s+at /);
  expect(tree(project.directory)).toEqual(before);
});

test('a recipe that is wrong for both architectures is told once', async () => {
  const both = await Promise.all(
    ['amd64', 'arm64'].map((architecture) =>
      addImage(layout, { architecture }, { platform: { os: 'linux', architecture } }),
    ),
  );
  layout.writeIndex([layout.document({ schemaVersion: 2, manifests: both }, oci.index, tag('all'))]);
  const wrong = project.writeRecipe('wrong', { persistence: 'relative' });
  const outcome = await project.run([
    'append',
    wrong,
    '--base',
    `oci:${layout.directory}:all`,
    '-o',
    `oci:${layout.directory}:nix`,
  ]);
  expect(outcome).toMatchObject({ exitCode: 1 });
  expect(outcome.stderr.match(/error:/g)).toHaveLength(1);
});

test('every layer is read whole, and its digest checked', async () => {
  const tar = await tarOf([...baseFiles, { name: 'etc/large', content: 'x' }]);
  const large = Buffer.concat([gzipSync(tar), Buffer.alloc(17 * 1024 * 1024)]);
  const layer = layout.blob(large, oci.layer);
  const config = { rootfs: { type: 'layers' as const, diff_ids: [digestOf(tar)] } };
  layout.writeIndex([await addImage(layout, { config, manifest: { layers: [layer] } }, tag('base'))]);
  const [from, to] = [`oci:${layout.directory}:base`, `oci:${layout.directory}:nix`];
  expect(await append(from, to)).toMatchObject({ exitCode: 0 });
  writeFileSync(layout.blobFile(layer.digest), large.fill(1, large.length - 1));
  const damaged = await append(from, `oci:${layout.directory}:other`);
  expect(damaged).toMatchObject({ exitCode: 1 });
  expect(damaged.stderr).toMatch(/is damaged, its digest is sha256:|cannot be read/);
});

test('a disk that is full at any moment leaves every tag as it was, and nothing half written', async () => {
  const disk = project.path('disk');
  mkdirSync(disk);
  await run('mount', '-t', 'tmpfs', '-o', 'size=512k', 'none', disk);
  try {
    cpSync(layout.directory, join(disk, 'layout'), { recursive: true });
    const outcomes: (number | undefined)[] = [];
    const filler = join(disk, 'filler');
    const attempt = async (base: string, output: string) => {
      const before = tree(disk);
      const outcome = await append(base, output, '--compression', 'none');
      outcomes.push(outcome.exitCode);
      if (outcome.exitCode === 0) return;
      expect(outcome.stderr).toMatch(/no space left on the disk.*(layout|fresh).* is unchanged/);
      expect(tree(disk)).toEqual(before);
    };
    // One more free page each time: first the layer does not fit, then one by one the files that are written after it.
    for (let pages = 42; pages <= 90; pages += 1) {
      rmSync(filler, { force: true });
      const { stdout: free } = await execa('df', ['--output=avail', '-B4096', disk]);
      writeFileSync(filler, Buffer.alloc(Math.max(0, Number(free.split('\n')[1]) - pages) * 4096));
      await attempt(`oci:${disk}/layout:base`, `oci:${disk}/layout:base`);
      if (outcomes.at(-1) === 0) break;
      await attempt(`oci:${layout.directory}:base`, `oci:${disk}/fresh:nix`);
      rmSync(join(disk, 'fresh'), { recursive: true, force: true });
      await run('skopeo', 'inspect', `oci:${disk}/layout:base`);
    }
    expect(outcomes.filter((code) => code === 1).length).toBeGreaterThan(6);
    expect(outcomes.at(-1)).toBe(0);
    await run('skopeo', 'inspect', `oci:${disk}/layout:base`);
  } finally {
    await run('umount', disk);
  }
});

test('without permission to write it says so, and writes nothing', async () => {
  const owned = project.path('owned');
  cpSync(layout.directory, owned, { recursive: true });
  chmodSync(project.directory, 0o755);
  const before = tree(owned);
  const cli = join(import.meta.dirname, '../../src/cli.ts');
  const arguments_ = ['append', project.recipe, '--base', `oci:${owned}:base`, '--cache', '/tmp', '-o'];
  for (const output of [
    `oci:${owned}:nix`,
    `oci:${project.path('other')}:nix`,
    `oci-archive:${project.path('o.tar')}`,
  ]) {
    const outcome = await execa(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, cli, ...arguments_, output],
      { reject: false },
    );
    expect(outcome.exitCode, outcome.stderr).toBe(1);
    expect(outcome.stderr).toMatch(/: permission denied;/);
  }
  expect(tree(owned)).toEqual(before);
  expect(existsSync(project.path('other'))).toBe(false);
});

test('a lock that a killed process left is taken over', async () => {
  mkdirSync(join(layout.directory, '.bluebuild-nix.lock'));
  const outcome = await append(`oci:${layout.directory}:base`, `oci:${layout.directory}:nix`);
  expect(outcome.exitCode, outcome.stderr).toBe(0);
  expect(readdirSync(layout.directory).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
});
