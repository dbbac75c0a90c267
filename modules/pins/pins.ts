/**
 * `npm run pins`: looks for newer releases of the installers and of Nix, and moves the pins in src/config/releases.json.
 * A pin moves once both downloads have the digests that the vendor's other places state, and all that the image relies on
 * is in them. A release that fails that stays out, and the others move.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { format, resolveConfig } from 'prettier';
import { gt } from 'semver';
import { processOutput } from '../../src/commands/output.ts';
import { type Architecture, architectures } from '../../src/config/architecture.ts';
import { fillIn } from '../../src/config/config.ts';
import type { Downloaded } from '../../src/config/config.ts';
import type { Release } from '../../src/config/releases.ts';
import { error } from '../../src/diagnostic/diagnostic.ts';
import { formatDiagnostics } from '../../src/diagnostic/format.ts';
import { UserError } from '../../src/diagnostic/user-error.ts';
import { fetchByDigest } from '../../src/download/fetch-by-digest.ts';
import { logProgress } from '../../src/download/progress.ts';
import { publishers, type Statement } from './published.ts';
import { read, type Read } from './read.ts';
import { checkReliance } from './reliance.ts';

const releasesFile = join(import.meta.dirname, '../../src/config/releases.json');
const output = processOutput();

type Locate = (url: string) => string;

/** The newest release of a provider, its downloads checked, and what a reviewer should know; undefined where it is pinned. */
async function newerRelease(
  provider: Downloaded,
  pinned: Release,
  locate: Locate,
): Promise<{ release: Release; news: string[] } | undefined> {
  const readAt: Read = (url, headers) => read(locate(url), headers);
  const version = await publishers[provider].newest(readAt);
  if (!gt(version, pinned.version)) return undefined;
  const statements = await publishers[provider].statements(version, readAt);
  const sha256 = agreed(provider, version, statements);
  const urlOf = (arch: string) => fillIn(pinned.url, { version, arch });
  const directory = await mkdtemp(join(tmpdir(), 'bluebuild-nix-pins-'));
  try {
    const news: string[] = [];
    for (const architecture of architectures) {
      const name = `${provider} ${version} for ${architecture}`;
      const artifact = { name, url: locate(urlOf(architecture)), sha256: sha256[architecture] };
      const progress = logProgress({ write: output.err, colors: output.errColors });
      const { path } = await fetchByDigest(artifact, { cacheDirectory: directory, progress });
      const findings = await checkReliance({ provider, version, architecture, path });
      if (findings.problems.length > 0) {
        const help = 'see its changes; the image, modules/pins/reliance.ts or both must follow before the pin can move';
        throw new UserError(findings.problems.map((problem) => error(`${name}: ${problem}`, undefined, help)));
      }
      news.push(...findings.news);
    }
    const seen = [...statements.map(({ place }) => place), urlOf('{arch}')];
    return { release: { version, url: pinned.url, sha256, seen }, news };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The digests that all places state. */
function agreed(provider: Downloaded, version: string, statements: Statement[]): Record<Architecture, string> {
  const [first, ...others] = statements;
  if (first === undefined) throw new Error(`${provider}: nobody is asked for the digests of ${version}`);
  for (const other of others) {
    const architecture = architectures.find((one) => other.sha256[one] !== first.sha256[one]);
    if (architecture === undefined) continue;
    const message = `${provider} ${version} for ${architecture}: two places state different digests`;
    const facts = [first, other].map(({ place, sha256 }) => [place, sha256[architecture]] as const);
    throw new UserError([{ ...error(message, undefined, 'ask the vendor which one is right'), facts }]);
  }
  return first.sha256;
}

async function pins({ file, mirror }: { file: string; mirror?: string }): Promise<void> {
  const locate: Locate = (url) => (mirror === undefined ? url : url.replace(/^https:\/\//, `${mirror}/`));
  const releases = JSON.parse(await readFile(file, 'utf8')) as Record<Downloaded, Release>;
  for (const provider of ['determinate', 'nixos', 'native'] as const) {
    const pinned = releases[provider];
    try {
      const newer = await newerRelease(provider, pinned, locate);
      if (newer === undefined) {
        output.out(`${provider}: ${pinned.version} is the newest release\n`);
        continue;
      }
      releases[provider] = newer.release;
      // Each by itself: what a later one finds wrong, or an interruption, takes back none that is checked.
      const text = await format(JSON.stringify(releases, null, 2), {
        ...(await resolveConfig(releasesFile)),
        parser: 'json',
      });
      await writeFile(file, text);
      const lines = [...newer.release.seen.map((place) => `digests seen in ${place}`), ...newer.news];
      output.out(
        `${provider}: ${pinned.version} → ${newer.release.version}\n${lines.map((one) => `- ${one}\n`).join('')}`,
      );
    } catch (cause) {
      if (!(cause instanceof UserError)) throw cause;
      output.err(formatDiagnostics(cause.diagnostics, 'text', output.errColors));
      process.exitCode = 1;
    }
  }
}

const program = new Command('npm run pins --')
  .description('Moves the pins of the installers and of Nix to their newest releases, once they are checked.')
  .option('--file <path>', 'the pins', releasesFile)
  .option('--mirror <url>', 'take what is at https://HOST/PATH from URL/HOST/PATH')
  .addHelpText('after', '\nExit codes: 0 done, 1 a release was not found or is not as expected, 2 usage.')
  .exitOverride()
  .action(pins);

await program.parseAsync().catch((cause: unknown) => {
  if (!(cause instanceof CommanderError)) throw cause;
  process.exitCode = cause.exitCode === 0 ? 0 : 2;
});
