import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExecaError, execa } from 'execa';
import packageJson from '../../package.json' with { type: 'json' };
import type { Release } from './release.ts';

const repository = join(import.meta.dirname, '../..');
const project = packageJson.repository.url.replace(/^.*github\.com\/|\.git$/g, '');

const gh = (...args: string[]) => execa('gh', ['release', ...args, '--repo', project], { cwd: repository });

export type Contents = {
  /** The image, by its digest. */
  image: string;
  files: readonly string[];
  newest: boolean;
};

/** Makes the release on GitHub: a draft until all files are in it. Gives what was done. */
export async function publishGithubRelease(
  { tag, prerelease }: Release,
  directory: string,
  { image, files, newest }: Contents,
): Promise<string> {
  const state = await findState(tag);
  if (state === 'published') return `the release ${tag} is on GitHub already`;
  const notes = join(directory, 'notes.md');
  await writeFile(notes, await changesOf(tag, image));
  if (state === undefined) await gh('create', tag, '--verify-tag', '--draft', '--title', tag, '--notes-file', notes);
  await gh('upload', tag, '--clobber', ...files);
  await gh('edit', tag, '--draft=false', `--prerelease=${prerelease}`, `--latest=${newest}`, '--notes-file', notes);
  return `released ${tag} on GitHub`;
}

async function findState(tag: string): Promise<'draft' | 'published' | undefined> {
  try {
    const { stdout } = await gh('view', tag, '--json', 'isDraft');
    return (JSON.parse(stdout) as { isDraft: boolean }).isDraft ? 'draft' : 'published';
  } catch (cause) {
    if (cause instanceof ExecaError && /release not found/i.test(`${cause.stderr}`)) return undefined;
    throw cause;
  }
}

/** What has changed since the tag before, by git-cliff, and what to pull. */
async function changesOf(tag: string, image: string): Promise<string> {
  const config = join(import.meta.dirname, 'cliff.toml');
  const { stdout } = await execa({ cwd: repository, preferLocal: true })('git-cliff', [
    '--config',
    config,
    '--current',
  ]);
  return `${stdout.trim()}\n\nModule image: \`${image.replace('@', `:${tag.slice(1)}@`)}\`\n`;
}
