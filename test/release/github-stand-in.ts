import { createServer } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { buffer, json } from 'node:stream/consumers';
import type { Site } from '../support/own-internet.ts';

type Asset = { id: number; name: string; bytes: Buffer };
export type GithubRelease = {
  id: number;
  tag_name: string;
  name: string;
  body: string;
  draft: boolean;
  prerelease: boolean;
  make_latest?: string;
  assets: Asset[];
};

/**
 * Stands in for GitHub, which has no instance for tests: the part of the releases API that the program gh uses, and the
 * public downloads of a published release.
 */
export async function startGithubStandIn({ address, tls }: Site) {
  const releases: GithubRelease[] = [];
  let ids = 1;
  const server = createServer(tls, (request, response) => {
    if (request.headers.host === 'github.com') {
      const { status, location, bytes } = download(request.url ?? '/');
      response.writeHead(status, location === undefined ? {} : { location }).end(bytes);
      return;
    }
    void answer(request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    });
  });

  /** The public download of a published release's file; `latest` redirects to the tag of the newest release. */
  function download(path: string): { status: number; location?: string; bytes?: Buffer } {
    const published = releases.filter(({ draft }) => !draft);
    const [, before, latest] = /^(.*\/releases)\/latest\/download\/(.+)$/.exec(path) ?? [];
    const newest = published.find(({ make_latest }) => make_latest === 'true');
    if (before !== undefined && newest)
      return { status: 302, location: `https://github.com${before}/download/${newest.tag_name}/${latest}` };
    const [, tag, file] = /\/releases\/download\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const asset = published.find(({ tag_name }) => tag_name === tag)?.assets.find(({ name }) => name === file);
    return asset ? { status: 200, bytes: asset.bytes } : { status: 404 };
  }

  const shown = ({ assets, ...release }: GithubRelease, [owner, name]: readonly string[]) => {
    const url = `https://api.github.com/repos/${owner}/${name}/releases`;
    return {
      ...release,
      url: `${url}/${release.id}`,
      upload_url: `${url}/${release.id}/assets{?name,label}`,
      html_url: `https://github.com/${owner}/${name}/releases/tag/${release.tag_name}`,
      assets: assets.map(({ id, name: file, bytes }) => ({
        ...{ id, name: file, size: bytes.length, state: 'uploaded', url: `${url}/assets/${id}` },
      })),
    };
  };

  async function answer(request: IncomingMessage): Promise<{ status: number; body?: unknown }> {
    const url = new URL(request.url ?? '/', 'https://api.github.com');
    const asked = `${request.method} ${url.pathname.replace(/^\/repos\/[^/]+\/[^/]+/, '').replace(/\d+/g, 'N')}`;
    const repository = url.pathname.split('/').slice(2, 4);
    const id = Number(/\d+/.exec(url.pathname)?.[0]);
    const found = releases.find((release) => release.id === id);
    if (asked === 'POST /graphql') {
      const { query, variables } = (await json(request)) as { query: string; variables: { tagName: string } };
      const draft = releases.find(({ tag_name }) => tag_name === variables.tagName);
      const release = draft ? { databaseId: draft.id, isDraft: draft.draft } : null;
      const isOfRelease = query.includes('release(tagName:');
      return { status: 200, body: { data: { repository: isOfRelease ? { release } : { ref: { id: 'tag' } } } } };
    }
    if (asked === 'GET /releases/N' && found) return { status: 200, body: shown(found, repository) };
    if (asked === 'GET /releases') return { status: 200, body: releases.map((release) => shown(release, repository)) };
    if (asked.startsWith('GET /releases/tags/')) {
      const tag = url.pathname.split('/').at(-1);
      const published = releases.find(({ tag_name, draft }) => tag_name === tag && !draft);
      return published
        ? { status: 200, body: shown(published, repository) }
        : { status: 404, body: { message: 'Not Found' } };
    }
    if (asked === 'POST /releases') {
      const release = { id: ids++, assets: [], ...((await json(request)) as Omit<GithubRelease, 'id' | 'assets'>) };
      releases.push(release);
      return { status: 201, body: shown(release, repository) };
    }
    if (asked === 'PATCH /releases/N' && found) {
      Object.assign(found, await json(request));
      return { status: 200, body: shown(found, repository) };
    }
    if (asked === 'POST /releases/N/assets' && found) {
      const asset = { id: ids++, name: url.searchParams.get('name') ?? '', bytes: await buffer(request) };
      found.assets.push(asset);
      return { status: 201, body: { id: asset.id, name: asset.name, state: 'uploaded' } };
    }
    if (asked === 'DELETE /releases/assets/N') {
      for (const release of releases) release.assets = release.assets.filter((asset) => asset.id !== id);
      return { status: 204 };
    }
    return { status: 501, body: { message: `the stand-in does not know ${request.method} ${request.url}` } };
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(443, address, resolve);
  });
  return { releases, stop: () => server.close() };
}
