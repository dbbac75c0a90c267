import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { file, startServer } from './loopback-server.ts';
import { content, makeSetting, sha256, sourceAt } from './setting.ts';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { LoopbackServer } from './loopback-server.ts';
import type { Setting } from './setting.ts';

let server: LoopbackServer;
let setting: Setting;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  setting = await makeSetting();
});
afterEach(() => setting.remove());

// --max-semi-space-size as the module's launcher gives it: V8 else keeps up to 30 MB more of dead buffers.
const download = (source: object, env: Record<string, string> = {}) =>
  execa(process.execPath, ['--max-semi-space-size=1', join(import.meta.dirname, 'download-process.ts')], {
    input: JSON.stringify({ source, cacheDirectory: setting.cacheDirectory, retries: 2 }),
    env: { NODE_EXTRA_CA_CERTS: server.authorityFile, ...env },
  });

/** An HTTP proxy on 127.0.0.1; `answer` does what it likes with a CONNECT. Gives the environment that names it. */
async function startProxy(answer: (socket: Duplex, host: string, port: number) => void) {
  const asked: string[] = [];
  const proxy = createServer().listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  proxy.on('connect', ({ url = '' }, socket) => {
    asked.push(url);
    const { hostname, port } = new URL(`http://${url}`);
    answer(
      socket.on('error', () => {}),
      hostname,
      Number(port),
    );
  });
  const { port } = proxy.address() as AddressInfo;
  const address = `http://127.0.0.1:${port}`;
  const env = { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: address, https_proxy: address, NO_PROXY: '', no_proxy: '' };
  return { env, asked, close: () => proxy.close() };
}

test('200 MB pass through without being held in memory', { timeout: 20_000 }, async () => {
  const block = Buffer.alloc(1_000_000, 'nix');
  const blocks = 200;
  const hash = createHash('sha256');
  for (let i = 0; i < blocks; i += 1) hash.update(block);
  server.on('/f', (response) => {
    response.writeHead(200, { 'content-length': blocks * block.length });
    let sent = 0;
    const send = (): void => {
      while (sent < blocks) {
        sent += 1;
        if (!response.write(block)) return;
      }
      response.end();
    };
    response.on('drain', send);
    send();
  });
  const { stdout } = await download({ url: server.url('/f'), sha256: hash.digest('hex'), name: 'large' });
  const { bytes, grownBy } = JSON.parse(stdout) as { bytes: number; grownBy: number };
  expect(bytes).toBe(200_000_000);
  expect(grownBy).toBeLessThan(60_000_000);
});

test('a proxy of the environment is gone through', async () => {
  server.on('/f', file(content));
  const proxy = await startProxy((socket, host, port) => {
    const onward = connect(port, host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
  });
  const { stdout } = await download(sourceAt(server.url('/f')), proxy.env);
  expect(JSON.parse(stdout)).toMatchObject({ path: join(setting.cacheDirectory, sha256) });
  expect(proxy.asked).toEqual([new URL(server.url('/')).host]);
  proxy.close();
});

test('a proxy that refuses is asked once', async () => {
  const proxy = await startProxy((socket) => {
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
  });
  const refused = download(sourceAt(server.url('/f')), proxy.env);
  await expect(refused).rejects.toThrow(/unreachable: .*Proxy response \(407\)/);
  expect(proxy.asked).toHaveLength(1);
  proxy.close();
});
