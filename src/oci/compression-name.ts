/** How a layer can be compressed. */
export const compressions = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof compressions)[number];

/** The compression that the name of a layer's file asks for; undefined where it ends in nothing known. */
export function compressionOfFile(name: string): Compression | undefined {
  const endings = { '.tar': 'none', '.tar.gz': 'gzip', '.tgz': 'gzip', '.tar.zst': 'zstd' } as const;
  return Object.entries(endings).find(([ending]) => name.endsWith(ending))?.[1];
}
