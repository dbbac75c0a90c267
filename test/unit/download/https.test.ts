import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  file,
  redirect,
  reset,
  stallingFile,
  status,
  truncatedFile,
  wholeFile,
} from '../../support/loopback-server.ts';
import { content, server, setting, useServer, sha256, sha256Of, artifactAt } from './setting.ts';
import type { AddressInfo } from 'node:net';

useServer({ trusted: true });

const ranges = () => server.requests.map(({ headers }) => headers.range);
const paths = () => server.requests.map(({ url }) => url);

test('a file arrives, checked, under its digest', async () => {
  server.on('/f', file(content));
  const fetched = await setting.fetch(artifactAt(server.url('/f')));
  expect(fetched).toEqual({ path: `${setting.cacheDirectory}/${sha256}`, bytes: content.length, fromCache: false });
  expect(sha256Of(await readFile(fetched.path))).toBe(sha256);
  expect(await setting.cacheNames()).toEqual([sha256]);
  expect(setting.seen.at(0)).toEqual({ kind: 'start', name: 'installer', url: server.url('/f') });
  expect(setting.seen.at(-1)).toEqual({ kind: 'done', name: 'installer', bytes: content.length, fromCache: false });
});

test('a file whose length nobody says arrives', async () => {
  server.on('/f', (response) => void response.writeHead(200).end(content));
  expect((await setting.fetch(artifactAt(server.url('/f')))).bytes).toBe(content.length);
});

describe('a wrong file', () => {
  const other = Buffer.from(content).fill(0, 0, 8);

  test('is refused at once, with both digests', async () => {
    server.on('/f', file(other));
    expect(await setting.failure(artifactAt(server.url('/f')))).toBe(
      `error: installer: the file does not match its digest
  - from:     ${server.url('/f')}
  - expected: sha256 ${sha256}
  - actual:   sha256 ${sha256Of(other)}, 300000 bytes
  = nothing was kept; is the digest of another version, or was the file changed? Compare it with its publisher

`,
    );
    expect(ranges()).toEqual([undefined]);
    expect(await setting.cacheNames()).toEqual([]);
  });

  test('of a length that nobody says may be one that was cut off: it is tried again', async () => {
    const cutOff = (response: Parameters<typeof reset>[0]) => {
      response.writeHead(200, { connection: 'close' }).end(content.subarray(0, 1000));
    };
    server.on('/f', cutOff, file(content));
    await setting.fetch(artifactAt(server.url('/f')));
    expect(setting.notes()).toEqual(['the file does not match its digest; trying again']);
  });
});

describe('more than the largest file that is accepted', () => {
  const mostBytes = 1024 ** 2;
  const refused = 'the server sends more than 1 MiB, the largest file that is accepted';

  test('is refused before its content arrives where the server says its length', async () => {
    server.on('/f', (response) => void response.writeHead(200, { 'content-length': mostBytes + 1 }).write('x'));
    expect(await setting.failure(artifactAt(server.url('/f')), { mostBytes })).toContain(refused);
    expect(setting.seen.filter(({ kind }) => kind === 'received')).toEqual([]);
    expect(await setting.cacheNames()).toEqual([]);
  });

  test('is refused from a server that never ends, which is asked once', async () => {
    server.on('/f', (response) => {
      const send = (): void => {
        while (response.write(content));
      };
      response.on('drain', send);
      send();
    });
    expect(await setting.failure(artifactAt(server.url('/f')), { mostBytes })).toContain(refused);
    const received = setting.seen.flatMap((one) => (one.kind === 'received' ? [one.bytes] : []));
    expect(Math.max(...received)).toBeLessThanOrEqual(mostBytes);
    expect(paths()).toEqual(['/f']);
    expect(await setting.cacheNames()).toEqual([]);
  });

  test('is more than 1 GiB, unless said otherwise', async () => {
    server.on('/f', (response) => void response.writeHead(200, { 'content-length': 1024 ** 3 + 1 }).write('x'));
    expect(await setting.failure(artifactAt(server.url('/f')))).toContain('more than 1024 MiB');
  });
});

