import type { ChildProcess } from 'node:child_process';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import type { CompletionItem, CompletionList, Diagnostic, Hover, Position } from 'yaml-language-server';

export type Editor = {
  /** The problems that are underlined in the file, as `LINE: MESSAGE`, with lines counted from 1. */
  problems: (text: string) => Promise<string[]>;
  /** The completions that are offered at `|`. */
  offers: (text: string) => Promise<string[]>;
  /** The hover text at `|`, as JSON. */
  shows: (text: string) => Promise<string>;
  stop: () => void;
};

/** Starts a client that yaml-language-server takes for an editor; `server` is the process of the language server. */
export async function startEditor(server: Pick<ChildProcess, 'stdin' | 'stdout' | 'kill'>): Promise<Editor> {
  if (!server.stdin || !server.stdout) throw new Error('the language server has no standard input or output');
  const connection = createMessageConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  const published = new Map<string, (diagnostics: Diagnostic[]) => void>();
  connection.onNotification(
    'textDocument/publishDiagnostics',
    ({ uri, diagnostics }: { uri: string; diagnostics: Diagnostic[] }) => published.get(uri)?.(diagnostics),
  );
  const settings = { validate: true, hover: true, completion: true, schemaStore: { enable: false } };
  connection.onRequest('workspace/configuration', ({ items }: { items: { section?: string }[] }) =>
    items.map(({ section }) => (section === 'yaml' ? settings : {})),
  );
  connection.onRequest('client/registerCapability', () => null);
  connection.listen();
  await connection.sendRequest('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: {
      textDocument: {
        completion: { completionItem: { documentationFormat: ['markdown'] } },
        hover: { contentFormat: ['markdown'] },
        publishDiagnostics: {},
      },
      workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } },
    },
  });
  await connection.sendNotification('initialized', {});
  await connection.sendNotification('workspace/didChangeConfiguration', { settings: { yaml: settings } });

  let files = 0;
  const open = async (text: string) => {
    const uri = `file:///recipes/${(files += 1)}.yml`;
    const diagnostics = new Promise<Diagnostic[]>((resolve) => void published.set(uri, resolve));
    await connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'yaml', version: 1, text },
    });
    return { uri, diagnostics: await diagnostics };
  };
  const ask = async <T>(request: string, text: string): Promise<T> => {
    const before = text.slice(0, text.indexOf('|')).split('\n');
    const position: Position = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
    const { uri } = await open(text.replace('|', ''));
    return connection.sendRequest<T>(`textDocument/${request}`, { textDocument: { uri }, position });
  };
  const textOf = (message: Diagnostic['message']) => (typeof message === 'string' ? message : message.value);

  return {
    problems: async (text) => {
      const { diagnostics } = await open(text);
      return diagnostics.map(({ range, message }) => `${range.start.line + 1}: ${textOf(message)}`);
    },
    offers: async (text) => {
      const answer = await ask<CompletionList | CompletionItem[]>('completion', text);
      return (Array.isArray(answer) ? answer : answer.items).map(({ label }) => label);
    },
    shows: async (text) => JSON.stringify((await ask<Hover | null>('hover', text))?.contents ?? ''),
    stop: () => {
      connection.dispose();
      server.kill();
    },
  };
}
