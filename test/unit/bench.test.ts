/** The bench compares the module with a plain script, which must bake the same files. Only this test checks that. */
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { planOf } from '../image/project.ts';
import { needs } from '../support/requirement.ts';

test('the plain script of the bench writes every path of the plan', async (context) => {
  needs(context, 'bash', 'jq');
  const directory = mkdtempSync(join(tmpdir(), 'nix-plain-'));
  try {
    const stand = 'a stand-in for nix-installer';
    const sha256 = createHash('sha256').update(stand).digest('hex');
    writeFileSync(join(directory, 'installer'), stand);
    const entry = (url: string) => ({ type: 'nix', installer: { version: '1.2.3', url, sha256 } });
    const root = join(directory, 'root');
    await execa('bash', [
      join(import.meta.dirname, '../bench/plain.sh'),
      JSON.stringify(entry(`file://${directory}/installer`)),
      join(import.meta.dirname, '../../modules/nix/files'),
      root,
    ]);
    const planned = await planOf(entry('file:///tmp/files/installer'));
    expect(planned.length).toBeGreaterThan(20);
    const written = (path: string) => lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
    expect(planned.map(({ path }) => path).filter((path) => !written(path))).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
