import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import packageJson from '../../package.json' with { type: 'json' };
import { releases } from '../../src/config/releases.ts';
import { baseTarball } from '../image/base.ts';
import { standIn } from '../image/project.ts';
import { makeCheckout } from '../release/checkout.ts';
import { newerEngines, newerTools } from '../release/newer-tools.ts';
import { type RunOptions, startOwnInternet } from '../support/own-internet.ts';
import { blueBuildProgram, cosignOfBlueBuild } from './cli.ts';
import { blueBuildSchemas } from './schemas.ts';
import { startWebsite, type Website } from './website.ts';

export type World = Awaited<ReturnType<typeof makeWorld>>;

/**
 * Sets up all that BlueBuild needs for a build: a registry that is both ghcr.io and a company's registry, with our
 * release, the bases of the examples and the images that BlueBuild pulls for itself; the site of its schemas; and the
 * sites of the installers. The real installers cannot be downloaded here, so they are stand-ins, and the release is
 * made from a commit that pins the digests of the stand-ins.
 */
export async function makeWorld() {
  const internet = await startOwnInternet();
  const { path, names } = internet;
  await internet.startRegistry(['ghcr.io', 'registry.example.com'], path('registry'));
  const vendors = ['github.com', 'install.determinate.systems', 'mirror.example.com'];
  const website = await startWebsite(await internet.site(['schema.blue-build.org', ...vendors]));
  const [engines, tools, program, schemas, checkout] = await Promise.all([
    newerEngines(),
    newerTools(),
    blueBuildProgram(),
    blueBuildSchemas(),
    makeCheckout(),
  ]);
  for (const [name, schema] of schemas) website.files.set(`https://schema.blue-build.org${name}`, schema);

  const outside = await internet.connect(names);
  const companyNames = ['registry.example.com', 'mirror.example.com'];
  const company = await internet.connect(Object.fromEntries(companyNames.map((name) => [name, names[name] ?? ''])));
  const storage = `[storage]\ndriver = "overlay"\ngraphroot = "${path('storage')}"\nrunroot = "${path('storage-run')}"\n`;
  await writeFile(path('storage.conf'), storage);
  await writeFile(
    path('containers.conf'),
    `${await readFile(join(engines, 'containers.conf'), 'utf8')}\n${await ownLimits()}`,
  );
  for (const name of ['tmp', 'home', 'projects']) await mkdir(path(name));
  const env = {
    PATH: [program, engines, tools, process.env['PATH']].join(':'),
    HOME: path('home'),
    TMPDIR: path('tmp'),
    CONTAINERS_CONF: path('containers.conf'),
    CONTAINERS_STORAGE_CONF: path('storage.conf'),
    BUILDAH_ISOLATION: 'chroot',
    COSIGN_PASSWORD: '',
    CI: undefined,
    GITHUB_ACTIONS: undefined,
    GITHUB_WORKFLOW_REF: undefined,
  };
  const run = (command: string, args: readonly string[], options: RunOptions = {}) =>
    outside(command, args, { ...options, env: { ...env, ...options.env } });
  /** Like `run`, in a network with nothing but the company's registry and mirror. */
  const runInCompany = (command: string, args: readonly string[], options: RunOptions = {}) =>
    company(command, args, { ...options, env: { ...env, ...options.env } });

  await publishRelease(checkout, website, run);
  await publishBases(run, path);
  await publishToolsOfBlueBuild(run, path);

  /** Reads a built image. Mounts it outside the namespace of `run`, where this process would not see the mount. */
  const readImage = async <T>(image: string, read: (root: string) => Promise<T>): Promise<T> => {
    const buildah = async (...args: string[]) => (await execa(join(engines, 'buildah'), args, { env })).stdout;
    const container = await buildah('from', '--pull-never', image);
    try {
      return await read(await buildah('mount', container));
    } finally {
      await buildah('rm', container);
    }
  };
  const stop = async () => {
    website.stop();
    // The engine mounts this for readImage.
    await execa('umount', [path('storage/overlay')], { reject: false });
    internet.stop();
    await checkout.remove();
  };
  return { path, run, runInCompany, website, checkout: checkout.directory, readImage, stop };
}

