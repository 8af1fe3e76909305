import { config } from '@grafana/runtime';

/** The language of whoever looks, as Belfry knows languages. */
export function userLanguage(): 'en' | 'zh-CN' {
  const tag = config.bootData?.user?.language || (typeof navigator === 'undefined' ? '' : navigator.language);
  return /^zh\b/i.test(tag.replace('_', '-')) ? 'zh-CN' : 'en';
}
