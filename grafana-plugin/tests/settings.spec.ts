import { BELFRY, expect, PLUGIN, test } from './source';

test('settings that are right are said to be', async ({ createDataSourceConfigPage, page }) => {
  const config = await createDataSourceConfigPage({ type: PLUGIN });
  await page.getByRole('textbox', { name: /URL/ }).fill(BELFRY);
  await expect(config.saveAndTest()).toBeOK();
  await expect(config).toHaveAlert('success', { hasText: 'Belfry answers' });
});

test('a Belfry that is not there is named, with what to do', async ({ createDataSourceConfigPage, page }) => {
  const config = await createDataSourceConfigPage({ type: PLUGIN });
  await page.getByRole('textbox', { name: /URL/ }).fill('http://127.0.0.1:9');
  await expect(config.saveAndTest()).not.toBeOK();
  await expect(config).toHaveAlert('error', { hasText: '127.0.0.1:9' });
});

test('a token is kept, and never shown again', async ({ createDataSourceConfigPage, page }) => {
  const config = await createDataSourceConfigPage({ type: PLUGIN });
  await page.getByRole('textbox', { name: /URL/ }).fill(BELFRY);
  await page.getByPlaceholder('bf_…').fill('bf_secret');
  await config.saveAndTest();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Reset' })).toBeVisible();
  expect(await page.content()).not.toContain('bf_secret');
});