describe('a connection that ends early', () => {
  test('is resumed, by a range of the same file', async () => {
    server.on('/f', truncatedFile(content, 100_000, { etag: '"one"' }), file(content, { etag: '"one"' }));
    const { path } = await setting.fetch(artifactAt(server.url('/f')));
    expect(sha256Of(await readFile(path))).toBe(sha256);
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
    expect(server.requests[1]?.headers['if-range']).toBe('"one"');
    expect(setting.notes()).toEqual(['the connection ended after 100000 of 300000 bytes; trying again']);
    expect(await setting.cacheNames()).toEqual([sha256]);
  });

  test('is resumed without If-Range after a weak entity tag', async () => {
    server.on('/f', truncatedFile(content, 100_000, { etag: 'W/"one"' }), file(content));
    await setting.fetch(artifactAt(server.url('/f')));
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
    expect(server.requests[1]?.headers).not.toHaveProperty('if-range');
  });

  test('is begun again where the server knows no ranges', async () => {
    server.on('/f', truncatedFile(content, 100_000), wholeFile(content));
    const { path } = await setting.fetch(artifactAt(server.url('/f')));
    expect(sha256Of(await readFile(path))).toBe(sha256);
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
  });

  test('is begun again where the server sends another part than asked for', async () => {
    const beginning = status(206, { 'content-range': 'bytes 0-9/300000' });
    server.on('/f', truncatedFile(content, 100_000), beginning, file(content));
    await setting.fetch(artifactAt(server.url('/f')));
    expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined]);
    expect(setting.notes()[1]).toBe('the server answered a request for a part with 206 bytes 0-9/300000; trying again');
  });

  test('is begun again where there is no such rest', async () => {
    server.on('/f', truncatedFile(content, 100_000), status(416), file(content));
    await setting.fetch(artifactAt(server.url('/f')));
    expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test('is begun again where the part was of another file that is as long', async () => {
    server.on('/f', truncatedFile(Buffer.alloc(300_000), 100_000), file(content), file(content));
    const { path } = await setting.fetch(artifactAt(server.url('/f')));
    expect(sha256Of(await readFile(path))).toBe(sha256);
    expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test('for good leaves nothing behind', async () => {
    server.on('/f', truncatedFile(content, 100_000));
    const shown = await setting.failure(artifactAt(server.url('/f')), { retries: 0 });
    expect(shown).toContain('installer: the connection ended after 100000 of 300000 bytes\n');
    expect(await setting.cacheNames()).toEqual([]);
  });
});

describe('an answer that is no file', () => {
  test.each([
    [404, 'Not Found', 'check the version and the URL: there is no such file'],
    [410, 'Gone', 'check the version and the URL: there is no such file'],
    [403, 'Forbidden', 'the server or a proxy denies access: check the URL, or use a mirror that needs no login'],
    [400, 'Bad Request', 'check the URL'],
  ] as const)('%i is not requested again', async (code, text, help) => {
    server.on('/f', status(code));
    const shown = await setting.failure(artifactAt(server.url('/f')));
    expect(shown).toBe(
      `error: installer: the server answered ${code} ${text}\n  - from: ${server.url('/f')}\n  = ${help}\n\n`,
    );
    expect(paths()).toEqual(['/f']);
    expect(await setting.cacheNames()).toEqual([]);
  });

  test.each([500, 502, 503, 504, 408, 429])('%i passes', async (code) => {
    server.on('/f', status(code), file(content));
    await setting.fetch(artifactAt(server.url('/f')));
    expect(setting.notes()).toEqual([expect.stringContaining(`the server answered ${code}`)]);
  });

  test('that does not end is given up after the retries', async () => {
    server.on('/f', status(500));
    expect(await setting.failure(artifactAt(server.url('/f')))).toContain('the server answered 500');
    expect(paths()).toHaveLength(4);
    expect(setting.notes()).toHaveLength(3);
  });

  test('Retry-After in seconds is waited for', async () => {
    server.on('/f', status(429, { 'retry-after': '1' }), file(content));
    await setting.fetch(artifactAt(server.url('/f')));
    const [first, second] = server.requests.map(({ at }) => at);
    expect(second! - first!).toBeGreaterThanOrEqual(990);
  });

  test('Retry-After as a date is waited for', async () => {
    const date = new Date(Date.now() + 2000).toUTCString(); // whole seconds: 1 to 2 s from now
    server.on('/f', status(503, { 'retry-after': date }), file(content));
    await setting.fetch(artifactAt(server.url('/f')));
    const [first, second] = server.requests.map(({ at }) => at);
    expect(second! - first!).toBeGreaterThanOrEqual(900);
  });

  test('Retry-After of an hour is not', async () => {
    server.on('/f', status(429, { 'retry-after': '3600' }));
    const shown = await setting.failure(artifactAt(server.url('/f')));
    expect(shown).toContain('the server asks to wait 3600 s');
    expect(paths()).toEqual(['/f']);
  });
});

describe('a redirect', () => {
  test('is followed, absolute or relative', async () => {
    server.on('/a', redirect('/b'));
    server.on('/b', redirect(server.url('/c')));
    server.on('/c', file(content));
    await setting.fetch(artifactAt(server.url('/a')));
    expect(paths()).toEqual(['/a', '/b', '/c']);
  });

  test('in a loop is named', async () => {
    server.on('/a', redirect('/b'));
    server.on('/b', redirect('/a'));
    const shown = await setting.failure(artifactAt(server.url('/a')));
    expect(shown).toContain('the server redirects in a loop');
    expect(shown).toContain(`${server.url('/a')} -> ${server.url('/b')} -> ${server.url('/a')}`);
    expect(paths()).toEqual(['/a', '/b']);
  });

  test('ten times is followed, eleven times is not', async () => {
    for (let i = 0; i <= 10; i += 1) server.on(`/${i}`, redirect(`/${i + 1}`));
    server.on('/11', file(content));
    expect(await setting.failure(artifactAt(server.url('/0')))).toContain('more than 10 redirects');
    expect(paths()).toHaveLength(11);
    await setting.fetch(artifactAt(server.url('/1')));
  });

  test.each([
    ['http://127.0.0.1:9/f', 'redirect to http://127.0.0.1:9/f refused: it is not https'],
    ['file:///etc/hostname', 'redirect to file:///etc/hostname refused: it is not https'],
    ['//[', 'the server redirects without a valid URL'],
    ['', 'the server redirects without a valid URL'],
  ])('to "%s" is refused', async (location, message) => {
    server.on('/f', redirect(location));
    expect(await setting.failure(artifactAt(server.url('/f')))).toContain(`installer: ${message}\n`);
    expect(paths()).toEqual(['/f']);
  });

  test('to http says so', async () => {
    server.on('/f', redirect('http://127.0.0.1:9/f?token=secret'));
    const shown = await setting.failure(artifactAt(server.url('/f')));
    expect(shown).toContain('redirect to http://127.0.0.1:9/f?… refused: it is not https');
    expect(shown).not.toContain('secret');
  });

  test('to a page that is not there names both addresses, and no signature', async () => {
    server.on('/f', redirect('/g?signature=secret'));
    const shown = await setting.failure(artifactAt(server.url('/f')));
    expect(shown).toContain(`  - from:     ${server.url('/f')}\n  - answered: ${server.url('/g')}?…\n`);
  });
});

describe('a server that is not there', () => {
  test('for a moment is tried again', async () => {
    server.on('/f', reset, file(content));
    await setting.fetch(artifactAt(server.url('/f')));
    expect(setting.notes()).toEqual([expect.stringContaining('cannot reach 127.0.0.1:')]);
  });

  test('stalls in the middle: resumed', async () => {
    server.on('/f', stallingFile(content, 100_000), file(content));
    await setting.fetch(artifactAt(server.url('/f')), { stallMilliseconds: 200 });
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
    expect(setting.notes()).toEqual(['nothing more after 100000 bytes for 0.2 s; trying again']);
  });

  test('stalls for good: given up', async () => {
    server.on('/f', () => {});
    const shown = await setting.failure(artifactAt(server.url('/f')), { stallMilliseconds: 100, retries: 1 });
    expect(shown).toContain('no answer for 0.1 s');
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
    await setting.fetch(artifactAt(server.url('/f')), { stallMilliseconds: 400, retries: 0 });
  });

  test('accepts and never speaks TLS: stalled', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => mute.once('listening', resolve));
    const sockets = new Set<{ destroy: () => void }>();
    mute.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
    const { port } = mute.address() as AddressInfo;
    const options = { stallMilliseconds: 100, retries: 0 };
    expect(await setting.failure(artifactAt(`https://127.0.0.1:${port}/f`), options)).toContain('no answer for 0.1 s');
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  test('refuses connections', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => gone.once('listening', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const shown = await setting.failure(artifactAt(`https://127.0.0.1:${port}/f`));
    expect(shown).toContain(`cannot reach 127.0.0.1:${port}: connect ECONNREFUSED`);
    expect(setting.notes()).toHaveLength(3);
  });

  test('has a name nobody knows', async () => {
    const shown = await setting.failure(artifactAt('https://mirror.invalid/f'));
    expect(shown).toContain('cannot reach mirror.invalid: getaddrinfo');
    // A machine that cannot reach its resolver does not know that the name does not exist, so it retries.
    expect(setting.notes()).toHaveLength(shown.includes('EAI_AGAIN') ? 3 : 0);
  });
});

test('a server that compresses unasked is understood', async () => {
  const { gzipSync } = await import('node:zlib');
  server.on('/f', (response, request) => {
    expect(request.headers['accept-encoding']).toBe('identity');
    const body = gzipSync(content);
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length }).end(body);
  });
  await setting.fetch(artifactAt(server.url('/f')));
});

describe('an address that cannot be used', () => {
  test.each([
    ['http://127.0.0.1/f', 'http: is not supported'],
    ['ftp://127.0.0.1/f', 'ftp: is not supported'],
    ['installer', 'not a URL'],
    ['https://me:secret@127.0.0.1/f', 'a user name or password in the URL is not supported'],
  ])('%s', async (url, message) => {
    const shown = await setting.failure(artifactAt(url));
    expect(shown).toContain(`installer: ${message}\n`);
    expect(shown).not.toContain('secret');
  });
});

test('a digest that could be a path is refused', async () => {
  const artifact = artifactAt(server.url('/f'), { sha256: `../${'a'.repeat(61)}` });
  await expect(setting.fetch(artifact)).rejects.toThrow('is not a SHA-256');
});

test('nothing that a server says reaches the terminal as a command', async () => {
  const answer = 'HTTP/1.1 404 \x9b31m::warning::\x1b[2J\r\nContent-Length: 0\r\n\r\n';
  server.on('/f', (response) => void response.socket?.end(Buffer.from(answer, 'latin1')));
  const shown = await setting.failure(artifactAt(server.url('/f')), { retries: 0 });
  expect(shown).toContain('installer: ');
  expect(shown).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f]/);
});
