import { fullDisk, readOnlyPersistence, rebootInTheMiddle } from '../faulty-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { installer } from '../providers.ts';

scenario(
  'a disk with too little room, and one that fills up meanwhile: told, and Nix comes once there is room',
  (lab) => fullDisk(lab, installer),
  1800,
);

scenario(
  'a persistence directory that cannot be written: told, and the next boot installs',
  (lab) => readOnlyPersistence(lab, installer),
  1200,
);

scenario('the user reboots in the middle: the next boot starts over', (lab) => rebootInTheMiddle(lab, installer), 1200);
