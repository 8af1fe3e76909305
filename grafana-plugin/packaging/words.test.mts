import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { flat, localeFile, places, wordsOf } from './words.mts';

const root = `${import.meta.dirname}/..`;
const words = wordsOf(`${root}/src`);
const read = (language: string) => flat(JSON.parse(fs.readFileSync(localeFile(root, language), 'utf8')));

test('the English words are those of the source', () => {
  assert.deepEqual(Object.fromEntries(read('en-US')), Object.fromEntries(words), 'npm run words writes them');
});

test('every word is there in Chinese, with the same places', () => {
  const chinese = read('zh-Hans');
  assert.deepEqual([...chinese.keys()].sort(), [...words.keys()].sort());
  for (const [key, text] of words) {
    const translated = chinese.get(key) ?? '';
    assert.deepEqual(places(translated), places(text), key);
    assert.notEqual(translated.trim(), '', key);
  }
});

test('what is said to be translated is Chinese', () => {
  for (const [key, text] of read('zh-Hans')) {
    assert.match(text, /\p{Script=Han}/u, key);
  }
});
