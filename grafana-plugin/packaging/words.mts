import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** The words of the source in English, by key: the arguments of every t(). */
export function wordsOf(folder: string): Map<string, string> {
  const words = new Map<string, string>();
  for (const file of sources(folder)) {
    const source = ts.createSourceFile(file, fs.readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 't') {
        take(words, file, node);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return words;
}

function take(words: Map<string, string>, file: string, { arguments: [key, text] }: ts.CallExpression) {
  if (!key || !text || !ts.isStringLiteralLike(key) || !ts.isStringLiteralLike(text)) {
    throw new Error(`${file}: t() wants a key and a text that are written out, as they are collected from the source`);
  }
  const known = words.get(key.text);
  if (known !== undefined && known !== text.text) {
    throw new Error(`${file}: ${key.text} is "${text.text}" here, and "${known}" elsewhere`);
  }
  words.set(key.text, text.text);
}

function sources(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name))
    .sort()
    .map((name) => path.join(folder, name));
}

type Tree = { [key: string]: string | Tree };

/** Words as Grafana wants a file of them: nested at the dots of their keys. */
export function nested(words: Map<string, string>): Tree {
  const root: Tree = {};
  for (const [key, text] of [...words].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const parts = key.split('.');
    let at = root;
    for (const part of parts.slice(0, -1)) {
      const next = (at[part] ??= {});
      if (typeof next === 'string') {
        throw new Error(`${key}: "${part}" is a word already`);
      }
      at = next;
    }
    at[parts[parts.length - 1]] = text;
  }
  return root;
}

export function flat(tree: Tree, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === 'string' ? [[prefix + key, value] as const] : [...flat(value, `${prefix}${key}.`)]
    )
  );
}

export function localeFile(root: string, language: string): string {
  return path.join(root, 'src', 'locales', language, 'belfry-cityops-datasource.json');
}

/** The {{names}} that a text has places for. */
export function places(text: string): string[] {
  return (text.match(/\{\{\s*\w+\s*\}\}/g) ?? []).sort();
}
