/** A file known by its digest before it is fetched. `name` is what messages call it. */
export type Artifact = { url: string; sha256: string; name: string };
