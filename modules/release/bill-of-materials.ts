import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Release } from './release.ts';

const repository = join(import.meta.dirname, '../..');

type Component = { 'bom-ref': string; name: string; version: string; scope?: string; cpe?: string };
type Bom = {
  serialNumber: string;
  metadata: { timestamp: string; component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
};
type Package = { name: string; version: string };

/**
 * Writes what the module image contains, as CycloneDX: npm's own list of the lock file's packages with their digests and
 * licenses, of which those stay that are bundled, and the Nodes. Gives the name of the file in `directory`.
 */
export async function makeBillOfMaterials(directory: string, release: Release): Promise<string> {
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'];
  const { stdout } = await execa('npm', args, { cwd: repository });
  const bom = JSON.parse(stdout) as Bom;
  const bundled = JSON.parse(
    await readFile(join(repository, 'modules/nix/program/packages.json'), 'utf8'),
  ) as Package[];

  const isNode = ({ name }: Package) => name.startsWith('node-linux-');
  const inImage = new Set(bundled.map(({ name, version }) => `${name}@${version}`));
  const components = bom.components.filter((one) => isNode(one) || inImage.has(`${one.name}@${one.version}`));
  const described = new Set(components.map(({ name, version }) => `${name}@${version}`));
  const missing = [...inImage].filter((one) => !described.has(one));
  if (missing.length > 0) throw new Error(`npm sbom does not list ${missing.join(', ')}, which the program bundles`);
  if (components.filter(isNode).length !== 2) throw new Error('npm sbom does not list the Node of each architecture');

  const own = bom.metadata.component;
  const references = new Set([own, ...components].map((component) => component['bom-ref']));
  const result = {
    ...bom,
    serialNumber: `urn:uuid:${uuidOf(release.revision)}`,
    metadata: {
      ...bom.metadata,
      timestamp: new Date(release.time * 1000).toISOString(),
      component: { ...own, name: 'bluebuild-nix' },
    },
    // All of them lie in the image, whatever npm would install; and scanners know Node by this name, not as a package.
    components: components.map((one) => ({
      ...one,
      scope: 'required',
      ...(isNode(one) && { cpe: `cpe:2.3:a:nodejs:node.js:${one.version}:*:*:*:*:*:*:*` }),
    })),
    dependencies: bom.dependencies
      .filter(({ ref }) => references.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => references.has(one)) })),
  };
  const file = 'bluebuild-nix.cdx.json';
  await writeFile(join(directory, file), `${JSON.stringify(result, undefined, 2)}\n`);
  return file;
}

/** A UUID of version 8 (RFC 9562) that is always the same for a commit. */
function uuidOf(revision: string): string {
  const hash = createHash('sha256').update(revision).digest('hex');
  const groups = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`];
  return [...groups, hash.slice(20, 32)].join('-');
}
