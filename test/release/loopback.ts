import { writeFileSync } from 'node:fs';
import { type RunOptions, startOwnInternet } from '../support/own-internet.ts';
import { startGithubStandIn } from './github-stand-in.ts';
import { newerTools } from './newer-tools.ts';
import { startNpmStandIn } from './npm-stand-in.ts';

/**
 * Starts ghcr.io, GitHub and npm's registry on loopback: ghcr.io is a real registry with TLS under its own name, and
 * stand-ins replace the other two, which are not available here. Only programs started with `run` can reach them.
 */
export async function startLoopback() {
  const internet = await startOwnInternet();
  const { path } = internet;
  await internet.startRegistry(['ghcr.io'], path('registry'));
  const [github, npm] = await Promise.all([
    startGithubStandIn(await internet.site(['api.github.com', 'uploads.github.com', 'github.com'])),
    startNpmStandIn(),
  ]);
  const connected = await internet.connect(internet.names);

  const tools = await newerTools();
  writeFileSync(path('npmrc'), `${npm.url.replace('http:', '')}:_authToken=rehearsal\nupdate-notifier=false\n`);
  const env = {
    PATH: `${tools}:${process.env['PATH']}`,
    NPM_CONFIG_USERCONFIG: path('npmrc'),
    GH_TOKEN: 'rehearsal',
    GH_CONFIG_DIR: path('gh'),
    COSIGN_PASSWORD: '',
    GITHUB_ACTIONS: undefined,
    GITHUB_WORKFLOW_REF: undefined,
  };
  /** Starts a program that can reach these sites. */
  const run = (program: string, args: readonly string[], options: RunOptions = {}) =>
    connected(program, args, { ...options, env });

  const stop = () => {
    github.stop();
    npm.stop();
    internet.stop();
  };
  return { path, run, github, npm, stop };
}
