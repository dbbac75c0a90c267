/** Preload: answers the script's requests to blue-build.org and GitHub from clones of BlueBuild's repositories. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const checkouts = process.env['CHECKOUTS'] ?? '';
const found = ['modules/modules/*/*.tsp', 'cli/template/templates/modules/*/*.tsp'].flatMap((pattern) =>
  globSync(join(checkouts, pattern)),
);

globalThis.fetch = async (asked) => {
  const url = String(asked instanceof Request ? asked.url : asked);
  return url === 'https://blue-build.org/modules.json'
    ? Response.json(found.map((tsp) => ({ name: basename(tsp, '.tsp'), tsp })))
    : new Response(readFileSync(url));
};
