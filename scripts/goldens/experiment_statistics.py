"""Writes test/golden/statistics.json: what scipy and statsmodels make of small samples.

    python scripts/goldens/experiment_statistics.py

Needs scipy and statsmodels.
"""

import json
import pathlib

import numpy as np
from scipy import integrate, optimize, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "statistics.json"
generator = np.random.default_rng(20260101)

samples = []
for n in [2, 3, 4, 5, 7, 10, 16, 30]:
    for shift in [0.0, 0.5, 6.0]:
        x = np.round(generator.normal(shift, 1.0, n), 4)
        test = stats.ttest_1samp(x, 0.0)
        interval = stats.t.interval(0.95, n - 1, loc=x.mean(), scale=stats.sem(x))
        # Every way to give each value a sign; scipy takes it for one sample of pairs.
        exact = None
        if n <= 10:
            exact = stats.permutation_test(
                (x,), lambda v: v.mean(), permutation_type="samples", n_resamples=np.inf, vectorized=False
            ).pvalue
        samples.append(
            dict(
                values=x.tolist(),
                mean=float(x.mean()),
                sd=float(x.std(ddof=1)),
                interval=[float(v) for v in interval],
                t=float(test.statistic),
                p=float(test.pvalue),
                exact=None if exact is None else float(exact),
            )
        )

families = []
for size in [1, 2, 3, 5, 12]:
    p = np.round(generator.uniform(0, 1, size) ** 3, 5)
    families.append(dict(p=p.tolist(), holm=multipletests(p, method="holm")[1].tolist()))



def power_of(difference, n, alpha):
    """Over the distribution of the sample's standard deviation: scipy's noncentral t is NaN at the shifts of two pairs."""
    critical, shift, spread = stats.t.ppf(1 - alpha / 2, n - 1), difference * np.sqrt(n), stats.chi(n - 1)

    def found(chi):
        edge = critical * chi / np.sqrt(n - 1)
        return spread.pdf(chi) * (stats.norm.cdf(shift - edge) + stats.norm.cdf(-shift - edge))

    bend = shift / critical * np.sqrt(n - 1)
    points = sorted({0.0, 0.1, 0.5 * bend, bend, 2 * bend, spread.ppf(0.5), spread.isf(1e-16)})
    return sum(integrate.quad(found, a, b, epsabs=1e-12, limit=200)[0] for a, b in zip(points, points[1:]))


assert abs(power_of(1.0, 10, 0.05) - TTestPower().power(1.0, 10, 0.05)) < 1e-8


# In standard deviations.
detectable = [
    dict(
        n=n,
        alpha=alpha,
        power=power,
        difference=float(optimize.brentq(lambda d: power_of(d, n, alpha) - power, 1e-3, 200, xtol=1e-10)),
    )
    for n in [2, 3, 4, 5, 10, 20]
    for alpha in [0.05, 0.05 / 3]
    for power in [0.5, 0.8, 0.95]
]

rankings = []
for k, n in [(2, 3), (3, 2), (5, 3), (20, 2), (12, 5)]:
    table = np.round(generator.normal(0, 1, (k, 1)) + generator.normal(0, 2, (1, n)) + generator.normal(0, 0.3, (k, n)), 4)
    residuals = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    df = (k - 1) * (n - 1)
    residual = float(np.sqrt((residuals**2).sum() / df))
    means = table.mean(1)
    behind = means.max() - means
    rankings.append(
        dict(
            table=table.tolist(),
            order=[int(i) for i in np.argsort(-means)],
            residual=residual,
            df=df,
            width=float(stats.studentized_range.ppf(0.95, k, df) * residual / np.sqrt(n)),
            p=[float(stats.studentized_range.sf(b / (residual / np.sqrt(n)), k, df)) for b in behind],
        )
    )

OUT.write_text(json.dumps(dict(samples=samples, families=families, detectable=detectable, rankings=rankings), indent=1) + "\n")
print(f"{OUT}: {len(samples)} samples, {len(detectable)} detectable differences, {len(rankings)} rankings")
