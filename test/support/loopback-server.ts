import { execa } from 'execa';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Reply = (response: ServerResponse, request: IncomingMessage) => void;
export type SeenRequest = { url: string; headers: IncomingHttpHeaders; at: number };

export type LoopbackServer = {
  url: (path: string) => string;
  /** Sets the replies to a path, one per request; the last one repeats. */
  on: (path: string, ...replies: Reply[]) => void;
  requests: SeenRequest[];
  /** The certificate of the authority that signed the server's, for another process's NODE_EXTRA_CA_CERTS. */
  authorityFile: string;
  close: () => Promise<void>;
};

/** Starts an HTTPS server on 127.0.0.1. Its certificate is signed by a new authority, which nothing trusts yet. */
export async function startServer(): Promise<LoopbackServer> {
  const directory = await mkdtemp(join(tmpdir(), 'loopback-server-'));
  const openssl = (...options: string[]) => execa('openssl', options, { cwd: directory });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await openssl('req', '-x509', ...key, '-keyout', 'authority.key', '-out', 'authority.pem', '-subj', '/CN=authority');
  await openssl(
    ...['req', '-x509', ...key, '-keyout', 'server.key', '-out', 'server.pem', '-subj', '/CN=server'],
    ...['-CA', 'authority.pem', '-CAkey', 'authority.key', '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-addext', 'basicConstraints=critical,CA:FALSE'],
  );
  const requests: SeenRequest[] = [];
  const replies = new Map<string, Reply[]>();
  const server = createServer(
    { key: await readFile(join(directory, 'server.key')), cert: await readFile(join(directory, 'server.pem')) },
    (request, response) => {
      const path = request.url ?? '';
      requests.push({ url: path, headers: request.headers, at: performance.now() });
      const left = replies.get(path) ?? [status(404)];
      (left.length > 1 ? left.shift() : left[0])?.(response, request);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (path) => `https://127.0.0.1:${port}${path}`,
    on: (path, ...list) => void replies.set(path, list),
    requests,
    authorityFile: join(directory, 'authority.pem'),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

/** Makes this process's TLS trust the server's authority in addition to the default ones. */
export async function trust(server: LoopbackServer): Promise<void> {
  setDefaultCACertificates([...getCACertificates('default'), await readFile(server.authorityFile, 'utf8')]);
}

export const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  (response) => {
    response.writeHead(code, { 'content-length': 0, ...headers }).end();
  };

export const redirect = (location: string): Reply => status(302, { location });

/** Sends the whole file, or the rest of it if the request has a Range. */
export const file =
  (content: Buffer, headers: Record<string, string> = {}): Reply =>
  (response, request) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` };
    const extra = request.headers.range === undefined ? {} : range;
    response.writeHead(request.headers.range === undefined ? 200 : 206, {
      'content-length': content.length - from,
      ...extra,
      ...headers,
    });
    response.end(content.subarray(from));
  };

/** Sends the whole file for every request, as a server without support for ranges does. */
export const wholeFile =
  (content: Buffer): Reply =>
  (response) => {
    response.writeHead(200, { 'content-length': content.length }).end(content);
  };

/** Announces the whole file, sends its first `sent` bytes, and closes the connection. */
export const truncatedFile =
  (content: Buffer, sent: number, headers: Record<string, string> = {}): Reply =>
  (response) => {
    response.writeHead(200, { 'content-length': content.length, ...headers });
    response.write(content.subarray(0, sent), () => response.socket?.end());
  };

/** Announces the whole file, sends its first `sent` bytes, and then sends nothing more. */
export const stallingFile =
  (content: Buffer, sent: number): Reply =>
  (response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, sent));
  };

export const reset: Reply = (response) => void response.socket?.destroy();
