import { beforeEach, expect, test } from 'vitest';
import { file, trust } from '../../support/loopback-server.ts';
import { content, server, setting, useServer, artifactAt } from './setting.ts';

useServer({ trusted: false });
beforeEach(() => server.on('/f', file(content)));

test('a server nobody vouches for is refused, once, before any request', async () => {
  const shown = await setting.failure(artifactAt(server.url('/f')));
  expect(shown).toMatch(/the server's certificate is not trusted: .*(certificate|issuer)/);
  expect(shown).toContain('NODE_EXTRA_CA_CERTS');
  expect(setting.notes()).toEqual([]);
  expect(server.requests).toEqual([]);
  expect(await setting.cacheNames()).toEqual([]);
});

test('a server vouched for under another name is refused', async () => {
  await trust(server);
  const shown = await setting.failure(artifactAt(server.url('/f').replace('127.0.0.1', 'localhost')));
  expect(shown).toContain('localhost');
});
