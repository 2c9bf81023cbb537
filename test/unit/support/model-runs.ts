/** How many made-up histories each property is tried on. `npm run check` sets more (vitest.config.ts). */
export const modelRuns = Number(process.env['MODEL_RUNS'] ?? 50);
