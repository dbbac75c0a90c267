import { execa } from 'execa';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { readdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { file, stallingFile } from '../../support/loopback-server.ts';
import { content, server, setting, useServer, sha256, artifactAt } from './setting.ts';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

useServer({ trusted: false });

const download = (artifact: object, env: Record<string, string> = {}) =>
  execa(process.execPath, [join(import.meta.dirname, 'download-process.ts')], {
    input: JSON.stringify({ artifact, cacheDirectory: setting.cacheDirectory, retries: 2 }),
    env: { NODE_EXTRA_CA_CERTS: server.authorityFile, ...env },
  });

/** Starts an HTTP proxy on 127.0.0.1; `answer` handles each CONNECT. Gives the environment that names the proxy. */
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

test('a proxy of the environment is gone through', async () => {
  server.on('/f', file(content));
  const proxy = await startProxy((socket, host, port) => {
    const onward = connect(port, host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
  });
  const { stdout } = await download(artifactAt(server.url('/f')), proxy.env);
  expect(JSON.parse(stdout)).toMatchObject({ path: join(setting.cacheDirectory, sha256) });
  expect(proxy.asked).toEqual([new URL(server.url('/')).host]);
  proxy.close();
});

test('a proxy that refuses is asked once', async () => {
  const proxy = await startProxy((socket) => {
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
  });
  const refused = download(artifactAt(server.url('/f')), proxy.env);
  await expect(refused).rejects.toThrow(/cannot reach .*: .*Proxy response \(407\)/);
  expect(proxy.asked).toHaveLength(1);
  proxy.close();
});

test('a download that a signal ends leaves nothing in the cache', async () => {
  server.on('/f', stallingFile(content, 100_000));
  const running = download(artifactAt(server.url('/f')));
  const sizes = async () => {
    const names = await readdir(setting.cacheDirectory).catch(() => []);
    return Promise.all(names.map(async (name) => (await stat(join(setting.cacheDirectory, name))).size));
  };
  await vi.waitFor(async () => expect(await sizes()).toEqual([100_000]), { timeout: 15_000 });
  running.kill('SIGTERM');
  await expect(running).rejects.toMatchObject({ signal: 'SIGTERM' });
  expect(await readdir(setting.cacheDirectory)).toEqual([]);
});
