import { execa } from 'execa';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeLayer } from '../../src/oci/layer-file.ts';
import { fixedDownload, fixedPlan, sha256 } from './fixed-plan.ts';
import { makeProject, type Project } from './project.ts';
import { makeBuildah, run } from './tools.ts';
import { tree } from './tree.ts';

let project: Project;
let scratch: string;
beforeAll(() => {
  project = makeProject();
  scratch = mkdtempSync(join(tmpdir(), 'layer-scratch-'));
});
afterAll(() => {
  project.remove();
  rmSync(scratch, { recursive: true, force: true });
});

const digestOf = (file: string) => `sha256:${createHash('sha256').update(readFileSync(file)).digest('hex')}`;

const fixedDigests = {
  none: {
    digest: 'sha256:51ea85c2d497fdc651514c25c9237f30bb9eecda08596d48512ccebfced1008f',
    diffId: 'sha256:51ea85c2d497fdc651514c25c9237f30bb9eecda08596d48512ccebfced1008f',
  },
  gzip: {
    digest: 'sha256:4226cc63ff1e89d06e86912731e403cb66fb9cb6f7e97738e19458f209641590',
    diffId: 'sha256:51ea85c2d497fdc651514c25c9237f30bb9eecda08596d48512ccebfced1008f',
  },
  zstd: {
    digest: 'sha256:0586ce91145995668f471544922ce9dad82dc369d458fb92f27817043a9e9dd7',
    diffId: 'sha256:51ea85c2d497fdc651514c25c9237f30bb9eecda08596d48512ccebfced1008f',
  },
  'in 2100': {
    digest: 'sha256:3512083d51b3ca9e3020bdadc413326a6dcd9306295b619015b75b8b0c8c049a',
    diffId: 'sha256:3512083d51b3ca9e3020bdadc413326a6dcd9306295b619015b75b8b0c8c049a',
  },
};

async function fixedLayers(node: string, script: string, environment: Record<string, string> = {}) {
  const { stdout } = await execa(node, [script], { env: environment });
  return JSON.parse(stdout) as object;
}

test('a plan gives the digests it always gave', async () => {
  const script = join(import.meta.dirname, 'fixed-layers.ts');
  expect(await fixedLayers(process.execPath, script)).toEqual(fixedDigests);
});

