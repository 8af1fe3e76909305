import { expect, explore, speak, test } from './source';

test.afterEach(async ({ request }) => speak(request, 'en-US'));

test('editors are in Chinese where Grafana is', async ({ page, source, request }) => {
  await speak(request, 'zh-Hans');
  await explore(page, source, { kind: 'hazards', hazards: { show: 'table', limit: 50 } });
  for (const words of ['显示', '表格', '级别', '领域', '责任单位', '街道', '实时']) {
    await expect(page.getByText(words, { exact: true }).first()).toBeVisible();
  }
});
