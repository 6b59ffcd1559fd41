export async function writeTable(_: unknown): Promise<void> {}
