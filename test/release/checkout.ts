import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

const repository = join(import.meta.dirname, '../..');

/** Clones this checkout and adds a commit with its uncommitted changes, untracked files included. */
export async function makeCheckout(): Promise<{
  directory: string;
  git: (...args: string[]) => Promise<string>;
  remove: () => Promise<void>;
}> {
  const directory = join(await mkdtemp(join(tmpdir(), 'bluebuild-nix-release-')), 'checkout');
  await execa('git', ['clone', '--quiet', '--local', repository, directory]);
  const git = async (...args: string[]) => {
    const who = ['-c', 'user.name=Rehearsal', '-c', 'user.email=rehearsal@example.com', '-c', 'tag.gpgSign=false'];
    return (await execa('git', [...who, ...args], { cwd: directory })).stdout.trim();
  };
  const { stdout } = await execa('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repository,
  });
  await git('rm', '--quiet', '-r', '.');
  await Promise.all(
    stdout
      .split('\0')
      .filter((file) => file !== '')
      .map(async (file) => {
        // The list also has files that are deleted but whose deletion is not committed yet.
        await cp(join(repository, file), join(directory, file), { errorOnExist: true }).catch(
          (cause: NodeJS.ErrnoException) => {
            if (cause.code !== 'ENOENT') throw cause;
          },
        );
      }),
  );
  await git('add', '--all');
  await git('commit', '--quiet', '--allow-empty', '--message', 'Rehearsal');
  await execa('cp', ['--archive', '--link', join(repository, 'node_modules'), directory]);
  return { directory, git, remove: () => rm(join(directory, '..'), { recursive: true }) };
}
