import { UserError } from '../diagnostic/user-error.ts';

/** Where an image is: a layout's directory or an archive of one, and its tag there. */
export type ImageReference = {
  /** As it was written, for messages. */
  text: string;
  kind: 'layout' | 'archive';
  path: string;
  tag: string | undefined;
};

/** Reads `oci:DIR[:TAG]` or `oci-archive:FILE[:TAG]`, as skopeo and buildah write them. Throws a `UserError`. */
export function imageReference(text: string): ImageReference {
  const [transport, path = '', ...rest] = text.split(':');
  const kind = transport === 'oci' ? 'layout' : transport === 'oci-archive' ? 'archive' : undefined;
  if (!kind) throw new UserError(`${text} is not an image reference that this program reads`, other(transport, text));
  if (path === '') throw new UserError(`${text} names no path`, 'write oci:DIRECTORY:TAG or oci-archive:FILE:TAG');
  const tag = rest.join(':') || undefined;
  // The OCI image layout's grammar for org.opencontainers.image.ref.name.
  if (tag !== undefined && !/^[A-Za-z0-9]+([-._:@+/]|--|[A-Za-z0-9])*$/.test(tag)) {
    throw new UserError(`${text}: ${JSON.stringify(tag)} cannot be a tag`, 'use letters, digits, `.`, `_` and `-`');
  }
  return { text, kind, path, tag };
}

function other(transport: string | undefined, text: string): string {
  if (transport === 'docker' || transport === 'containers-storage' || transport === 'docker-daemon') {
    return `copy it into a layout first: skopeo copy --all ${text} oci:DIRECTORY:TAG`;
  }
  if (transport === 'dir' || transport === 'docker-archive') {
    return `copy it into a layout first: skopeo copy ${text} oci:DIRECTORY:TAG`;
  }
  return 'write oci:DIRECTORY:TAG or oci-archive:FILE:TAG';
}
