import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';

/** The result of a command in the guest. */
export type CommandResult = { code: number; stdout: string; stderr: string };

/** The root shell of the lab's base image, reached through a virtio-serial port. */
export type ControlChannel = {
  /**
   * Runs a bash command as root; waits for the guest's shell first if it is not there yet. `limit` (seconds) counts
   * from then; when it is over, the guest kills the command (exit code 124).
   */
  run: (command: string, limit: number) => Promise<CommandResult>;
  /** Settles when the guest's shell listens. */
  ready: Promise<void>;
  close: () => void;
};

// An emulated guest may be slow to answer even when its command has long ended.
const graceSeconds = 30;

const decode = (text: string): string => Buffer.from(text.replace(/\/$/, ''), 'base64').toString();

/**
 * Opens the channel on QEMU's socket. With `isResumed` it is ready at once: a guest that is resumed from a saved state
 * announced itself before it was saved. When QEMU ends, all commands that are still waiting are rejected.
 */
export const openControlChannel = async (path: string, isResumed: boolean): Promise<ControlChannel> => {
  const socket = createConnection(path);
  await once(socket, 'connect');
  const waiting = new Map<string, { resolve: (result: CommandResult) => void; reject: (error: Error) => void }>();
  const rejectAll = (reason: string): void => {
    for (const { reject } of waiting.values()) reject(new Error(reason));
    waiting.clear();
  };
  const { promise: ready, resolve: setReady, reject: setUnreachable } = Promise.withResolvers<void>();
  ready.catch(() => {});
  if (isResumed) setReady();
  const lines = createInterface({ input: socket });
  lines.on('error', () => {}); // the `close` event reports the end of the connection
  lines.on('line', (line) => {
    if (line === 'ready') {
      rejectAll("the guest's control service was restarted and lost the command");
      setReady();
      return;
    }
    const [id = '', code = '', stdout = '', stderr = ''] = line.split(' ');
    waiting.get(id)?.resolve({ code: Number(code), stdout: decode(stdout), stderr: decode(stderr) });
    waiting.delete(id);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    setUnreachable(new Error('the machine went off before its control service answered'));
    rejectAll('the machine went off');
  });

  const run = async (command: string, limit: number): Promise<CommandResult> => {
    await ready;
    if (socket.destroyed) throw new Error('the machine is off');
    const id = randomUUID().slice(0, 8);
    const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
    waiting.set(id, { resolve, reject });
    const timer = setTimeout(
      () => reject(new Error(`the guest gave no answer within ${limit + graceSeconds} s to: ${command}`)),
      (limit + graceSeconds) * 1000,
    );
    socket.write(`${id} ${Math.ceil(limit)} ${Buffer.from(command).toString('base64')}\n`);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(id);
    }
  };
  return { run, ready, close: () => socket.destroy() };
};
