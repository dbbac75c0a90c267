import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  file,
  redirect,
  reset,
  stallingFile,
  startServer,
  status,
  truncatedFile,
  trust,
  wholeFile,
} from './loopback-server.ts';
import { content, makeSetting, sha256, sha256Of, sourceAt } from './setting.ts';
import type { AddressInfo } from 'node:net';
import type { LoopbackServer } from './loopback-server.ts';
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

const ranges = () => server.requests.map(({ headers }) => headers.range);
const paths = () => server.requests.map(({ url }) => url);

test('a file arrives, checked, under its digest', async () => {
  server.on('/f', file(content));
  const fetched = await setting.fetch(sourceAt(server.url('/f'), { bytes: content.length }));
  expect(fetched).toEqual({ path: `${setting.cacheDirectory}/${sha256}`, bytes: content.length, fromCache: false });
  expect(sha256Of(await readFile(fetched.path))).toBe(sha256);
  expect(await setting.cacheNames()).toEqual([sha256]);
  expect(setting.seen.at(0)).toEqual({ kind: 'start', name: 'installer', url: server.url('/f') });
  expect(setting.seen.at(-1)).toEqual({ kind: 'done', name: 'installer', bytes: content.length, fromCache: false });
});

test('a file whose length nobody says arrives', async () => {
  server.on('/f', (response) => void response.writeHead(200).end(content));
  expect((await setting.fetch(sourceAt(server.url('/f')))).bytes).toBe(content.length);
});

describe('a wrong file', () => {
  const other = Buffer.from(content).fill(0, 0, 8);

  test('is tried once more from scratch, then refused with both digests', async () => {
    server.on('/f', file(other));
    const error = await setting.failure(sourceAt(server.url('/f')));
    expect(error.code).toBe('digest');
    expect(error.message).toContain(`expected: sha256 ${sha256}`);
    expect(error.message).toContain(`actual:   sha256 ${sha256Of(other)}, 300000 bytes`);
    expect(error.message).toContain(server.url('/f'));
    expect(ranges()).toEqual([undefined, undefined]);
    expect(await setting.cacheNames()).toEqual([]);
  });

  test('is forgiven when the second transfer is right', async () => {
    server.on('/f', file(other), file(content));
    await setting.fetch(sourceAt(server.url('/f')));
    expect(setting.notes()).toEqual(['the file is not the one its digest promises; trying again']);
  });

  test('of another length is refused before its content is fetched', async () => {
    server.on('/f', stallingFile(Buffer.from('<html>Sign in</html>'), 5));
    const error = await setting.failure(sourceAt(server.url('/f'), { bytes: content.length }));
    expect(error.code).toBe('size');
    expect(error.message).toContain('300000 bytes are expected, the server sends 20');
    expect(paths()).toEqual(['/f']);
    expect(await setting.cacheNames()).toEqual([]);
  });

  test('without end is refused at the length expected', async () => {
    server.on('/f', (response) => {
      response.on('drain', () => response.write(content)).write(content);
      response.write(content);
    });
    const error = await setting.failure(sourceAt(server.url('/f'), { bytes: content.length }));
    expect(error.code).toBe('size');
    expect(await setting.cacheNames()).toEqual([]);
  });
});

