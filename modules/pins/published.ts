import { compare } from 'semver';
import { type Architecture, architectures } from '../../src/config/architecture.ts';
import type { Downloaded } from '../../src/config/config.ts';
import { UserError } from '../../src/diagnostic/user-error.ts';
import type { Read } from './read.ts';

/** A public place, and the digests that it states for a release. */
export type Statement = { place: string; sha256: Record<Architecture, string> };

/** How a vendor publishes. */
type Publisher = {
  newest: (read: Read) => Promise<string>;
  statements: (version: string, read: Read) => Promise<Statement[]>;
};

/** Where the newest release of each provider is found, and who states its digests. */
export const publishers: Record<Downloaded, Publisher> = {
  determinate: {
    newest: async (read) => (await latestRelease('DeterminateSystems/nix-installer', read)).version,
    statements: async (version, read) => [
      await digestsOfGithub('DeterminateSystems/nix-installer', `v${version}`, read),
    ],
  },
  nixos: {
    newest: async (read) => (await latestRelease('NixOS/nix-installer', read)).version,
    statements: async (version, read) => {
      const sums = `https://github.com/NixOS/nix-installer/releases/download/${version}/SHA256SUMS`;
      const text = await read(sums);
      return [
        await digestsOfGithub('NixOS/nix-installer', version, read),
        statement(
          sums,
          (arch) => new RegExp(`^([0-9a-f]{64})[ *]+(?:\\./)?${installerOf(arch)}$`, 'm').exec(text)?.[1],
        ),
      ];
    },
  },
  native: {
    newest: newestNix,
    statements: async (version, read) => {
      const script = `https://releases.nixos.org/nix/nix-${version}/install`;
      const text = await read(script);
      const beside = new Map<Architecture, string>();
      const tarball = (arch: string) => `nix-${version}-${arch}-linux.tar.xz`;
      const sidecar = (arch: string) => `https://releases.nixos.org/nix/nix-${version}/${tarball(arch)}.sha256`;
      for (const arch of architectures) beside.set(arch, await read(sidecar(arch)));
      return [
        // hash=…, and in the next line path=…/TARBALL.
        statement(
          script,
          (arch) => new RegExp(`^\\s*hash=([0-9a-f]{64})\\s+path=\\S*/${escape(tarball(arch))}$`, 'm').exec(text)?.[1],
        ),
        statement(sidecar('{arch}'), (arch) => /^[0-9a-f]{64}(?=\s|$)/.exec(beside.get(arch) ?? '')?.[0]),
      ];
    },
  },
};

const installerOf = (architecture: string) => `nix-installer-${architecture}-linux`;

const escape = (text: string) => text.replaceAll('.', '\\.');

function statement(place: string, digestOf: (architecture: Architecture) => string | undefined): Statement {
  const find = (architecture: Architecture) => {
    const digest = digestOf(architecture);
    if (digest === undefined) {
      const help = 'look at it; if the vendor publishes in another way now, modules/pins/published.ts must know it';
      throw new UserError(`${place} states no digest for ${architecture}`, help);
    }
    return digest;
  };
  return { place, sha256: { x86_64: find('x86_64'), aarch64: find('aarch64') } };
}

type GithubRelease = { version: string; assets: { name: string; digest?: string | null }[] };

const latestRelease = (project: string, read: Read) => githubRelease(project, 'latest', read);

async function githubRelease(project: string, which: string, read: Read): Promise<GithubRelease> {
  const url = `https://api.github.com/repos/${project}/releases/${which}`;
  const { tag_name: tag = '', assets = [] } = JSON.parse(
    await read(url, { accept: 'application/vnd.github+json', ...authorization(process.env['GH_TOKEN']) }),
  ) as { tag_name?: string; assets?: GithubRelease['assets'] };
  const version = /^v?(\d+\.\d+\.\d+)$/.exec(tag)?.[1];
  if (version === undefined) throw new UserError(`${url}: the tag ${JSON.stringify(tag)} is not that of a release`);
  return { version, assets };
}

/** Not needed, but without one GitHub answers a few questions an hour, and the machines of a CI ask together. */
const authorization = (token: string | undefined) => (token ? { authorization: `Bearer ${token}` } : undefined);

/** GitHub computes the digest of each file that it is given. */
async function digestsOfGithub(project: string, tag: string, read: Read): Promise<Statement> {
  const { assets } = await githubRelease(project, `tags/${tag}`, read);
  return statement(`https://api.github.com/repos/${project}/releases/tags/${tag}`, (architecture) => {
    const { digest } = assets.find(({ name }) => name === installerOf(architecture)) ?? {};
    return /^sha256:([0-9a-f]{64})$/.exec(digest ?? '')?.[1];
  });
}

/** Nix has no releases on GitHub. The listing of what releases.nixos.org serves comes in parts. */
async function newestNix(read: Read): Promise<string> {
  const listing = 'https://nix-releases.s3.amazonaws.com/?delimiter=/&prefix=nix/nix-';
  const versions: string[] = [];
  let marker = '';
  do {
    const text = await read(`${listing}&marker=${encodeURIComponent(marker)}`);
    versions.push(
      ...[...text.matchAll(/<Prefix>nix\/nix-(\d+\.\d+\.\d+)\/<\/Prefix>/g)].map(([, found = '']) => found),
    );
    marker = /<IsTruncated>true</.test(text) ? (/<NextMarker>([^<]+)</.exec(text)?.[1] ?? '') : '';
  } while (marker !== '');
  const newest = versions.toSorted(compare).at(-1);
  if (newest === undefined) throw new UserError(`${listing} lists no release of Nix`);
  return newest;
}
