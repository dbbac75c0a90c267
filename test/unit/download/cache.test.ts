import { execa } from 'execa';
import { chmod, mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { file, status } from '../../support/loopback-server.ts';
import { content, server, setting, useServer, sha256, sha256Of, artifactAt } from './setting.ts';
import type { Reply } from '../../support/loopback-server.ts';

useServer({ trusted: true });

test('a cached file needs no server', async () => {
  server.on('/f', file(content));
  const artifact = artifactAt(server.url('/f'));
  await setting.fetch(artifact);
  const again = await setting.fetch(artifact);
  expect(again).toEqual({ path: join(setting.cacheDirectory, sha256), bytes: content.length, fromCache: true });
  expect(server.requests).toHaveLength(1);
  expect(setting.seen.at(-1)).toEqual({ kind: 'done', name: 'installer', bytes: content.length, fromCache: true });
});

describe('a damaged cached file', () => {
  const damaged = Buffer.concat([content.subarray(1), content.subarray(0, 1)]);
  beforeEach(async () => {
    await mkdir(setting.cacheDirectory);
    await writeFile(join(setting.cacheDirectory, sha256), damaged);
  });

  test('is downloaded again, with a line saying so', async () => {
    server.on('/f', file(content));
    const { path, fromCache } = await setting.fetch(artifactAt(server.url('/f')));
    expect(fromCache).toBe(false);
    expect(sha256Of(await readFile(path))).toBe(sha256);
    const line = `the cached copy is damaged (sha256 ${sha256Of(damaged)} in ${path}); downloading it again`;
    expect(setting.notes()).toEqual([line]);
  });

  test('is never given out where it cannot be downloaded', async () => {
    server.on('/f', status(404));
    expect(await setting.failure(artifactAt(server.url('/f')))).toContain('404');
    expect(await setting.failure(artifactAt(server.url('/f')))).toContain('404');
  });
});

test('what a killed run left is removed after an hour, when no run can be at work on it', async () => {
  await mkdir(setting.cacheDirectory);
  const [abandoned, recent, other] = [`${sha256}.1.partial`, `${sha256}.2.partial`, 'notes.txt'];
  for (const name of [abandoned, recent, other]) await writeFile(join(setting.cacheDirectory, name), 'x');
  const [twoHoursAgo, halfAnHourAgo] = [Date.now() / 1000 - 7200, Date.now() / 1000 - 1800];
  for (const name of [abandoned, other]) await utimes(join(setting.cacheDirectory, name), twoHoursAgo, twoHoursAgo);
  await utimes(join(setting.cacheDirectory, recent), halfAnHourAgo, halfAnHourAgo);
  server.on('/f', file(content));
  await setting.fetch(artifactAt(server.url('/f')));
  expect((await setting.cacheNames()).toSorted()).toEqual([recent, other, sha256].toSorted());
});

describe('two processes at once', () => {
  /** Answers once `count` requests have come in, so that the runs really overlap. */
  const together = (count: number): Reply => {
    const waiting: (() => void)[] = [];
    return (response, request) => {
      waiting.push(() => file(content)(response, request));
      if (waiting.length >= count) for (const answer of waiting.splice(0)) answer();
    };
  };
  const run = (cacheDirectory: string) =>
    execa(process.execPath, [join(import.meta.dirname, 'download-process.ts')], {
      input: JSON.stringify({ artifact: artifactAt(server.url('/f')), cacheDirectory, retries: 0 }),
      env: { NODE_EXTRA_CA_CERTS: server.authorityFile },
    });

  test('both get the file', async () => {
    server.on('/f', together(2));
    const results = await Promise.all([run(setting.cacheDirectory), run(setting.cacheDirectory)]);
    for (const { stdout } of results) {
      expect(JSON.parse(stdout)).toMatchObject({ path: join(setting.cacheDirectory, sha256), bytes: content.length });
    }
    expect(server.requests).toHaveLength(2);
    expect(sha256Of(await readFile(join(setting.cacheDirectory, sha256)))).toBe(sha256);
    expect(await setting.cacheNames()).toEqual([sha256]);
  });
});

describe('a cache directory that cannot be written', () => {
  test('is named', async () => {
    await writeFile(setting.cacheDirectory, 'a file');
    const shown = await setting.failure(artifactAt(server.url('/f')));
    expect(shown).toContain('cannot use the cache directory: it is not a directory');
    expect(shown).toContain(`- cache: ${setting.cacheDirectory}`);
    expect(server.requests).toEqual([]);
  });

  const mounted = async (options: string, inside: () => Promise<void>): Promise<void> => {
    await mkdir(setting.cacheDirectory);
    await execa('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', setting.cacheDirectory]);
    await inside().finally(() => execa('umount', [setting.cacheDirectory]));
  };
  // In CI the tests must run: a missing privilege is a failure there.
  const cannotMount = process.getuid?.() !== 0 && process.env['CI'] === undefined;
  const why = 'needs root, to mount a small tmpfs';

  test('because the disk is full: said, and nothing left behind', async ({ skip }) => {
    skip(cannotMount, why);
    server.on('/f', file(content));
    await mounted('size=128k', async () => {
      const shown = await setting.failure(artifactAt(server.url('/f')));
      expect(shown).toContain('no space left in the cache directory');
      expect(setting.notes()).toEqual([]);
      expect(await setting.cacheNames()).toEqual([]);
    });
  });

  test('because it is read-only: said', async ({ skip }) => {
    skip(cannotMount, why);
    await mounted('ro', async () => {
      const shown = await setting.failure(artifactAt(server.url('/f')));
      expect(shown).toContain('cannot use the cache directory: EROFS');
    });
  });
});

describe('file:', () => {
  const at = (name: string): string => join(setting.cacheDirectory, name);
  beforeEach(async () => {
    await mkdir(setting.cacheDirectory);
    await writeFile(at('installer #1 ü'), content);
  });
  const url = (name: string): string => `file://${at(encodeURIComponent(name))}`;

  test('is checked where it lies', async () => {
    const fetched = await setting.fetch(artifactAt(url('installer #1 ü')));
    expect(fetched).toEqual({ path: at('installer #1 ü'), bytes: content.length, fromCache: false });
    expect(await setting.cacheNames()).toEqual(['installer #1 ü']);
  });

  test('with another digest is refused with both', async () => {
    const wanted = 'a'.repeat(64);
    const shown = await setting.failure(artifactAt(url('installer #1 ü'), { sha256: wanted }));
    expect(shown).toContain(`- expected: sha256 ${wanted}\n  - actual:   sha256 ${sha256}, 300000 bytes\n`);
  });

  test.each([
    ['missing', () => url('missing'), 'no such file'],
    ['below a file', () => `${url('installer #1 ü')}/x`, 'no such file'],
    ['a directory', () => `file://${setting.cacheDirectory}`, 'it is not a regular file'],
    ['a device without end', () => 'file:///dev/zero', 'it is not a regular file'],
    ['on another host', () => 'file://mirror/installer', 'host'],
  ])('%s', async (_, address, message) => {
    const shown = await setting.failure(artifactAt(address()));
    expect(shown).toContain(message);
  });

  test('that this user may not read is refused', async ({ skip }) => {
    skip(process.getuid?.() !== 0 && process.env['CI'] === undefined, 'needs root, to become a user without rights');
    await chmod(at('installer #1 ü'), 0o600);
    process.seteuid?.(65534); // nobody
    const shown = await setting.failure(artifactAt(url('installer #1 ü'))).finally(() => process.seteuid?.(0));
    expect(shown).toContain('cannot be read: EACCES');
  });
});
