/** What deploys and boots an image: ostree, or bootc's composefs-native backend, in whose place cfsctl is here. */
export type Backend = 'ostree' | 'composefs-native';

/** Where on a machine's disk a backend keeps the /var of all deployments. */
export const varOf: Record<Backend, string> = {
  ostree: '/ostree/deploy/lab/var',
  'composefs-native': '/state/os/default/var',
};
