import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../diagnostic/user-error.ts';

/**
 * Checks that what first boot puts below these directories of the image is there after a reboot. Each must be a link
 * into /var, as /usr/local is on Fedora Atomic: a plain directory is part of the image, read-only once that is booted,
 * and throws a `UserError`. A root that lacks one (a tree that is no whole image) is not judged.
 */
export function checkPersistentDirectories(root: string, directories: readonly string[]): void {
  for (const directory of directories) {
    if (!lstatSync(join(root, directory), { throwIfNoEntry: false })?.isDirectory()) continue;
    throw new UserError(
      `${directory} is a directory of this image, and read-only once it is booted: Determinate's installer could not put its daemon there`,
      'write `installer: nixos`, or make it a link to ../var/usrlocal before this module runs, as on Fedora Atomic',
    );
  }
}
