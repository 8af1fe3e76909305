import fs from 'node:fs';
import { flat, localeFile, nested, wordsOf } from './words.mts';

// Writes the English words, and lets those of other languages keep what is still
// wanted. What has no word yet is named; a test fails until it has one.
const root = process.cwd();
const words = wordsOf(`${root}/src`);
fs.writeFileSync(localeFile(root, 'en-US'), JSON.stringify(nested(words), null, 2) + '\n');
const file = localeFile(root, 'zh-Hans');
const chinese = flat(JSON.parse(fs.readFileSync(file, 'utf8')));
const kept = new Map([...words.keys()].flatMap((key) => (chinese.has(key) ? [[key, chinese.get(key)!] as const] : [])));
fs.writeFileSync(file, JSON.stringify(nested(kept), null, 2) + '\n');
for (const [key, text] of words) {
  if (!kept.has(key)) {
    console.log(`${key}\t${text}`);
  }
}
