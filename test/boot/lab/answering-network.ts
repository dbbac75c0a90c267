import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';

/** A line of a Containerfile that makes a guest use the resolver of `answeringNetwork`. */
export const resolverOfHost =
  'RUN printf "f /run/lab-resolver 0644 - - - nameserver 10.0.2.2\\nL+ /etc/resolv.conf - - - - /run/lab-resolver\\n" > /usr/lib/tmpfiles.d/lab-resolver.conf';

/**
 * A network for a guest in which every name resolves, every address exists, and everything answers (see
 * answer-everything.ts). It ends when it is disposed of. `asked` is what has been asked for so far.
 */
export const answeringNetwork = async (): Promise<{
  network: { ofProcess: number };
  asked: string[];
  [Symbol.asyncDispose]: () => Promise<void>;
}> => {
  const server = execa(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--net', 'sh', '-euc'],
      ...['ip link set lo up; ip route add local 0.0.0.0/0 dev lo; exec "$@"', 'sh'],
      ...[process.execPath, join(import.meta.dirname, 'answer-everything.ts'), '0.0.0.0', '192.0.2.1'],
    ],
    { reject: false, buffer: false },
  );
  const asked: string[] = [];
  await new Promise<void>((ready, failed) => {
    const lines = createInterface(server.stdout);
    lines.on('line', (line) => (line === 'ready' ? ready() : asked.push(line)));
    void server.then(({ stderr, exitCode }) => failed(new Error(`no network (${exitCode}): ${stderr ?? ''}`)));
  });
  if (server.pid === undefined) throw new Error('no network: it did not start');
  return {
    network: { ofProcess: server.pid },
    asked,
    [Symbol.asyncDispose]: async () => {
      server.kill();
      await server;
    },
  };
};
