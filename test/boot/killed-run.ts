/**
 * For extended/lab-killed.test.ts, which kills this process: a machine that is on and an image build that never ends.
 * The argument is a text that appears in the build's command. Prints the directory of its files.
 */
import { makeRunDirectory } from './lab/cache.ts';
import { buildImage } from './lab/image.ts';
import { makeMachine } from './lab/machine.ts';

const [mark = ''] = process.argv.slice(2);
const directory = await makeRunDirectory();
console.log(directory);
const machine = await makeMachine('killed', await buildImage({ containerfile: 'FROM lab-base\n' }), directory);
await Promise.all([
  machine.boot({ until: 'control' }),
  buildImage({ containerfile: `FROM lab-base\nRUN echo ${mark} && sleep 3600\n` }),
]);