describe('a connection that ends early', () => {
  test('is gone on from, by a range of the same file', async () => {
    server.on('/f', truncatedFile(content, 100_000, { etag: '"one"' }), file(content, { etag: '"one"' }));
    const { path } = await setting.fetch(sourceAt(server.url('/f')));
    expect(sha256Of(await readFile(path))).toBe(sha256);
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
    expect(server.requests[1]?.headers['if-range']).toBe('"one"');
    expect(setting.notes()).toEqual(['the connection ended after 100000 of 300000 bytes; trying again']);
    expect(await setting.cacheNames()).toEqual([sha256]);
  });

  test('is gone on from without If-Range after a weak entity tag', async () => {
    server.on('/f', truncatedFile(content, 100_000, { etag: 'W/"one"' }), file(content));
    await setting.fetch(sourceAt(server.url('/f')));
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
    expect(server.requests[1]?.headers).not.toHaveProperty('if-range');
  });

  test('is gone on from in the next run', async () => {
    server.on('/f', truncatedFile(content, 100_000), reset, file(content));
    const error = await setting.failure(sourceAt(server.url('/f')), { retries: 0 });
    expect(error.code).toBe('truncated');
    expect(error.message).toContain('after 100000 of 300000 bytes');
    expect(await setting.cacheNames()).toEqual([`${sha256}.partial`]);
    expect((await setting.failure(sourceAt(server.url('/f')), { retries: 0 })).code).toBe('unreachable');
    expect(await setting.cacheNames()).toEqual([`${sha256}.partial`]);
    await setting.fetch(sourceAt(server.url('/f')));
    expect(ranges()).toEqual([undefined, 'bytes=100000-', 'bytes=100000-']);
    expect(await setting.cacheNames()).toEqual([sha256]);
  });

  test('is begun again where the server knows no ranges', async () => {
    server.on('/f', truncatedFile(content, 100_000), wholeFile(content));
    const { path } = await setting.fetch(sourceAt(server.url('/f')));
    expect(sha256Of(await readFile(path))).toBe(sha256);
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
  });

  test('is begun again where the server sends another part than asked for', async () => {
    const beginning = status(206, { 'content-range': 'bytes 0-9/300000' });
    server.on('/f', truncatedFile(content, 100_000), beginning, file(content));
    await setting.fetch(sourceAt(server.url('/f')));
    expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined]);
    expect(setting.notes()[1]).toBe(
      'asked for the rest of the file, the server answered 206 bytes 0-9/300000; trying again',
    );
  });

  test('is begun again where there is no such rest', async () => {
    server.on('/f', truncatedFile(content, 100_000), status(416), file(content));
    await setting.fetch(sourceAt(server.url('/f')));
    expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test('is begun again where the part was of another file', async () => {
    server.on('/f', truncatedFile(Buffer.alloc(300_000), 100_000), file(content));
    const { path } = await setting.fetch(sourceAt(server.url('/f')));
    expect(sha256Of(await readFile(path))).toBe(sha256);
    expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test('is seen where only the source says the length', async () => {
    const quiet = (response: Parameters<typeof reset>[0]) => {
      response.writeHead(200, { connection: 'close' }).end(content.subarray(0, 1000));
    };
    server.on('/f', quiet, file(content));
    await setting.fetch(sourceAt(server.url('/f'), { bytes: content.length }));
    expect(ranges()).toEqual([undefined, 'bytes=1000-']);
  });
});

describe('an answer that is no file', () => {
  test.each([
    [404, 'not-found', 'the server answered 404 Not Found'],
    [410, 'not-found', 'the server answered 410 Gone'],
    [403, 'http', 'the server answered 403 Forbidden'],
    [400, 'http', 'the server answered 400 Bad Request'],
  ] as const)('%i is not asked for again', async (code, kind, message) => {
    server.on('/f', status(code));
    const error = await setting.failure(sourceAt(server.url('/f')));
    expect(error.code).toBe(kind);
    expect(error.message).toContain(`installer: ${message}\n  from:     ${server.url('/f')}\n`);
    expect(paths()).toEqual(['/f']);
    expect(await setting.cacheNames()).toEqual([]);
  });

  test.each([500, 502, 503, 504, 408, 429])('%i passes', async (code) => {
    server.on('/f', status(code), file(content));
    await setting.fetch(sourceAt(server.url('/f')));
    expect(setting.notes()).toEqual([expect.stringContaining(`the server answered ${code}`)]);
  });

  test('that goes on is given up after the retries', async () => {
    server.on('/f', status(500));
    expect((await setting.failure(sourceAt(server.url('/f')))).code).toBe('http');
    expect(paths()).toHaveLength(4);
    expect(setting.notes()).toHaveLength(3);
  });

  test('Retry-After in seconds is waited for', async () => {
    server.on('/f', status(429, { 'retry-after': '1' }), file(content));
    await setting.fetch(sourceAt(server.url('/f')));
    const [first, second] = server.requests.map(({ at }) => at);
    expect(second! - first!).toBeGreaterThanOrEqual(990);
  });

  test('Retry-After as a date is waited for', async () => {
    const date = new Date(Date.now() + 2000).toUTCString(); // whole seconds: 1 to 2 s from now
    server.on('/f', status(503, { 'retry-after': date }), file(content));
    await setting.fetch(sourceAt(server.url('/f')));
    const [first, second] = server.requests.map(({ at }) => at);
    expect(second! - first!).toBeGreaterThanOrEqual(900);
  });

  test('Retry-After of an hour is not', async () => {
    server.on('/f', status(429, { 'retry-after': '3600' }));
    const error = await setting.failure(sourceAt(server.url('/f')));
    expect(error.message).toContain('It asks to be left alone for 3600 s');
    expect(paths()).toEqual(['/f']);
  });
});

describe('a redirect', () => {
  test('is followed, absolute or relative', async () => {
    server.on('/a', redirect('/b'));
    server.on('/b', redirect(server.url('/c')));
    server.on('/c', file(content));
    await setting.fetch(sourceAt(server.url('/a')));
    expect(paths()).toEqual(['/a', '/b', '/c']);
  });

  test('in a loop is named', async () => {
    server.on('/a', redirect('/b'));
    server.on('/b', redirect('/a'));
    const error = await setting.failure(sourceAt(server.url('/a')));
    expect(error.code).toBe('redirect');
    expect(error.message).toContain('redirected in a loop');
    expect(error.message).toContain(`${server.url('/a')} -> ${server.url('/b')} -> ${server.url('/a')}`);
    expect(paths()).toEqual(['/a', '/b']);
  });

  test('ten times is followed, eleven times is not', async () => {
    for (let i = 0; i <= 10; i += 1) server.on(`/${i}`, redirect(`/${i + 1}`));
    server.on('/11', file(content));
    expect((await setting.failure(sourceAt(server.url('/0')))).message).toContain('redirected over 10 times');
    expect(paths()).toHaveLength(11);
    await setting.fetch(sourceAt(server.url('/1')));
  });

  test.each(['http://127.0.0.1:9/f', 'file:///etc/hostname', '//[', ''])('to "%s" is refused', async (location) => {
    server.on('/f', redirect(location));
    const error = await setting.failure(sourceAt(server.url('/f')));
    expect(error.code).toBe('redirect');
    expect(paths()).toEqual(['/f']);
  });

  test('to http says so', async () => {
    server.on('/f', redirect('http://127.0.0.1:9/f?token=secret'));
    const { message } = await setting.failure(sourceAt(server.url('/f')));
    expect(message).toContain('redirected away from https, to http://127.0.0.1:9/f?…: refused');
  });

  test('to a page that is not there names both addresses, and no signature', async () => {
    server.on('/f', redirect('/g?signature=secret'));
    const { message, code } = await setting.failure(sourceAt(server.url('/f')));
    expect(code).toBe('not-found');
    expect(message).toContain(`from:     ${server.url('/f')}\n  answered: ${server.url('/g')}?…\n`);
  });
});

describe('a server that is not there', () => {
  test('for a moment is tried again', async () => {
    server.on('/f', reset, file(content));
    await setting.fetch(sourceAt(server.url('/f')));
    expect(setting.notes()).toEqual([expect.stringContaining('cannot reach 127.0.0.1:')]);
  });

  test('stalls in the middle: gone on from', async () => {
    server.on('/f', stallingFile(content, 100_000), file(content));
    await setting.fetch(sourceAt(server.url('/f')), { stallMilliseconds: 200 });
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
    expect(setting.notes()).toEqual(['nothing more after 100000 bytes for 0.2 s; trying again']);
  });

  test('stalls for good: given up', async () => {
    server.on('/f', () => {});
    const error = await setting.failure(sourceAt(server.url('/f')), { stallMilliseconds: 100, retries: 1 });
    expect(error.code).toBe('stalled');
    expect(error.message).toContain('no answer for 0.1 s');
    expect(paths()).toHaveLength(2);
  });

  test('sends slowly but steadily: no stall', async () => {
    server.on('/f', (response) => {
      response.writeHead(200, { 'content-length': content.length });
      let sent = 0;
      const timer = setInterval(() => {
        response.write(content.subarray(sent, (sent += 50_000)));
        if (sent < content.length) return;
        clearInterval(timer);
        response.end();
      }, 100);
    });
    await setting.fetch(sourceAt(server.url('/f')), { stallMilliseconds: 400, retries: 0 });
  });

  test('accepts and never speaks TLS: stalled', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => mute.once('listening', resolve));
    const sockets = new Set<{ destroy: () => void }>();
    mute.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
    const { port } = mute.address() as AddressInfo;
    const options = { stallMilliseconds: 100, retries: 0 };
    expect((await setting.failure(sourceAt(`https://127.0.0.1:${port}/f`), options)).code).toBe('stalled');
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  test('refuses connections', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => gone.once('listening', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const error = await setting.failure(sourceAt(`https://127.0.0.1:${port}/f`));
    expect(error.code).toBe('unreachable');
    expect(error.message).toContain(`cannot reach 127.0.0.1:${port}: connect ECONNREFUSED`);
    expect(setting.notes()).toHaveLength(3);
  });

  test('has a name nobody knows', async () => {
    const error = await setting.failure(sourceAt('https://mirror.invalid/f'));
    expect(error.code).toBe('unreachable');
    expect(error.message).toContain('cannot reach mirror.invalid: getaddrinfo');
    // A machine whose resolver is away cannot know that the name does not exist.
    expect(setting.notes()).toHaveLength(error.message.includes('EAI_AGAIN') ? 3 : 0);
  });
});

test('a run that is ended keeps what has come', async () => {
  server.on('/f', stallingFile(content, 100_000), file(content));
  const run = new AbortController();
  const ended = setting.fetch(sourceAt(server.url('/f')), {
    signal: run.signal,
    stallMilliseconds: 60_000,
    progress: (progress) => {
      if (progress.kind === 'received' && progress.bytes === 100_000) run.abort(new Error('enough'));
    },
  });
  await expect(ended).rejects.toThrow('enough');
  await setting.fetch(sourceAt(server.url('/f')));
  expect(ranges()).toEqual([undefined, 'bytes=100000-']);
});

test('a run that is ended while it waits ends at once', async () => {
  server.on('/f', status(429, { 'retry-after': '50' }));
  const run = new AbortController();
  const progress = ({ kind }: { kind: string }) => {
    if (kind === 'note') setImmediate(() => run.abort(new Error('enough')));
  };
  await expect(setting.fetch(sourceAt(server.url('/f')), { signal: run.signal, progress })).rejects.toThrow('enough');
});

test('a server that compresses unasked is understood', async () => {
  const { gzipSync } = await import('node:zlib');
  server.on('/f', (response, request) => {
    expect(request.headers['accept-encoding']).toBe('identity');
    const body = gzipSync(content);
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length }).end(body);
  });
  await setting.fetch(sourceAt(server.url('/f'), { bytes: content.length }));
});

describe('an address that cannot be used', () => {
  test.each([
    ['http://127.0.0.1/f', 'http: is not supported'],
    ['ftp://127.0.0.1/f', 'ftp: is not supported'],
    ['installer', 'not an address'],
    ['https://me:secret@127.0.0.1/f', 'a user name or password in the address is not supported'],
  ])('%s', async (url, message) => {
    const error = await setting.failure(sourceAt(url));
    expect(error.code).toBe('url');
    expect(error.message).toContain(`installer: ${message}\n`);
    expect(error.message).not.toContain('secret');
  });
});

test('a digest that could be a path is refused', async () => {
  const source = sourceAt(server.url('/f'), { sha256: `../${'a'.repeat(61)}` });
  await expect(setting.fetch(source)).rejects.toThrow('is not a SHA-256 in 64 lower-case hex digits');
});
