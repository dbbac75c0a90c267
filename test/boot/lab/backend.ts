import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What deploys and boots an image: ostree, or bootc's composefs-native backend, for which cfsctl stands in here. */
export type Backend = 'ostree' | 'composefs-native';

/** The path on a machine's disk where each backend keeps the /var of all deployments. */
export const varOf: Record<Backend, string> = {
  ostree: '/ostree/deploy/lab/var',
  'composefs-native': '/state/os/default/var',
};

const composefsDeployments = readFileSync(join(import.meta.dirname, 'composefs-deployments.sh'), 'utf8');
const runComposefs = (words: string): string =>
  `unshare --mount bash -s ${words} <<'end-of-script'\n${composefsDeployments}end-of-script`;

/**
 * Commands for the guest, by backend: `update` deploys the image that the backend has deployed on another disk, and
 * `rollBack` makes the deployment before the default one the default.
 */
export const deploying: Record<Backend, { update: (device: string) => string; rollBack: string }> = {
  ostree: {
    // The disk is mounted read-only, only while this runs, in a mount namespace of its own.
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
 * Bash that sets `image` to the directory that contains the image's own etc: on ostree that is /usr; on the
 * composefs-native backend it is a bind mount of /, where the machine's /etc does not hide the image's.
 */
export const imageOfEtc = `image=/usr
if [ ! -d /usr/etc ]; then
  image=/run/lab/image; mkdir -p $image; mountpoint -q $image || mount --bind / $image
fi
`;