test('the machine’s time zone, language, umask and memory decide nothing', async () => {
  const script = join(import.meta.dirname, 'fixed-layers.ts');
  const environment = { TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' };
  const command = `umask 077; exec "$1" --max-semi-space-size=1 "$2"`;
  const { stdout } = await execa('sh', ['-c', command, 'sh', process.execPath, script], { env: environment });
  expect(JSON.parse(stdout)).toEqual(fixedDigests);
});

test('another Node gives the same digests, or refuses where it cannot', async () => {
  // The Node that npm itself runs on. On the development machines it is older than the project’s Node.
  const other = process.env['npm_node_execpath'] ?? '/usr/bin/node';
  const bundle = await rolldown({
    input: join(import.meta.dirname, 'fixed-layers.ts'),
    platform: 'node',
    tsconfig: false,
  });
  const file = join(scratch, 'fixed-layers.mjs');
  await bundle.write({ file, format: 'esm', codeSplitting: false });
  const { zstd, ...rest } = (await fixedLayers(other, file)) as typeof fixedDigests;
  const { zstd: fixedZstd, ...fixedRest } = fixedDigests;
  expect(rest).toEqual(fixedRest);
  const { stdout: release } = await execa(other, ['-p', 'process.versions.zstd']);
  if (release === process.versions['zstd']) expect(zstd).toEqual(fixedZstd);
  else expect(zstd).toMatch(/zstd 1\.5\.7 makes the layers of this version, and this Node has/);
});

test('GNU tar reads back every name, mode, link and date', async () => {
  const content = fixedDownload();
  writeFileSync(join(scratch, 'download'), content);
  const downloaded = new Map([[sha256, { path: join(scratch, 'download'), bytes: content.length }]]);
  const file = join(scratch, 'fixed.tar');
  await writeLayer(fixedPlan, file, { compression: 'none', downloaded, modificationTime: 4_102_444_800 });
  const root = join(scratch, 'fixed');
  // /opt is a link in a base: files below it go to the link’s target, and the link stays.
  mkdirSync(join(root, 'var/opt'), { recursive: true });
  symlinkSync('var/opt', join(root, 'opt'));
  await run('tar', '-xpf', file, '-C', root);
  const found = tree(root);
  for (const entry of fixedPlan.entries) {
    const path = entry.path.replace(/^\/opt/, '/var/opt');
    if (entry.kind === 'symlink') expect(found[path]).toBe(`symlink 0:0 ${entry.target}`);
    if (entry.kind === 'directory') expect(found[path]).toBe('directory 755 0:0');
    if (entry.kind === 'file')
      expect(found[path]).toMatch(`file ${entry.mode.toString(8)} 0:0 ${entry.content.length} `);
    if (entry.kind === 'download') expect(found[path]).toMatch(`file 755 0:0 ${content.length} `);
  }
  expect(found['/opt']).toBe('symlink 0:0 var/opt');
  const listing = await run('tar', '--full-time', '--utc', '-tvf', file);
  for (const line of listing.split('\n')) expect(line).toMatch(/ 0\/0 .* 2100-01-01 00:00:00 /);
});

const endings = ['tar', 'tar.gz', 'tgz', 'tar.zst'];

test.each(endings)('a recipe’s layer as .%s is what bake writes', async (ending) => {
  const file = project.path(`layer.${ending}`);
  const layer = await project.run(['layer', project.recipe, '-o', file]);
  expect(layer).toMatchObject({
    exitCode: 0,
    stderr: expect.stringMatching(/^selinux: auto: left out, .*\n.*`selinux: off`\.$/),
  });
  expect(layer.stdout).toContain(`digest  ${digestOf(file)}`);
  expect(layer.stdout).toMatch(/\nThe ujust recipes are left out:/);
  const [root, baked] = [project.path(`root-${ending}`), project.path(`baked-${ending}`)];
  mkdirSync(root);
  await run('tar', '-xpf', file, '-C', root);
  expect(await project.run(['bake', '--root', baked, project.recipe])).toMatchObject({ exitCode: 0 });
  expect(tree(root)).toEqual(tree(baked));
  expect(tree(root)['/usr/libexec/bluebuild/nix/nix-installer']).toMatch(/^file 755 0:0 3000000 /);
});

test('gzip, zstd and plain hold the same tar, and the tools that come with them read it', async () => {
  for (const ending of ['tar', 'tar.gz', 'tar.zst']) {
    expect(await project.run(['layer', project.recipe, '-o', `same.${ending}`])).toMatchObject({ exitCode: 0 });
  }
  const plain = digestOf(project.path('same.tar'));
  for (const [unpack, ending] of [
    ['gzip', 'tar.gz'],
    ['zstd', 'tar.zst'],
  ] as const) {
    const { stdout } = await execa(unpack, ['-dc', project.path(`same.${ending}`)], { encoding: 'buffer' });
    expect(`sha256:${createHash('sha256').update(stdout).digest('hex')}`).toBe(plain);
  }
});

const name = fc.stringMatching(/^[a-z0-9][a-z0-9._+-]{0,30}$/);
const entry = fc.record(
  {
    persistence: fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `/var/lib/${names.join('/')}`),
    'transient-root': fc.constantFrom('karg', 'off'),
    'nix-conf': fc.dictionary(
      fc.stringMatching(/^[a-z]{1,12}(-[a-z]{1,8}){0,2}$/),
      fc.oneof(
        fc.boolean(),
        fc.integer(),
        fc.array(fc.stringMatching(/^[a-zA-Z0-9@/.-]{1,20}$/), { minLength: 1, maxLength: 4 }),
      ),
      { maxKeys: 4 },
    ),
  },
  { requiredKeys: [] },
);

test('for any configuration the layer unpacked, the layer ADDed by buildah and the root baked are the same', async () => {
  const { buildah, remove } = makeBuildah();
  let runs = 0;
  try {
    await fc.assert(
      fc.asyncProperty(entry, fc.constantFrom('tar', 'tar.gz', 'tar.zst'), async (settings, ending) => {
        runs += 1;
        const recipe = project.writeRecipe(`property-${runs}`, settings);
        const directory = project.path(`property-${runs}`);
        mkdirSync(join(directory, 'unpacked'), { recursive: true });
        const file = join(directory, `nix.${ending}`);
        const layer = await project.run(['layer', recipe, '-o', file]);
        expect(layer.exitCode, layer.stderr).toBe(0);
        expect((await project.run(['bake', recipe, '--root', join(directory, 'baked')])).exitCode).toBe(0);
        await run('tar', '-xpf', file, '-C', join(directory, 'unpacked'));
        const baked = tree(join(directory, 'baked'));
        expect(tree(join(directory, 'unpacked'))).toEqual(baked);
        if (ending !== 'tar.zst') {
          // ADD in buildah 1.28 does not unpack zstd.
          writeFileSync(join(directory, 'Containerfile'), `FROM scratch\nADD nix.${ending} /\n`);
          const image = await buildah('bud', '-q', directory);
          const container = await buildah('from', image);
          expect(tree(await buildah('mount', container))).toEqual(baked);
          await buildah('rm', container);
          await buildah('rmi', image);
        }
        rmSync(directory, { recursive: true });
      }),
      { numRuns: Number(process.env['LAYER_RUNS'] ?? 8) },
    );
  } finally {
    await remove();
  }
}, 600_000);

