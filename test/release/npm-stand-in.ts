import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

type Version = { dist: { integrity: string; tarball: string } };
export type PublishedPackage = {
  name: string;
  'dist-tags': Record<string, string>;
  versions: Record<string, Version>;
  _attachments: Record<string, { data: string }>;
};

/** Stands in for npm's registry: stores what `npm publish` sends and serves `npm install` and `npm view`. */
export async function startNpmStandIn() {
  const packages = new Map<string, PublishedPackage>();
  const server = createServer((request, response) => {
    void answer(request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': Buffer.isBuffer(body) ? 'application/gzip' : 'application/json' });
      response.end(Buffer.isBuffer(body) ? body : JSON.stringify(body));
    });
  });

  async function answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const [name = '', , file] = (request.url ?? '/').replace(/\?.*/, '').slice(1).split('/');
    const known = packages.get(name);
    if (request.method === 'PUT') {
      if (request.headers.authorization !== 'Bearer rehearsal') return { status: 401, body: { error: 'who are you' } };
      const sent = (await json(request)) as PublishedPackage;
      const [version = ''] = Object.keys(sent.versions);
      if (known?.versions[version]) return { status: 403, body: { error: 'a version can be published once' } };
      packages.set(name, {
        ...sent,
        'dist-tags': { ...known?.['dist-tags'], ...sent['dist-tags'] },
        versions: { ...known?.versions, ...sent.versions },
        _attachments: { ...known?._attachments, ...sent._attachments },
      });
      return { status: 201, body: {} };
    }
    if (!known) return { status: 404, body: { error: 'not found' } };
    const attachment = file === undefined ? undefined : known._attachments[file];
    if (attachment) return { status: 200, body: Buffer.from(attachment.data, 'base64') };
    const { _attachments: _, ...document } = known;
    return { status: 200, body: document };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, packages, stop: () => server.close() };
}
