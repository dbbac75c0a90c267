import { fullDisk, readOnlyPersistence, rebootInTheMiddle } from '../faulty-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { ownTarball } from '../providers.ts';

scenario(
  'native: a disk with too little room, and one that fills up meanwhile: told, and Nix comes once there is room',
  (lab) => fullDisk(lab, ownTarball),
  1800,
);

scenario(
  'native: a persistence directory that cannot be written: told, and the next boot installs',
  (lab) => readOnlyPersistence(lab, ownTarball),
  1200,
);

scenario(
  'native: the user reboots in the middle: the next boot starts over',
  (lab) => rebootInTheMiddle(lab, ownTarball),
  1200,
);
