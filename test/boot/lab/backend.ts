import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What deploys and boots an image: ostree, or bootc's composefs-native backend, in whose place cfsctl is here. */
export type Backend = 'ostree' | 'composefs-native';

/** Where on a machine's disk a backend keeps the /var of all deployments. */
export const varOf: Record<Backend, string> = {
  ostree: '/ostree/deploy/lab/var',
  'composefs-native': '/state/os/default/var',
};

const composefsDeployments = readFileSync(join(import.meta.dirname, 'composefs-deployments.sh'), 'utf8');
const runComposefs = (words: string): string =>
  `unshare --mount bash -s ${words} <<'end-of-script'\n${composefsDeployments}end-of-script`;

/**
 * How the guest deploys the image that a backend has deployed on another disk, and how it makes the deployment before the
 * default one the default.
 */
export const deploying: Record<Backend, { update: (device: string) => string; rollBack: string }> = {
  ostree: {
    // One read-only mount for as long as it takes, in a namespace of its own.
    update: (device) => `unshare --mount bash -euc '
       mkdir -p /run/lab/update; mount -o ro,noload ${device} /run/lab/update
       ostree pull-local /run/lab/update/ostree/repo lab
       ostree admin deploy --os=lab --stage lab'`,
    rollBack: 'ostree admin set-default 1',
  },
  'composefs-native': {
    update: (device) => runComposefs(`update ${device}`),
    rollBack: runComposefs('roll-back'),
  },
};

/**
 * Bash that has the root of the image's own /etc in `image`: ostree keeps that in /usr, and on the composefs-native backend
 * the machine's is mounted over it.
 */
export const imageOfEtc = `image=/usr
if [ ! -d /usr/etc ]; then
  image=/run/lab/image; mkdir -p $image; mountpoint -q $image || mount --bind / $image
fi
`;
