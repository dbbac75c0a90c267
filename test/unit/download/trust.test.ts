import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { file, startServer, trust } from './loopback-server.ts';
import { content, makeSetting, sourceAt } from './setting.ts';
import type { LoopbackServer } from './loopback-server.ts';
import type { Setting } from './setting.ts';

let server: LoopbackServer;
let setting: Setting;
beforeAll(async () => {
  server = await startServer();
  server.on('/f', file(content));
});
afterAll(() => server.close());
beforeEach(async () => {
  setting = await makeSetting();
});
afterEach(() => setting.remove());

test('a server nobody vouches for is refused, once, before any request', async () => {
  const error = await setting.failure(sourceAt(server.url('/f')));
  expect(error.code).toBe('certificate');
  expect(error.message).toMatch(/the server's certificate is not trusted: .*(certificate|issuer)/);
  expect(error.message).toContain('NODE_EXTRA_CA_CERTS');
  expect(setting.notes()).toEqual([]);
  expect(server.requests).toEqual([]);
  expect(await setting.cacheNames()).toEqual([]);
});

test('a server vouched for under another name is refused', async () => {
  await trust(server);
  const error = await setting.failure(sourceAt(server.url('/f').replace('127.0.0.1', 'localhost')));
  expect(error.code).toBe('certificate');
  expect(error.message).toContain('localhost');
});
