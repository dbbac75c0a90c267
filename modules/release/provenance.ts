import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import type { Release } from './release.ts';

const repository = join(import.meta.dirname, '../..');
const home = packageJson.homepage.replace(/#.*/, '');

/**
 * Writes how the image was built, as SLSA's provenance (slsa.dev/spec/v1.0/provenance): from which commit and which Node,
 * by which run of which workflow, or by hand. Gives the name of the file in `directory`.
 */
export async function makeProvenance(
  directory: string,
  { tag, revision }: Release,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const ref = `refs/tags/${tag}`;
  const server = environment['GITHUB_SERVER_URL'];
  const workflow = environment['GITHUB_WORKFLOW_REF'];
  const inWorkflow = server !== undefined && workflow !== undefined;
  const run = `${environment['GITHUB_RUN_ID']}/attempts/${environment['GITHUB_RUN_ATTEMPT']}`;
  const provenance = {
    buildDefinition: {
      ...(inWorkflow
        ? {
            buildType: 'https://actions.github.io/buildtypes/workflow/v1',
            externalParameters: {
              workflow: { ref, repository: home, path: workflow.replace(/@.*/, '').split('/').slice(2).join('/') },
            },
          }
        : {
            buildType: `${home}/blob/${tag}/modules/release/release.ts`,
            externalParameters: { command: `npm run release -- ${tag}` },
          }),
      resolvedDependencies: [{ uri: `git+${home}@${ref}`, digest: { gitCommit: revision } }, ...(await nodePackages())],
    },
    runDetails: inWorkflow
      ? {
          builder: { id: `${server}/${workflow}` },
          metadata: { invocationId: `${server}/${environment['GITHUB_REPOSITORY']}/actions/runs/${run}` },
        }
      : { builder: { id: `${home}#by-hand` } },
  };
  const file = 'bluebuild-nix.provenance.json';
  await writeFile(join(directory, file), `${JSON.stringify(provenance, undefined, 2)}\n`);
  return file;
}

async function nodePackages() {
  const lock = JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  return Object.entries(lock.packages).flatMap(([path, { version, integrity }]) => {
    const [, name] = /^node_modules\/(node-linux-[^/]+)$/.exec(path) ?? [];
    if (name === undefined) return [];
    const sha512 = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
    return [{ uri: `pkg:npm/${name}@${version}`, digest: { sha512 } }];
  });
}
