import { execa } from 'execa';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { file, startServer, status, trust } from './loopback-server.ts';
import { content, makeSetting, sha256, sha256Of, sourceAt } from './setting.ts';
import type { Reply, LoopbackServer } from './loopback-server.ts';
import type { Setting } from './setting.ts';

let server: LoopbackServer;
let setting: Setting;
beforeAll(async () => {
  server = await startServer();
  await trust(server);
});
afterAll(() => server.close());
beforeEach(async () => {
  setting = await makeSetting();
  server.requests.length = 0;
});
afterEach(() => setting.remove());

test('a cached file needs no server', async () => {
  server.on('/f', file(content));
  const source = sourceAt(server.url('/f'));
  await setting.fetch(source);
  const again = await setting.fetch(source);
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

  test('is downloaded anew, with a line saying so', async () => {
    server.on('/f', file(content));
    const { path, fromCache } = await setting.fetch(sourceAt(server.url('/f')));
    expect(fromCache).toBe(false);
    expect(sha256Of(await readFile(path))).toBe(sha256);
    const line = `the cached copy is damaged (sha256 ${sha256Of(damaged)} in ${path}); downloading it anew`;
    expect(setting.notes()).toEqual([line]);
  });

  test('is never given out where it cannot be downloaded', async () => {
    server.on('/f', status(404));
    expect((await setting.failure(sourceAt(server.url('/f')))).code).toBe('not-found');
    expect((await setting.failure(sourceAt(server.url('/f')))).code).toBe('not-found');
  });
});

describe('what a killed run left', () => {
  const leftover = () => join(setting.cacheDirectory, `${sha256}.0f5c.partial`);
  beforeEach(() => mkdir(setting.cacheDirectory));

  test('is gone on from and cleared away; other files are left alone', async () => {
    await writeFile(leftover(), content.subarray(0, 200_000));
    await writeFile(join(setting.cacheDirectory, `${sha256}.partial`), content.subarray(0, 100_000));
    const other = `${'0'.repeat(64)}.partial`;
    await writeFile(join(setting.cacheDirectory, other), '');
    server.on('/f', file(content));
    const { path } = await setting.fetch(sourceAt(server.url('/f')));
    expect(sha256Of(await readFile(path))).toBe(sha256);
    expect(server.requests.map(({ headers }) => headers.range)).toEqual(['bytes=200000-']);
    expect((await setting.cacheNames()).toSorted()).toEqual([other, sha256].toSorted());
  });

  test('whole, without its final name, needs no server', async () => {
    await writeFile(leftover(), content);
    await setting.fetch(sourceAt(server.url('/f')));
    expect(server.requests).toEqual([]);
    expect(await setting.cacheNames()).toEqual([sha256]);
  });

  test('longer than the file is begun again', async () => {
    await writeFile(leftover(), Buffer.concat([content, content]));
    server.on('/f', status(416), file(content));
    await setting.fetch(sourceAt(server.url('/f')));
    expect(server.requests.map(({ headers }) => headers.range)).toEqual(['bytes=600000-', undefined]);
  });
});

describe('two processes at once', () => {
  /** Answers when as many requests have come as were announced, so that the runs truly overlap. */
  const together = (count: number): Reply => {
    const waiting: (() => void)[] = [];
    return (response, request) => {
      waiting.push(() => file(content)(response, request));
      if (waiting.length >= count) for (const answer of waiting.splice(0)) answer();
    };
  };
  const run = (cacheDirectory: string) =>
    execa(process.execPath, [join(import.meta.dirname, 'download-process.ts')], {
      input: JSON.stringify({ source: sourceAt(server.url('/f')), cacheDirectory, retries: 0 }),
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

  test('the second takes over what the first has so far, and the first is none the worse', async () => {
    let goOn = () => {};
    const first: Reply = (response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 100_000));
      goOn = () => response.end(content.subarray(100_000));
    };
    server.on('/f', first, file(content));
    const halfway = Promise.withResolvers<void>();
    const slow = setting.fetch(sourceAt(server.url('/f')), {
      progress: (progress) => {
        if (progress.kind === 'received' && progress.bytes === 100_000) halfway.resolve();
      },
    });
    await halfway.promise;
    await run(setting.cacheDirectory);
    expect(server.requests[1]?.headers.range).toBe('bytes=100000-');
    goOn();
    expect((await slow).path).toBe(join(setting.cacheDirectory, sha256));
    expect(await setting.cacheNames()).toEqual([sha256]);
  });
});