/** A configuration that keeps this process's limits. By default the engines raise them, which root cannot always do. */
async function ownLimits(): Promise<string> {
  const options = ['--nofile', '--nproc', '--output', 'RESOURCE,SOFT,HARD', '--noheadings', '--raw'];
  const { stdout } = await execa('prlimit', options);
  const limits = stdout.split('\n').map((line) => {
    const [resource = '', soft, hard] = line.split(' ');
    return `${resource.toLowerCase()}=${soft}:${hard}`.replaceAll('unlimited', '-1');
  });
  return `[containers]\ndefault_ulimits = ${JSON.stringify(limits)}\n`;
}

type Run = (program: string, args: readonly string[], options?: RunOptions) => PromiseLike<unknown>;
type Path = (...names: string[]) => string;

async function publishRelease(
  { directory, git }: Awaited<ReturnType<typeof makeCheckout>>,
  { files }: Website,
  run: Run,
): Promise<void> {
  const pinned = join(directory, 'src/config/releases.json');
  let text = await readFile(pinned, 'utf8');
  for (const { url, version, sha256 } of Object.values(releases)) {
    for (const [architecture, digest] of Object.entries(sha256)) {
      const filledIn = url.replaceAll('{version}', version).replaceAll('{arch}', architecture);
      files.set(filledIn, Buffer.from(standIn.text));
      text = text.replace(digest, standIn.sha256);
    }
  }
  await writeFile(pinned, text);
  await git('commit', '--quiet', '--all', '--message', 'Installers that are stand-ins');
  const tag = `v${packageJson.version}`;
  await git('tag', tag);
  await run('cosign', ['generate-key-pair'], { cwd: join(directory, '..') });
  const key = join(directory, '../cosign.key');
  await run('npm', ['run', '--silent', 'release', '--', tag, '--registry', 'ghcr.io', '--key', key], {
    cwd: directory,
    env: { HOME: process.env['HOME'] },
  });
}

/** Publishes the base of the image tests, which trusts our sites like a company's base trusts the company's sites. */
async function publishBases(run: Run, path: Path): Promise<void> {
  const context = path('base');
  await mkdir(context);
  await cp(await baseTarball(), join(context, 'base.tar'));
  await cp(path('authorities.crt'), join(context, 'ca-certificates.crt'));
  await writeFile(
    join(context, 'Containerfile'),
    `FROM scratch
ADD base.tar /
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
LABEL org.opencontainers.image.version=44.20261101.0 containers.bootc=1
`,
  );
  await run('buildah', ['build', '--layers', '--tag', 'base', context]);
  await rm(context, { recursive: true });
  for (const name of ['aurora', 'bazzite', 'bluefin'])
    await run('buildah', ['push', 'localhost/base', `docker://ghcr.io/ublue-os/${name}:stable`]);
}

/** Publishes stand-ins for the tools that BlueBuild puts into each image besides the modules. No test runs them. */
async function publishToolsOfBlueBuild(run: Run, path: Path): Promise<void> {
  const images = {
    [`sigstore/cosign/cosign:${cosignOfBlueBuild}`]: 'ko-app/cosign',
    'blue-build/cli:latest-installer': 'out/bluebuild',
    'blue-build/nushell-image:default': 'nu/nu',
  };
  for (const [image, file] of Object.entries(images)) {
    const context = path('tool');
    await mkdir(context);
    await writeFile(join(context, 'stand-in'), '#!/bin/sh\necho "a stand-in, made by a test" >&2\nexit 1\n');
    await writeFile(join(context, 'Containerfile'), `FROM scratch\nCOPY --chmod=0755 stand-in /${file}\n`);
    await run('buildah', ['build', '--layers', '--tag', 'tool', context]);
    await run('buildah', ['push', 'localhost/tool', `docker://ghcr.io/${image}`]);
    await rm(context, { recursive: true });
  }
}
