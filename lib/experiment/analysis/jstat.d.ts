// The part of jStat that is used here; the package has no types of its own.
declare module 'jstat' {
  interface JStat {
    studentt: { inv(p: number, df: number): number }
    normal: { cdf(x: number, mean: number, sd: number): number }
    tukey: { cdf(q: number, groups: number, df: number): number; inv(p: number, groups: number, df: number): number }
    /** The regularized incomplete beta function. */
    ibeta(x: number, a: number, b: number): number
  }
  const jstat: { jStat: JStat }
  export default jstat
}
