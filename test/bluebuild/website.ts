import { createServer } from 'node:https';
import type { Site } from '../support/own-internet.ts';

export type Website = {
  /** The files that are served, by their URL. */
  files: Map<string, Buffer>;
  /** The URLs that were requested. */
  asked: string[];
  stop: () => void;
};

/** Starts an HTTPS server that serves `files` under the host names of their URLs. */
export async function startWebsite({ address, tls }: Site): Promise<Website> {
  const files = new Map<string, Buffer>();
  const asked: string[] = [];
  const server = createServer(tls, (request, response) => {
    const url = `https://${request.headers.host}${request.url}`;
    asked.push(url);
    const file = files.get(url);
    response.writeHead(file ? 200 : 404, { 'content-length': file?.length ?? 0 }).end(file);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(443, address, resolve);
  });
  return { files, asked, stop: () => server.close() };
}
