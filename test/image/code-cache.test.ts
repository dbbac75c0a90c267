import { cp, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkCodeCache, makeCodeCache } from '../../modules/make-code-cache.ts';

const repository = join(import.meta.dirname, '../..');
const program = join(repository, 'modules/nix/program');
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const node = join(program, `node-${architecture}`);
const cache = `cache-${architecture}`;

let copy: string;
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'bluebuild-nix-code-cache-'));
  const isShared = (path: string) => !/\/(node|cache)-[^/]*$/.test(path);
  await cp(program, join(copy, 'program'), { recursive: true, filter: isShared });
  await mkdir(join(copy, 'program', cache));
});
afterAll(() => rm(copy, { recursive: true }));

test('the Node of the module takes the code cache that lies beside it', async () => {
  await checkCodeCache([node], program);
});

test('made again, in another place, the code cache is the same to the byte', async () => {
  await makeCodeCache([node], join(copy, 'program'));
  const names = await readdir(join(program, cache));
  expect(names).toContain('bake.cjs');
  expect(await readdir(join(copy, 'program', cache))).toEqual(names);
  for (const name of names) {
    const [built, again] = await Promise.all(
      [program, join(copy, 'program')].map((directory) => readFile(join(directory, cache, name))),
    );
    expect(again?.equals(built ?? Buffer.of()), name).toBe(true);
  }
});

test('a code cache that another V8 has made is noticed', async () => {
  // V8 treats a V8 with other flags as a different one.
  await expect(checkCodeCache([node, '--no-opt'], program)).rejects.toThrow(/does not take the code cache/);
});
