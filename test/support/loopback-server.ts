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
  /** The replies to a path, one a request; the last one repeats. */
  on: (path: string, ...replies: Reply[]) => void;
  requests: SeenRequest[];
  /** The authority that signed the server's certificate, for another process's NODE_EXTRA_CA_CERTS. */
  authorityFile: string;
  close: () => Promise<void>;
};

/** An HTTPS server on 127.0.0.1 with a certificate of an authority made for it, which nothing trusts yet. */
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

/** Lets this process's TLS trust the server's authority beside the usual ones. */
export async function trust(server: LoopbackServer): Promise<void> {
  setDefaultCACertificates([...getCACertificates('default'), await readFile(server.authorityFile, 'utf8')]);
}

export const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  (response) => {
    response.writeHead(code, { 'content-length': 0, ...headers }).end();
  };

export const redirect = (location: string): Reply => status(302, { location });

/** The whole file, or the rest of it where a Range asks for that. */
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

/** The whole file whatever is asked for, from a server that knows no ranges. */
export const wholeFile =
  (content: Buffer): Reply =>
  (response) => {
    response.writeHead(200, { 'content-length': content.length }).end(content);
  };

/** Promises the whole file, sends its first bytes, and closes the connection. */
export const truncatedFile =
  (content: Buffer, sent: number, headers: Record<string, string> = {}): Reply =>
  (response) => {
    response.writeHead(200, { 'content-length': content.length, ...headers });
    response.write(content.subarray(0, sent), () => response.socket?.end());
  };

/** Promises the whole file, sends its first bytes, and then nothing more. */
export const stallingFile =
  (content: Buffer, sent: number): Reply =>
  (response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, sent));
  };

export const reset: Reply = (response) => void response.socket?.destroy();