test('SOURCE_DATE_EPOCH dates everything', async () => {
  const file = project.path('dated.tar');
  expect(await project.run(['layer', project.recipe, '-o', file], { SOURCE_DATE_EPOCH: '1600000000' })).toMatchObject({
    exitCode: 0,
  });
  const listing = await run('tar', '--full-time', '--utc', '-tvf', file);
  for (const line of listing.split('\n')) expect(line).toContain(' 2020-09-13 12:26:40 ');
});

test('a 200 MB installer is not held in memory', async () => {
  const large = makeProject(200_000_000);
  try {
    for (const ending of ['tar', 'tar.gz', 'tar.zst']) {
      const program = [
        join(import.meta.dirname, '../../src/cli.ts'),
        'layer',
        large.recipe,
        '-o',
        large.path(`l.${ending}`),
      ];
      const node = [process.execPath, '--max-semi-space-size=1'];
      const { stderr } = await execa('/usr/bin/time', ['-f', 'peak %M', ...node, ...program]);
      // Node strips TypeScript’s types in memory here, which takes 50 MB that the bundled program does not need.
      expect(Number(/peak (\d+)/.exec(stderr)?.[1]) / 1000, ending).toBeLessThan(190);
    }
  } finally {
    large.remove();
  }
});

test.each([
  [
    'an ending it does not know',
    ['layer', 'recipes/recipe.yml', '-o', 'nix.tar.xz'],
    2,
    /must end in \.tar, \.tar\.gz, \.tgz or \.tar\.zst/,
  ],
  ['no output', ['layer', 'recipes/recipe.yml'], 2, /'-o, --output <file>' not specified/],
  ['a directory as its output', ['layer', 'recipes/recipe.yml', '-o', 'taken.tar'], 1, /taken\.tar is a directory/],
  [
    'a directory that is not there',
    ['layer', 'recipes/recipe.yml', '-o', 'no/where/nix.tar'],
    1,
    /no\/where is not a directory/,
  ],
  ['a device', ['layer', 'recipes/recipe.yml', '-o', 'null.tar'], 1, /null\.tar is not a regular file/],
  ['a recipe that is not there', ['layer', 'recipes/none.yml', '-o', 'x.tar'], 1, /none\.yml/],
  [
    'a wrong recipe',
    ['layer', '--config', '{"type":"nix","persistance":"/var/x"}', '-o', 'x.tar'],
    1,
    /did you mean `persistence`/,
  ],
])('is told of %s', async (_what, args, exitCode, message) => {
  mkdirSync(project.path('taken.tar'), { recursive: true });
  if (!existsSync(project.path('null.tar'))) symlinkSync('/dev/null', project.path('null.tar'));
  const before = readdirSync(project.directory).toSorted();
  const outcome = await project.run(args);
  expect(outcome.exitCode, outcome.stderr).toBe(exitCode);
  expect(outcome.stderr).toMatch(message);
  expect(readdirSync(project.directory).toSorted()).toEqual(before);
});

test.each(['soon', '-1', '1.5', '0x10', '99999999999999'])('SOURCE_DATE_EPOCH=%s is refused', async (value) => {
  const outcome = await project.run(['layer', project.recipe, '-o', 'epoch.tar'], { SOURCE_DATE_EPOCH: value });
  expect(outcome).toMatchObject({ exitCode: 1 });
  expect(outcome.stderr).toContain('SOURCE_DATE_EPOCH is not a number of seconds');
  expect(existsSync(project.path('epoch.tar'))).toBe(false);
});

test('a full disk leaves the layer of before', async () => {
  const disk = project.path('disk');
  mkdirSync(disk);
  await run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', disk);
  try {
    writeFileSync(join(disk, 'nix.tar'), 'before');
    const outcome = await project.run(['layer', project.recipe, '-o', 'disk/nix.tar']);
    expect(outcome).toMatchObject({ exitCode: 1 });
    expect(outcome.stderr).toMatch(/no space left on the disk.*disk\/nix\.tar is unchanged/);
    expect(readdirSync(disk)).toEqual(['nix.tar']);
    expect(readFileSync(join(disk, 'nix.tar'), 'utf8')).toBe('before');
  } finally {
    await run('umount', disk);
  }
});
