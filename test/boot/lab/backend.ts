/** What deploys and boots an image: ostree, or bootc's composefs-native backend, in whose place cfsctl is here. */
export type Backend = 'ostree' | 'composefs-native';

/** Where on a machine's disk a backend keeps the /var of all deployments. */
export const varOf: Record<Backend, string> = {
  ostree: '/ostree/deploy/lab/var',
  'composefs-native': '/state/os/default/var',
};

// bootc has /sysroot read-only, too, and does all this in a mount namespace of its own.
const writable = 'mount -o remount,bind,rw /sysroot';

/** What deploys the image of the disk that is mounted at /run/lab/update, in a mount namespace of its own. */
export const updateScript: Record<Backend, string> = {
  ostree: `
    ostree pull-local /run/lab/update/ostree/repo lab
    ostree admin deploy --os=lab --stage lab`,
  'composefs-native': `
    ${writable}
    /run/lab/update/lab/cfsctl --repo /sysroot/composefs oci copy lab --from /run/lab/update/composefs --name lab
    booted=$(sed "s/.*composefs=?*\\([0-9a-f]*\\).*/\\1/" /proc/cmdline)
    bash /run/lab/update/lab/composefs-deploy.sh /sysroot "$booted"`,
};

/** What makes the deployment before the one that boots by default the default; also in a mount namespace of its own. */
export const rollBackScript: Record<Backend, string> = {
  ostree: 'ostree admin set-default 1',
  'composefs-native': `
    ${writable}
    cd /sysroot/boot/loader/entries
    latest=$(sed -n "s/^version //p" * | sort -n | tail -n 1)
    before=$(grep "^version " * | sort -t " " -k 2n | tail -n 2 | head -n 1)
    sed -i "s/^version .*/version $((latest + 1))/" "\${before%%:*}"`,
};
