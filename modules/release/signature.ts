import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExecaError, execa } from 'execa';

/** How cosign signs, and what it is told to accept. */
export type Signer = { sign: string[]; accept: string[]; legacy: string[] };

/** A statement about the image, by cosign's name of its type, and the file that it is in. */
export type Attestation = { type: 'cyclonedx' | 'slsaprovenance1'; predicate: string };

// podman, skopeo and bootc (containers/image) know the signature that lies under the tag sha256-DIGEST.sig, and cosign up
// to version 2 looks for no other; cosign 3 and GitHub look for a bundle among the image's referrers. So there are both.
const asTag = '--new-bundle-format=false';

const cosign = (...args: string[]) => execa('cosign', args);

/** Signs with a key where there is one, and otherwise as the GitHub workflow that this runs in. */
export async function makeSigner(
  directory: string,
  key: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<Signer> {
  if (key === undefined) {
    const workflow = environment['GITHUB_WORKFLOW_REF'];
    if (!workflow) throw new Error('only a GitHub workflow signs without a key: give --key');
    const identity = `${environment['GITHUB_SERVER_URL'] ?? 'https://github.com'}/${workflow}`;
    const issuer = 'https://token.actions.githubusercontent.com';
    return {
      sign: [],
      accept: ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer],
      legacy: ['--use-signing-config=false'],
    };
  }
  // A key needs none of sigstore's services, and its log is none for keys that nobody else has seen.
  const [services, publicKey] = [join(directory, 'signing-config.json'), join(directory, 'cosign.pub')];
  const none = ['fulcio', 'oidc', 'rekor', 'tsa'].map((service) => `--no-default-${service}`);
  await cosign('signing-config', 'create', ...none, '--out', services);
  await writeFile(publicKey, (await cosign('public-key', '--key', key)).stdout);
  return {
    sign: ['--key', key, '--signing-config', services],
    accept: ['--key', publicKey, '--insecure-ignore-tlog'],
    legacy: ['--key', key, '--use-signing-config=false', '--tlog-upload=false'],
  };
}

/** Signs an image in both forms. */
export async function sign(image: string, signer: Signer): Promise<void> {
  await cosign('sign', '--yes', asTag, ...signer.legacy, image);
  await cosign('sign', '--yes', ...signer.sign, image);
}

/** Verifies both signatures of an image; throws where one is missing or wrong. */
export async function verify(image: string, { accept }: Signer): Promise<void> {
  await cosign('verify', asTag, ...accept, image);
  await cosign('verify', ...accept, image);
}

export const isSigned = (image: string, signer: Signer): Promise<boolean> => succeeds(verify(image, signer));

/** Attaches a statement to an image, where it has none of that type by this signer, and verifies it. */
export async function attest(image: string, { type, predicate }: Attestation, { sign, accept }: Signer): Promise<void> {
  const check = () => cosign('verify-attestation', '--type', type, ...accept, image);
  if (await succeeds(check())) return;
  await cosign('attest', '--yes', '--type', type, '--predicate', predicate, ...sign, image);
  await check();
}

/** Whether cosign says yes; that it cannot be started is no answer. */
async function succeeds(checked: Promise<unknown>): Promise<boolean> {
  try {
    await checked;
    return true;
  } catch (cause) {
    if (cause instanceof ExecaError && cause.exitCode !== undefined) return false;
    throw cause;
  }
}
