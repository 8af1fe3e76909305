import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

export interface Plugin {
  id: string;
  type: string;
  name: string;
  executable: string;
  info: {
    version: string;
    updated: string;
    description: string;
    keywords: string[];
    author: { name: string };
    logos: { small: string; large: string };
    links: Array<{ name: string; url: string }>;
    screenshots: Array<{ name: string; path: string }>;
  };
  dependencies: { grafanaDependency: string };
  [key: string]: unknown;
}

export function readJson<T>(file: string): T {
  return JSON.parse(fs.readFileSync(file, 'utf8')) as T;
}

/** All files below a folder, as paths from it with slashes, in order. */
export function filesOf(folder: string, skip: (name: string) => boolean = () => false): string[] {
  const found: string[] = [];
  const walk = (at: string) => {
    for (const entry of fs.readdirSync(path.join(folder, at), { withFileTypes: true })) {
      const name = path.posix.join(at, entry.name);
      if (skip(name)) {
        continue;
      }
      if (entry.isDirectory()) {
        walk(name);
      } else if (entry.isFile()) {
        found.push(name);
      }
    }
  };
  walk('');
  return found.sort();
}

/** The sources of the backend: what go_plugin_build_manifest has to name. */
export function goFiles(root: string): string[] {
  return filesOf(root, (name) => name === 'node_modules' || name === 'dist').filter((name) => name.endsWith('.go'));
}

export function sha256(file: string): string {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}

/** What the plugin SDK's own build writes as go_plugin_build_manifest: a sum and a path a line. */
export function goManifest(root: string): string {
  return goFiles(root)
    .map((name) => `${sha256(path.join(root, name))}:${name}\n`)
    .join('');
}
