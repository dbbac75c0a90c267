/**
 * For extended/lab-killed.test.ts: a machine that is on and an image build that does not end, in a process that is killed
 * from outside. Its argument is text for the build's command; it prints the directory of its files.
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
