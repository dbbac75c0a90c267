import { fullDisk } from '../faulty-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { installer } from '../providers.ts';

scenario(
  'a disk with too little room, and one that fills up meanwhile: told, and Nix comes once there is room',
  (lab) => fullDisk(lab, installer),
  1800,
);
