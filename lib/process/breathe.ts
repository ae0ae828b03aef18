/** Lets timers, messages and signals run between two long synchronous pieces of work. */
export const breathe = (): Promise<void> => new Promise((resume) => setImmediate(resume))
