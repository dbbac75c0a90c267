import { resolve } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../diagnostic/user-error.ts';

export type Ended = { exitCode?: number; signal?: string; stdout: string; all: string };
export type RunInImage = (command: string, args: readonly string[]) => Promise<Ended>;

/**
 * Runs programs of an image: in it if it is this system's own root, else after a chroot, with mounts that end with it.
 * A program that cannot be run at all, and a signal to this process meanwhile, throw a `UserError`; any exit code is
 * given back. Whoever calls `end` has the signals again.
 */
export function programsOf(root: string, environment: Readonly<Record<string, string>>) {
  const stop = new AbortController();
  const abort = () => stop.abort();
  // `on`, not `once`: execa ends this process on a signal that it finds nobody else to listen for.
  for (const signal of signals) process.on(signal, abort);
  const options = {
    all: true,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
    cancelSignal: stop.signal,
    env: environment,
  } as const;
  const run: RunInImage = async (command, args) => {
    const inside = [command, ...args];
    const result = await (resolve(root) === '/'
      ? execa(command, args, options)
      : execa('unshare', ['--mount', 'sh', '-c', enter, 'sh', resolve(root), ...inside], options));
    if (result.isCanceled) {
      throw new UserError(`interrupted while ${command.split('/').at(-1)} ran`, 'the image is as it was');
    }
    if (result.exitCode === undefined && result.signal === undefined) {
      throw new UserError(`${command} cannot be run: ${result.originalMessage ?? ''}`);
    }
    return result;
  };
  const end = () => {
    for (const signal of signals) process.off(signal, abort);
  };
  return { run, end };
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const enter = `set -eu
root=$1; shift
for directory in dev proc sys; do mount --rbind "/$directory" "$root/$directory"; done
exec chroot "$root" "$@"`;

/** How a program ended, for a message. */
export function howEnded({ exitCode, signal }: Ended): string {
  return exitCode === undefined ? `ended by ${signal}` : `exit code ${exitCode}`;
}
