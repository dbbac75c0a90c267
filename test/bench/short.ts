/** `BENCH=short`: one short round, which shows that a bench still runs. Its numbers mean nothing. */
export const isShort = process.env['BENCH'] === 'short';