describe('a cache directory that cannot be written', () => {
  test('is named', async () => {
    await writeFile(setting.cacheDirectory, 'a file');
    const error = await setting.failure(sourceAt(server.url('/f')));
    expect(error.code).toBe('disk');
    expect(error.message).toContain('cannot use the cache directory: ENOTDIR');
    expect(error.message).toContain(`cache:    ${setting.cacheDirectory}`);
    expect(server.requests).toEqual([]);
  });

  const mounted = async (options: string, inside: () => Promise<void>): Promise<void> => {
    await mkdir(setting.cacheDirectory);
    await execa('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', setting.cacheDirectory]);
    await inside().finally(() => execa('umount', [setting.cacheDirectory]));
  };
  // In CI they must run: there a missing privilege is a failure.
  const cannotMount = process.getuid?.() !== 0 && process.env['CI'] === undefined;
  const why = 'needs root, to mount a small tmpfs';

  test('because the disk is full: said, and nothing left behind', async ({ skip }) => {
    skip(cannotMount, why);
    server.on('/f', file(content));
    await mounted('size=128k', async () => {
      const error = await setting.failure(sourceAt(server.url('/f'), { bytes: content.length }));
      expect(error.code).toBe('disk');
      expect(error.message).toContain('no space left in the cache directory');
      expect(error.message).toContain('300000 bytes are needed');
      expect(setting.notes()).toEqual([]);
      expect(await setting.cacheNames()).toEqual([]);
    });
  });

  test('because it is read-only: said', async ({ skip }) => {
    skip(cannotMount, why);
    await mounted('ro', async () => {
      const error = await setting.failure(sourceAt(server.url('/f')));
      expect(error.code).toBe('disk');
      expect(error.message).toContain('cannot use the cache directory: EROFS');
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
    const fetched = await setting.fetch(sourceAt(url('installer #1 ü')));
    expect(fetched).toEqual({ path: at('installer #1 ü'), bytes: content.length, fromCache: false });
    expect(await setting.cacheNames()).toEqual(['installer #1 ü']);
  });

  test('with another digest is refused with both', async () => {
    const wanted = 'a'.repeat(64);
    const error = await setting.failure(sourceAt(url('installer #1 ü'), { sha256: wanted }));
    expect(error.code).toBe('digest');
    expect(error.message).toContain(`expected: sha256 ${wanted}\n  actual:   sha256 ${sha256}, 300000 bytes`);
  });

  test.each([
    ['missing', () => url('missing'), 'not-found', 'there is no such file'],
    ['below a file', () => `${url('installer #1 ü')}/x`, 'not-found', 'there is no such file'],
    ['a directory', () => `file://${setting.cacheDirectory}`, 'unreadable', 'it is not a regular file'],
    ['a device without end', () => 'file:///dev/zero', 'unreadable', 'it is not a regular file'],
    ['on another host', () => 'file://mirror/installer', 'url', 'host'],
  ])('%s', async (_, address, code, message) => {
    const error = await setting.failure(sourceAt(address()));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  test('that this user may not read is refused', async ({ skip }) => {
    skip(process.getuid?.() !== 0 && process.env['CI'] === undefined, 'needs root, to become a user without rights');
    await chmod(at('installer #1 ü'), 0o600);
    process.seteuid?.(65534); // nobody
    const error = await setting.failure(sourceAt(url('installer #1 ü'))).finally(() => process.seteuid?.(0));
    expect(error.code).toBe('unreadable');
    expect(error.message).toContain('cannot be read: EACCES');
  });
});
