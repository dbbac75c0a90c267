import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { schemasOfCrate } from './cli.ts';

/**
 * The schemas of schema.blue-build.org, by their path there. BlueBuild writes them in TypeSpec and publishes them only
 * on that site. BLUEBUILD_CHECKOUTS names a folder with clones of its repositories `schema`, `modules` and `cli`, from
 * which they are compiled as BlueBuild does it. Without it they come from the crate, whose schemas are older and cover
 * fewer modules.
 */
export async function blueBuildSchemas(): Promise<Map<string, Buffer>> {
  const checkouts = process.env['BLUEBUILD_CHECKOUTS'];
  return checkouts === undefined ? filesBelow(await schemasOfCrate()) : compile(checkouts);
}

async function filesBelow(directory: string): Promise<Map<string, Buffer>> {
  const names = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.json'));
  const read = async (name: string): Promise<[string, Buffer]> => [`/${name}`, await readFile(join(directory, name))];
  return new Map(await Promise.all(names.map(read)));
}

async function compile(checkouts: string): Promise<Map<string, Buffer>> {
  const directory = await mkdtemp(join(tmpdir(), 'bluebuild-schema-'));
  try {
    await cp(join(checkouts, 'schema'), directory, { recursive: true });
    const run = (program: string, ...args: string[]) =>
      execa(program, args, { cwd: directory, preferLocal: true, localDir: directory, env: { CHECKOUTS: checkouts } });
    await run('npm', 'ci');
    // BlueBuild's script asks blue-build.org for the list of modules, and GitHub for each module's TypeSpec.
    const answers = join(import.meta.dirname, 'website-stand-in.ts');
    await run(process.execPath, '--import', answers, 'fetchModuleSchemas.js');
    await run('tsp', 'compile', 'src-tsp');
    await run(process.execPath, 'buildWeb.js');
    return await filesBelow(join(directory, 'dist'));
  } finally {
    await rm(directory, { recursive: true });
  }
}
