import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import yazl from 'yazl';
import { filesOf } from './sources.mts';

/** Writes a folder as a zip archive with one folder at its top. Programs stay programs wherever it is unpacked. */
export async function writeArchive(
  dist: string,
  top: string,
  to: string,
  isProgram: (name: string) => boolean,
  time: Date
) {
  const zip = new yazl.ZipFile();
  for (const name of filesOf(dist)) {
    zip.addFile(path.join(dist, name), `${top}/${name}`, { mtime: time, mode: isProgram(name) ? 0o100755 : 0o100644 });
  }
  zip.end();
  fs.mkdirSync(path.dirname(to), { recursive: true });
  await pipeline(zip.outputStream, fs.createWriteStream(to));
}

export interface Entry {
  name: string;
  /** The permissions, such as 0o755. */
  mode: number;
  content: Buffer;
}

export async function readArchive(file: string): Promise<Entry[]> {
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) =>
    yauzl.open(file, { autoClose: false, lazyEntries: true }, (err, opened) => (err ? reject(err) : resolve(opened)))
  );
  try {
    const entries: Entry[] = [];
    for await (const entry of eachEntry(zip)) {
      if (!entry.fileName.endsWith('/')) {
        const content = await contentOf(zip, entry);
        entries.push({ name: entry.fileName, mode: (entry.externalFileAttributes >>> 16) & 0o777, content });
      }
    }
    return entries;
  } finally {
    zip.close();
  }
}

async function* eachEntry(zip: yauzl.ZipFile): AsyncGenerator<yauzl.Entry> {
  const broken = once(zip, 'error').then(([err]) => Promise.reject(err));
  broken.catch(() => undefined);
  for (let left = zip.entryCount; left > 0; left--) {
    const entry = once(zip, 'entry');
    zip.readEntry();
    const [next] = await Promise.race([entry, broken]);
    yield next;
  }
}

async function contentOf(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Buffer> {
  const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) =>
    zip.openReadStream(entry, (err, opened) => (err ? reject(err) : resolve(opened)))
  );
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}
