/** What registering a hook returns. */
export interface HookHandle {
  /** Removes the hook. Repeated calls are harmless. */
  remove(): void
  [Symbol.dispose](): void
}

export const hookHandle = (remove: () => void): HookHandle => ({ remove, [Symbol.dispose]: remove })
