import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What this process has made itself. */
const own = new Set<string>();

const pattern = /^\.(.*)\.bluebuild-nix-(\d+)-[0-9a-f]{12}$/s;

/** Another container may run under the same id. */
const run = randomBytes(3).toString('hex');

/** A path beside `name` in a directory that nothing has yet, for what is unfinished; it names the process that owns it. */
export function temporaryPath(directory: string, name: string): string {
  const path = `.${name}.bluebuild-nix-${process.pid}-${run}${own.size.toString(16).padStart(6, '0')}`;
  own.add(path);
  return `${directory}/${path}`;
}

/** A path for what `name` was before, which `sweep` puts back where `name` is gone. */
export function beforePath(directory: string, name: string): string {
  return temporaryPath(directory, `${name}.before`);
}

/**
 * Removes what processes that were killed left unfinished in a directory, and puts back what they had moved away. What
 * has this process's id and is not its own comes from another container, or from before a reboot.
 */
export function sweep(directory: string): void {
  if (!lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  for (const left of readdirSync(directory).filter((path) => path.startsWith('.'))) {
    const [, name, owner] = pattern.exec(left) ?? [];
    if (name === undefined || own.has(left) || (Number(owner) !== process.pid && isRunning(Number(owner)))) continue;
    const path = join(directory, left);
    const original = name.endsWith('.before') ? join(directory, name.slice(0, -'.before'.length)) : undefined;
    if (original !== undefined && !lstatSync(original, { throwIfNoEntry: false })) renameSync(path, original);
    else rmSync(path, { recursive: true, force: true });
  }
}

function isRunning(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}
