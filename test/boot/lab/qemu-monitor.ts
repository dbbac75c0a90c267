import { once } from 'node:events';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { waitUntil } from './wait.ts';

/** QEMU's machine protocol (QMP) on a unix socket. */
export type Monitor = {
  /** Executes a QMP command and gives what it returned; throws QEMU's description of an error. */
  execute: (command: string, options?: Record<string, unknown>) => Promise<unknown>;
  close: () => void;
};

type Reply = { return?: unknown; error?: { desc: string }; id?: number };

/** Connects to QEMU's monitor and leaves its negotiation mode. `isAlive` ends the attempt when QEMU is gone. */
export const openMonitor = async (path: string, isAlive: () => boolean): Promise<Monitor> => {
  const socket = await waitUntil(
    `QEMU's monitor at ${path}`,
    20,
    async () => {
      if (!isAlive()) throw new Error('QEMU ended before its monitor could be reached');
      const attempt = createConnection(path);
      try {
        await once(attempt, 'connect');
        return attempt;
      } catch {
        return undefined;
      }
    },
    0.05,
  );
  const waiting = new Map<number, (reply: Reply) => void>();
  const lines = createInterface({ input: socket });
  lines.on('error', () => {}); // the `close` event reports the end of the connection
  lines.on('line', (line) => {
    const reply = JSON.parse(line) as Reply;
    if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    for (const resolve of waiting.values()) resolve({ error: { desc: 'QEMU ended' } });
  });
  let next = 0;
  const execute = async (command: string, options: Record<string, unknown> = {}): Promise<unknown> => {
    const id = next++;
    const reply = await new Promise<Reply>((resolve) => {
      waiting.set(id, resolve);
      if (socket.destroyed) resolve({ error: { desc: 'QEMU ended' } });
      else socket.write(`${JSON.stringify({ execute: command, arguments: options, id })}\n`);
    });
    waiting.delete(id);
    if (reply.error !== undefined) throw new Error(`QEMU refused ${command}: ${reply.error.desc}`);
    return reply.return;
  };
  await execute('qmp_capabilities');
  return { execute, close: () => socket.destroy() };
};
