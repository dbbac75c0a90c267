import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';

/** What lies in a guest's image so that it asks the resolver of `answeringNetwork`. */
export const resolverOfHost =
  'RUN printf "f /run/lab-resolver 0644 - - - nameserver 10.0.2.2\\nL+ /etc/resolv.conf - - - - /run/lab-resolver\\n" > /usr/lib/tmpfiles.d/lab-resolver.conf';

/**
 * A network for a guest with `network: 'host'` on which every name has an address and everything answers (see
 * answer-everything.ts); ends with the scenario. `asked` is what has been asked for so far.
 */
export const answeringNetwork = async (): Promise<{ asked: string[]; [Symbol.asyncDispose]: () => Promise<void> }> => {
  const server = execa(process.execPath, [join(import.meta.dirname, 'answer-everything.ts'), '127.0.0.1', '10.0.2.2'], {
    reject: false,
    buffer: false,
  });
  const asked: string[] = [];
  await new Promise<void>((ready, failed) => {
    const lines = createInterface(server.stdout);
    lines.on('line', (line) => (line === 'ready' ? ready() : asked.push(line)));
    void server.then(({ stderr, exitCode }) => failed(new Error(`no network (${exitCode}): ${stderr ?? ''}`)));
  });
  return {
    asked,
    [Symbol.asyncDispose]: async () => {
      server.kill();
      await server;
    },
  };
};
