import { resolve } from 'node:path';
import { UserError } from '../diagnostic/user-error.ts';
import type { Ended } from '../plan/step.ts';
import { handlingSignals } from '../temporary/signals.ts';

/**
 * Runs a program of an image: in it if it is this system's own root, else after a chroot, with mounts that end with it. A
 * program that cannot be run at all, and a signal to this process meanwhile, throw a `UserError`; any exit code is given
 * back.
 */
export async function runInImage(
  root: string,
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  // Most images need no step, and this is a quarter of the program.
  const { execa } = await import('execa');
  const stop = new AbortController();
  const options = {
    all: true,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
    cancelSignal: stop.signal,
    env: environment,
  } as const;
  const result = await handlingSignals(
    () => stop.abort(),
    () =>
      resolve(root) === '/'
        ? execa(command, args, options)
        : execa('unshare', ['--mount', 'sh', '-c', enter, 'sh', resolve(root), command, ...args], options),
  );
  if (result.isCanceled)
    throw new UserError(`interrupted while ${command.split('/').at(-1)} ran`, 'the image is unchanged');
  if (result.exitCode === undefined && result.signal === undefined) {
    throw new UserError(`${command} cannot be run: ${result.originalMessage ?? ''}`);
  }
  // oxlint-disable-next-line typescript/no-misused-spread -- an error of execa has all that is asked of it as its own.
  return { ...result, seconds: result.durationMs / 1000 };
}

const enter = `set -eu
root=$1; shift
for directory in dev proc sys; do mount --rbind "/$directory" "$root/$directory"; done
exec chroot "$root" "$@"`;
