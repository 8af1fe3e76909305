import { expect, explore, test } from './source';

const kinds = [
  { kind: 'hazards', query: { hazards: { show: 'table', limit: 100 } }, shows: 'Severity' },
  { kind: 'assets', query: { assets: { show: 'table', limit: 50 } }, shows: 'State' },
  { kind: 'events', query: { events: { limit: 50 } }, shows: 'Kind of event' },
  { kind: 'anomalies', query: { anomalies: { select: 'gas_ch4_lel_percent', limit: 2 } }, shows: 'Detector' },
  { kind: 'response', query: { response: { show: 'summary', by: 'team' } }, shows: 'Team' },
];

for (const { kind, query, shows } of kinds) {
  test(`${kind} are asked and answered`, async ({ page, source }) => {
    const answered = page.waitForResponse((r) => r.url().includes('/api/ds/query') && r.request().method() === 'POST');
    await explore(page, source, { kind, ...query });
    const answer = await answered;
    expect(answer.ok(), await answer.text()).toBe(true);
    await expect(page.getByText(shows, { exact: true }).first()).toBeVisible();
    const { results } = await answer.json();
    expect(results.A.error).toBeUndefined();
  });
}

test('a metric is chosen by the keyboard, and explained with its unit', async ({ page, source }) => {
  await explore(page, source, { kind: 'metrics', expr: '', range: true, editorMode: 'builder' });
  const metric = page.getByRole('combobox', { name: 'Metric', exact: true });
  await metric.focus();
  await page.keyboard.type('ch4_lel');
  await expect(page.getByRole('option', { name: /^gas_ch4_lel_percent/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByText('gas_ch4_lel_percent', { exact: true }).first()).toBeVisible();
  await expect(page.getByLabel('What these metrics are')).toContainText('%');
});

test('an asset is found by its Chinese name and by pinyin initials', async ({ page, source, request }) => {
  const found = await request.get(`/api/datasources/uid/${source}/resources/api/belfry/v1/assets?q=jfb&limit=1`);
  const { assets } = await found.json();
  expect(assets.length, 'Belfry has an asset at 解放碑').toBeGreaterThan(0);
  await explore(page, source, { kind: 'metrics', expr: 'gas_ch4_lel_percent', range: true, editorMode: 'builder' });
  for (const typed of ['jfb', '解放碑']) {
    const asset = page.getByRole('combobox', { name: 'Asset', exact: true });
    await asset.fill(typed);
    await expect(page.getByRole('option', { name: /解放碑/ }).first()).toBeVisible();
    await page.keyboard.press('Escape');
  }
});

test('code is completed: metrics, labels, values, assets by name', async ({ page, source }) => {
  await explore(page, source, { kind: 'metrics', expr: '', range: true, editorMode: 'code' });
  const code = page.getByRole('textbox', { name: 'PromQL expression' });
  const options = page.locator('.cm-tooltip-autocomplete');
  await code.click();
  await page.keyboard.type('gas_ch4');
  await expect(options).toContainText('gas_ch4_lel_percent');
  await page.keyboard.press('Escape');
  await page.keyboard.type('_lel_percent{');
  await expect(options).toContainText('asset');
  await page.keyboard.press('Escape');
  await page.keyboard.type('asset="jfb');
  await expect(options).toContainText('解放碑');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  await expect(code).not.toBeFocused();
});

test('an expression that the builder cannot show stays as it is', async ({ page, source }) => {
  await explore(page, source, {
    kind: 'metrics',
    expr: 'topk(3, gas_ch4_lel_percent) > 1',
    range: true,
    editorMode: 'code',
  });
  await page.getByRole('radio', { name: 'Builder' }).check({ force: true });
  await expect(page.getByText('The builder cannot show this expression')).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'PromQL expression' })).toContainText(
    'topk(3, gas_ch4_lel_percent) > 1'
  );
});
