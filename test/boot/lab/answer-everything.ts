/**
 * A network in which everything answers: a resolver that has an address for every name, and a server that accepts every
 * connection. Prints `ready` first, then a line for each question and each connection.
 * `node answer-everything.ts LISTEN ADDRESS`: listens on LISTEN and resolves every name to ADDRESS.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [listen = '127.0.0.1', address = '127.0.0.1'] = process.argv.slice(2);
const types: Record<number, string> = { 1: 'A', 28: 'AAAA', 33: 'SRV' };

/** The name and type that a DNS message asks for, and where its question ends (RFC 1035, 4.1). */
const questionOf = (message: Buffer): { name: string; type: number; end: number } => {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), type: message.readUInt16BE(at + 1), end: at + 5 };
};

const resolver = createSocket('udp4');
resolver.on('message', (message, { port, address: from }) => {
  const { name, type, end } = questionOf(message);
  console.log(`asked for ${name} ${types[type] ?? type}`);
  const answer = Buffer.from(message.subarray(0, end));
  // The flags of a response with recursion available; one answer for type A, otherwise none; no other records.
  answer.writeUInt16BE(0x8180, 2);
  answer.writeUInt16BE(type === 1 ? 1 : 0, 6);
  answer.writeUInt16BE(0, 8);
  answer.writeUInt16BE(0, 10);
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)];
  resolver.send(type === 1 ? Buffer.concat([answer, Buffer.from(record)]) : answer, port, from);
});

const ports = [80, 443];
const listening = ports.map((port) => {
  const server = createServer((connection) => {
    console.log(`connected to port ${port}`);
    connection.on('error', () => undefined);
    connection.once('data', () => connection.destroy());
  });
  return new Promise<void>((resolve) => server.listen(port, listen, resolve));
});
await Promise.all([...listening, new Promise<void>((resolve) => resolver.bind(53, listen, resolve))]);
console.log('ready');
